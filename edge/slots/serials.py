"""The highest serials that were ever in use, kept in two places: the higher counts.

One is the slots' file. The other lies outside: on a packaged unit in a folder of root's, which the
service may read and not write, so that whoever has become the service cannot put an old file back
and with it an old bundle. Root copies the highest there at each start (`patrol-edge slots seal`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import tell
from config.slots import LANES, Lane, LaneState, SlotsFile
from telemetry.commands.files import replace

FILE = "serials.json"
SERVICE_STATE = Path("/var/lib/patrol-edge")  # the packaged unit's
SEALED = Path("/var/lib/patrol-edge-serials")  # made by the package, root's
MAX_BYTES = 64 * 1024
MODE = 0o644  # the service reads what root wrote; nothing in it is secret

State = Literal["there", "missing", "damaged"]


class SerialsFile(BaseModel):
    """The second place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    lanes: Mapping[Lane, int] = Field(default_factory=dict)
    trust: int = Field(0, ge=0, description="of the list of keys")


@dataclass(frozen=True, slots=True)
class Second:
    """The second place as it was found."""

    path: Path
    state: State
    content: SerialsFile = field(default_factory=SerialsFile)


def second_place(state_dir: Path, sealed: Path = SEALED) -> Path:
    """Where it is for the unit with this state folder."""
    if state_dir == SERVICE_STATE and sealed.is_dir():
        return sealed / FILE
    return state_dir / FILE


def read_second(path: Path) -> Second:
    """Never raises: what cannot be read is damaged, and told so."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)  # of a longer one: no JSON
    except (FileNotFoundError, NotADirectoryError):
        return Second(path, "missing")
    except OSError:
        return Second(path, "damaged")
    try:
        return Second(path, "there", SerialsFile.model_validate_json(data))
    except (ValidationError, ValueError, RecursionError):
        return Second(path, "damaged")


def write_second(path: Path, content: SerialsFile) -> bool:
    """Whether it is on the disk; only root may write the sealed place, and that is no fault."""
    try:
        replace(path, content.model_dump_json().encode() + b"\n", MODE)
    except OSError:
        return False
    return True


def highest(slots: SlotsFile, second: SerialsFile, trust: int = 0) -> SerialsFile:
    """Of both places."""
    lanes = {lane: max(slots.lane(lane).serial, second.lanes.get(lane, 0)) for lane in LANES}
    kept: Mapping[Lane, int] = {lane: serial for lane, serial in lanes.items() if serial}
    return SerialsFile(lanes=kept, trust=max(second.trust, trust))


def raised(slots: SlotsFile, serials: SerialsFile) -> SlotsFile:
    """The slots' file with none of its serials below these."""
    lanes: dict[Lane, LaneState] = dict(slots.lanes)
    for lane, serial in serials.lanes.items():
        state = slots.lane(lane)
        if state.serial < serial:
            lanes[lane] = state.model_copy(update={"serial": serial})
    return slots.model_copy(update={"lanes": lanes}) if lanes != slots.lanes else slots


def doubts(slots: SlotsFile, second: Second) -> list[str]:
    """What has to be said of the two places, in words."""
    told: list[str] = []
    known = any(state.serial for state in slots.lanes.values())
    if second.state == "damaged":
        told.append(
            tell("{file} was damaged; it was made anew from the slots", file=str(second.path))
        )
    elif second.state == "missing" and known:
        told.append(
            tell("{file} was missing; it was made anew from the slots", file=str(second.path))
        )
    for lane, serial in second.content.lanes.items():
        if slots.lane(lane).serial < serial:
            text = tell(
                "the slots' file told serial {low} for {lane}, and {high} was in use: was an old "
                "one put back?",
                low=slots.lane(lane).serial, lane=lane, high=serial,
            )  # fmt: skip
            told.append(text)
    return told
