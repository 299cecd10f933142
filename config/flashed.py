"""What lies in the slots that are in use, as far as it says how the unit is configured.

Nothing is verified here: that was done when it was flashed, and is done again at each start. What
cannot be read is told, and left out: the unit then runs with its own file rather than not at all.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from config.language import tell
from config.slots import (
    FILE,
    FILES,
    MANIFEST,
    Content,
    Lane,
    SlotsError,
    read_slots,
    slot_folder,
    slots_folder,
)
from config.wording import one_line

LAID: Final[tuple[Lane, ...]] = ("config", "overlay", "zones", "model")  # from below to above
BASE_FILE = "unit.yaml"
OVERLAY_FILE = "overlay.yaml"
MAX_MANIFEST_BYTES = 1024 * 1024


class FlashedError(Exception):
    """What is in a slot cannot be used. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One lane's bundle, in its slot."""

    lane: Lane
    content: Content
    files: Path  # the folder with what it carries
    schema_version: int = 1
    overlay_keys: tuple[str, ...] = ()
    local_keys: tuple[str, ...] = ()
    base: str | None = None  # of an overlay: id of the configuration that it was made for

    @property
    def told(self) -> str:
        """`fleet-north#12`: its name and serial, for people."""
        return f"{one_line(self.content.name, 40)}#{self.content.serial}"

    def found(self, ending: str) -> list[Path]:
        """What it carries of files that end like this, in the order of their names."""
        return sorted(path for path in self.files.rglob(f"*{ending}") if path.is_file())


def part_of(folder: Path, lane: Lane) -> Part:
    """The bundle in this slot, by its manifest. Raises FlashedError."""
    claims = claims_in(folder / MANIFEST)
    try:
        content = Content(
            bundle=claims["id"], name=claims["name"], serial=claims["serial"], kind=claims["kind"]
        )
        base = claims.get("base") or {}
        return Part(
            lane=lane,
            content=content,
            files=folder / FILES,
            schema_version=int(claims.get("schema_version", 1)),
            overlay_keys=_words(claims.get("overlay_keys")),
            local_keys=_words(claims.get("local_keys")),
            base=base.get("bundle"),
        )
    except (ValidationError, KeyError, ValueError, TypeError, AttributeError) as error:
        text = tell("{file} does not say what the bundle is", file=str(folder / MANIFEST))
        raise FlashedError(text) from error


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def claims_in(path: Path) -> dict[str, Any]:
    """The payload of the signed manifest, unverified. Raises FlashedError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
        payload = json.loads(data)["payload"]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except OSError as error:
        raise FlashedError(_unreadable(path, error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FlashedError(tell("{file} is damaged", file=str(path))) from error
    if not isinstance(claims, dict):
        raise FlashedError(tell("{file} is damaged", file=str(path)))
    return claims


def parts_in_use(state_dir: Path) -> tuple[dict[Lane, Part], list[str]]:
    """What is in use, by lane, and what of it cannot be read. Never raises."""
    folder = slots_folder(state_dir)
    parts: dict[Lane, Part] = {}
    problems: list[str] = []
    for lane, outcome in _each(folder):
        if isinstance(outcome, Part):
            parts[lane] = outcome
        else:
            problems.append(outcome)
    return parts, problems


def _each(folder: Path) -> Iterator[tuple[Lane, Part | str]]:
    try:
        slots = read_slots(folder)
    except SlotsError:
        yield "config", tell("{file} is damaged", file=str(folder / FILE))
        return
    except (OSError, ValueError) as error:
        yield "config", _unreadable(folder / FILE, error)
        return
    for lane in LAID:
        active = slots.lane(lane).active
        if active is None:
            continue
        try:
            yield lane, part_of(slot_folder(folder, lane, active), lane)
        except FlashedError as error:
            yield lane, error.args[0]


def _unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return tell("{file} may not be read by this user", file=str(path))
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return tell("{file} is not there", file=str(path))
    why = error.strerror if isinstance(error, OSError) else None
    return tell("{file} cannot be read ({why})", file=str(path), why=why or str(error))


def is_below(path: tuple[str, ...], pattern: str) -> bool:
    """Whether a key is what the pattern names, or below it. `*` is any one name."""
    parts = pattern.split(".")
    return len(path) >= len(parts) and all(
        part in ("*", here) for part, here in zip(parts, path, strict=False)
    )


def fingerprint(parts: Mapping[Lane, Part]) -> str:
    """Of which bundles are in use: the same files may lie in a slot that held others before."""
    return "".join(f"\n{lane}:{parts[lane].content.bundle}" for lane in LAID if lane in parts)
