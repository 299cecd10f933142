"""What was flashed onto this unit: two slots for each lane, and which of them is in use.

A lane is a part of the unit that is flashed by itself. It has the slots `a` and `b`, folders with a
bundle's manifest and files; with neither in use the unit runs what it came with. All of it is told
by one file, so that there is one moment at which the unit changes over: when that file is replaced.

Only one flash is on trial at a time. The functions are pure: they give the next file, or None where
the step makes no sense; whoever calls writes it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import packed, tell, unpacked
from config.writing import write_atomically

Lane = Literal["config", "overlay", "zones", "model", "runtime"]
Slot = Literal["a", "b"]
Outcome = Literal["committed", "rolled_back"]
LANES: tuple[Lane, ...] = get_args(Lane)
SLOTS: tuple[Slot, ...] = get_args(Slot)

FOLDER = "slots"  # below the state folder
FILE = "slots.json"
MANIFEST = "manifest.jws"  # in each slot, as it was signed
FILES = "files"  # in each slot: what the bundle carries
MOST_REMEMBERED = 50


class SlotsError(Exception):
    """The file cannot be believed. The text says why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Content(_Part):
    """What a slot holds."""

    bundle: str = Field(description="its id")
    name: str
    serial: int = Field(ge=1)
    kind: str
    base: str | None = Field(None, description="overlay: id of the configuration it goes onto")


class LaneState(_Part):
    """One lane: what its slots hold, and what is in use."""

    slots: Mapping[Slot, Content] = Field(default_factory=dict)
    active: Slot | None = Field(None, description="None: what the unit came with")
    previous: Slot | None = Field(None, description="what was in use before, while it is there")
    serial: int = Field(0, ge=0, description="the highest that was ever in use: none below it is")

    @property
    def content(self) -> Content | None:
        return None if self.active is None else self.slots.get(self.active)

    @property
    def free(self) -> Slot:
        """Where the next bundle goes: never what is in use."""
        return "b" if self.active == "a" else "a"


class Trial(_Part):
    """A flash that has to prove itself."""

    lane: Lane
    slot: Slot
    back_to: Slot | None
    content: Content
    begun_at: datetime
    by: str = Field(description="who flashed it: local:anna, the hub's name, usb")
    way: str = Field("command_line", description="hub, usb, serial, ssh, command_line")
    order: str | None = Field(None, description="id of the hub's command, which waits for the end")
    starts: int = Field(0, ge=0, description="of the runtime, since it is on trial")
    hub_was_there: bool = Field(description="just before; if it was not, it need not be now")
    well_before: tuple[str, ...] = Field((), description="components that were well just before")
    there_before: tuple[str, ...] | None = Field(
        None, description="all components just before; what is not among them is new. None: unknown"
    )


class Ended(_Part):
    """How a trial ended."""

    lane: Lane
    content: Content
    outcome: Outcome
    code: str | None = Field(None, description="why it was rolled back")
    text: str = Field("", description="that, in words")
    packed: dict[str, Any] | None = Field(None, description="the text, as config/language.py says")
    at: datetime
    by: str
    way: str = "command_line"
    order: str | None = None
    told: bool = Field(False, description="the hub was told")
    hub_was_there: bool = Field(False, description="before the trial")

    @property
    def why(self) -> str:
        """Why it was rolled back, as it was told."""
        return unpacked(self.text, self.packed) or self.code or "?"


