"""Many boards from one file: in order, canaries first, and to be gone on with after a break."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.writing import write_atomically
from edge.firmware.flasher import FlashError, Outcome
from telemetry.contract.wire_types import UtcTime, rfc3339_ms

REPORT_MODE = 0o644  # a report: whoever shares the laptop may read it

MOST_BYTES = 256 * 1024
MOST_BOARDS = 500
NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"


class CampaignError(Exception):
    """The file cannot be used; `cure` says what to do."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Step(_File):
    """One board of the campaign."""

    board: str = Field(pattern=NAME, description="its name in the unit file, or one for `port`")
    package: Path = Field(description="from the folder of the campaign's file")
    port: str | None = Field(None, description="of a board that stands in no unit file")
    canary: bool = False


class Campaign(_File):
    """The file."""

    name: str = Field(pattern=NAME)
    on_failure: Literal["stop", "go_on"] = Field("stop", description="a canary's always stops")
    watch_canaries_s: float = Field(
        30.0, ge=0, le=86_400, description="how long they must run before the others are flashed"
    )
    boards: tuple[Step, ...] = Field(min_length=1, max_length=MOST_BOARDS)

    @model_validator(mode="after")
    def _boards_are_different(self) -> Self:
        names = [step.board for step in self.boards]
        if len(set(names)) != len(names):
            raise ValueError("a board stands there twice")
        return self

    def in_order(self) -> list[Step]:
        """Canaries first, else as they stand."""
        return sorted(self.boards, key=lambda step: not step.canary)


class Done(BaseModel):
    """What became of one board."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    board: str
    end: str  # confirmed, on_trial, unchanged, failed, reverted, not_begun
    package_sha256: str
    at: UtcTime | None = None
    before: str | None = None
    after: str | None = None
    took_s: float | None = None
    text: str = ""
    state: str = ""

    @property
    def well(self) -> bool:
        return self.end in ("confirmed", "unchanged", "would_flash")


def read_campaign(path: Path) -> Campaign:
    """Raises CampaignError."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}", "check the name") from error
    if len(data) > MOST_BYTES:
        raise CampaignError(f"{path} is larger than any campaign", "is it the right file?")
    try:
        content = yaml.safe_load(data)
        return Campaign.model_validate(content, strict=False)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise CampaignError(f"{path}: {_first(error)}", "see docs/firmware.md for one") from error


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in found["loc"])
        if not where and found["type"] != "value_error":
            return "this is no campaign"
        return f"{where}: {found['msg'].removeprefix('Value error, ')}".removeprefix(": ")
    return " ".join(str(error).split())[:200]


@dataclass(slots=True)
class State:
    """What is done already, in a file beside the campaign's. Written after each board."""

    path: Path | None  # None: nothing is kept
    done: dict[str, Done] = field(default_factory=dict)

    @classmethod
    def beside(cls, campaign: Path) -> Self:
        """Raises CampaignError for one that cannot be read."""
        path = campaign.with_name(campaign.name + ".state.json")
        try:
            listed = json.loads(path.read_bytes())
            found = [Done.model_validate(each) for each in listed["boards"]]
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, TypeError, KeyError) as error:
            cure = "move it away; boards that have the image already are passed over quickly"
            raise CampaignError(f"{path} cannot be read", cure) from error
        return cls(path, {each.board: each for each in found})

    def note(self, done: Done) -> None:
        """Raises CampaignError where the disk does not take it."""
        self.done[done.board] = done
        if self.path is None:
            return
        content = {"boards": [each.model_dump(mode="json") for each in self.done.values()]}
        try:
            write_atomically(self.path, json.dumps(content, indent=1), REPORT_MODE)
        except OSError as error:
            cure = "copy the campaign's file to where this user may write"
            raise CampaignError(f"{self.path}: {error.strerror}", cure) from error


Flash = Callable[[Step], Outcome]  # raises FlashError
StillWell = Callable[[Step], bool]


@dataclass(slots=True)
class Run:
    """One run of a campaign. `flash` does one board, `still_well` asks one again."""

    campaign: Campaign
    state: State
    folder: Path
    flash: Flash
    still_well: StillWell
    utc: Callable[[], datetime]
    pause: Callable[[float], None]
    stopped: str = ""  # why the rest was not begun

    def go(self) -> Iterator[Done]:
        """Each board as it is done, then those that were not begun. Raises CampaignError."""
        canaries: list[Step] = []
        for step in self.campaign.in_order():
            digest = digest_of(self.folder / step.package)
            if not self.stopped and canaries and not step.canary:
                self._watch(canaries)
                canaries = []
            if self.stopped:
                yield Done(board=step.board, end="not_begun", package_sha256=digest)
                continue
            known = self.state.done.get(step.board)
            fresh = known is None or not known.well or known.package_sha256 != digest
            done = self._one(step, digest) if fresh or known is None else known
            if fresh and step.canary:
                canaries.append(step)
            if not done.well and (step.canary or self.campaign.on_failure == "stop"):
                self.stopped = f"{step.board}: {done.text or done.end}"
            yield done

    def _one(self, step: Step, digest: str) -> Done:
        try:
            outcome = self.flash(step)
        except FlashError as error:
            end = "reverted" if error.code == "reverted" else "failed"
            done = Done(
                board=step.board,
                end=end,
                package_sha256=digest,
                at=self.utc(),
                text=f"{error}" + (f"; {error.cure}" if error.cure else ""),
                state=error.state,
            )
        else:
            done = Done(
                board=step.board,
                end=outcome.end,
                package_sha256=digest,
                at=self.utc(),
                before=outcome.before,
                after=outcome.after,
                took_s=round(outcome.took_s, 1),
            )
        self.state.note(done)
        return done

    def _watch(self, canaries: list[Step]) -> None:
        """Let the canaries run for a while; the rest only if all are still well."""
        self.pause(self.campaign.watch_canaries_s)
        ill = [step.board for step in canaries if not self.still_well(step)]
        if ill:
            self.stopped = f"canary {', '.join(ill)} is no longer well"


def digest_of(path: Path) -> str:
    """Raises CampaignError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CampaignError(f"{path}: {error.strerror}", "check `package:`") from error


def report(campaign: Campaign, done: list[Done], stopped: str) -> dict[str, Any]:
    """For machines."""
    return {
        "campaign": campaign.name,
        "well": all(each.well for each in done),
        "stopped": stopped or None,
        "boards": [
            each.model_dump(mode="json", exclude={"at"})
            | {"at": rfc3339_ms(each.at) if each.at else None}
            for each in done
        ],
    }