class SlotsFile(_Part):
    """The file."""

    version: Literal[1] = 1
    lanes: Mapping[Lane, LaneState] = Field(default_factory=dict)
    trial: Trial | None = None
    ended: tuple[Ended, ...] = ()

    def lane(self, lane: Lane) -> LaneState:
        return self.lanes.get(lane, LaneState())

    @property
    def overlay(self) -> Slot | None:
        """The overlay in use. One that was made for another configuration than the one in use
        rests: it counts again when a trial of that one is rolled back."""
        base, overlay = self.lane("config").content, self.lane("overlay")
        if overlay.content is None or base is None or overlay.content.base != base.bundle:
            return None
        return overlay.active

    def _with(self, lane: Lane, state: LaneState) -> dict[Lane, LaneState]:
        return {**self.lanes, lane: state}

    # --- steps ---

    def begin(self, trial: Trial) -> "SlotsFile | None":
        """The slot, filled and on the disk, is in use from now on, on trial."""
        state = self.lane(trial.lane)
        if self.trial is not None or trial.slot == state.active:
            return None
        slots = {**state.slots, trial.slot: trial.content}
        lane = state.model_copy(
            update={"slots": slots, "active": trial.slot, "previous": state.active}
        )
        return self.model_copy(update={"lanes": self._with(trial.lane, lane), "trial": trial})

    def started(self) -> "SlotsFile | None":
        """The runtime starts once more while something is on trial."""
        if self.trial is None:
            return None
        trial = self.trial.model_copy(update={"starts": self.trial.starts + 1})
        return self.model_copy(update={"trial": trial})

    def commit(self, at: datetime) -> "SlotsFile | None":
        """It has proved itself: none with this serial or a lower one is taken any more."""
        trial = self.trial
        if trial is None:
            return None
        state = self.lane(trial.lane)
        serial = max(state.serial, trial.content.serial)
        lane = state.model_copy(update={"serial": serial})
        return self._end(lane, _ended(trial, "committed", at))

    def roll_back(self, code: str, text: str, at: datetime) -> "SlotsFile | None":
        """Back to what was in use before the trial."""
        trial = self.trial
        if trial is None:
            return None
        state = self.lane(trial.lane)
        lane = state.model_copy(update={"active": trial.back_to, "previous": None})
        return self._end(lane, _ended(trial, "rolled_back", at, code, text))

    def _end(self, lane: LaneState, ended: Ended) -> "SlotsFile":
        return self.model_copy(
            update={
                "lanes": self._with(ended.lane, lane),
                "trial": None,
                "ended": (*self.ended, ended)[-MOST_REMEMBERED:],
            }
        )

    def use(self, lane: Lane, slot: Slot | None) -> "SlotsFile | None":
        """By hand, without a trial: what was in use before, or what the unit came with (None)."""
        state = self.lane(lane)
        if self.trial is not None or slot == state.active:
            return None
        if slot is not None and slot not in state.slots:
            return None
        changed = state.model_copy(update={"active": slot, "previous": state.active})
        return self.model_copy(update={"lanes": self._with(lane, changed)})


SlotsStep = Callable[[SlotsFile], SlotsFile | None]  # what shall change; None: it makes no sense


def _ended(
    trial: Trial, outcome: Outcome, at: datetime, code: str | None = None, text: str = ""
) -> Ended:
    return Ended(
        lane=trial.lane,
        content=trial.content,
        outcome=outcome,
        code=code,
        text=text,
        packed=packed(text),
        at=at,
        by=trial.by,
        way=trial.way,
        order=trial.order,
        hub_was_there=trial.hub_was_there,
    )


def slots_folder(state_dir: Path) -> Path:
    return state_dir / FOLDER


def slot_folder(folder: Path, lane: Lane, slot: Slot) -> Path:
    """Where a slot's manifest and files lie. `folder`: that of all slots."""
    return folder / lane / slot


def read_slots(folder: Path) -> SlotsFile:
    """What is in use. A unit that was never flashed has no file. Raises SlotsError, OSError."""
    try:
        data = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return SlotsFile()
    try:
        return SlotsFile.model_validate_json(data)
    except ValidationError as error:
        raise SlotsError(tell("{file} is damaged", file=str(folder / FILE))) from error


def write_slots(folder: Path, slots: SlotsFile) -> None:
    """The moment of changing over: before it the old, after it the new. Raises OSError."""
    # The service reads what root wrote, by its group.
    write_atomically(folder / FILE, slots.model_dump_json(indent=1) + "\n", 0o640)
