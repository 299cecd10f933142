"""From a bundle that passes by to a filled slot on the disk, with the old one there until it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.slots import (
    Lane,
    LaneState,
    Slot,
    SlotsError,
    SlotsFile,
    read_slots,
    slot_folder,
    write_slots,
)
from edge.bundles.reading import OpenedBundle
from edge.flashing.space import RUNTIME_GROWS, need_room
from edge.slots.folders import give_away, make_folder, remove
from edge.slots.mending import INCOMING, OUTGOING
from telemetry.commands.files import one_at_a_time, sync_folder

Heard = Callable[[int, int], None]  # bytes that have come, of how many


def ask_for_room(folder: Path, opened: OpenedBundle) -> None:
    """Raises BundleError where the bundle would not fit."""
    grows = RUNTIME_GROWS if opened.manifest.kind == "runtime" else 1
    need_room(folder, opened.size_bytes * grows, len(opened.manifest.files))


@contextmanager
def incoming(lane_folder: Path) -> Iterator[Path]:
    """An empty folder to fill. It is gone after the block, unless it was put into its slot."""
    place = lane_folder / INCOMING
    remove(place)
    make_folder(lane_folder)
    place.mkdir(mode=0o700)
    give_away(place)
    try:
        yield place
    finally:
        with suppress(OSError):  # else the next flash, or start, takes it away
            remove(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A slot that was filled anew; what lay in it is there until the unit has changed over."""

    folder: Path
    lane: Lane
    slot: Slot
    before: LaneState

    @property
    def _outgoing(self) -> Path:
        return self.folder / self.lane / OUTGOING

    def keep(self) -> None:
        """What lay there goes. Never raises: else the next flash, or start, takes it away."""
        with suppress(OSError):
            remove(self._outgoing)

    def undo(self) -> None:
        """What lay there is back, as far as the disk lets it. Never raises."""
        target = slot_folder(self.folder, self.lane, self.slot)
        with suppress(OSError, SlotsError):
            remove(target)
            if not self._outgoing.exists():
                return
            self._outgoing.rename(target)
            sync_folder(self.folder / self.lane)
            with one_at_a_time(self.folder):
                slots = read_slots(self.folder)
                lanes = {**slots.lanes, self.lane: self.before}
                write_slots(self.folder, slots.model_copy(update={"lanes": lanes}))


def put_in_place(folder: Path, lane: Lane, place: Path) -> Placed:
    """What was filled becomes the free slot. What lay there is forgotten first: at each moment the
    slots' file tells only of what is there. Raises OSError."""
    with one_at_a_time(folder):  # the running unit notes in the same file what it has told
        slots = read_slots(folder)
        before = slots.lane(lane)
        write_slots(folder, forgotten(slots, lane, before.free))
    placed = Placed(folder=folder, lane=lane, slot=before.free, before=before)
    target, outgoing = slot_folder(folder, lane, before.free), folder / lane / OUTGOING
    remove(outgoing)
    try:
        if target.exists():
            target.replace(outgoing)
        place.rename(target)
        sync_folder(folder / lane)
    except OSError:
        placed.undo()
        raise
    return placed


def forgotten(slots: SlotsFile, lane: Lane, slot: Slot) -> SlotsFile:
    """Without what the slot held."""
    state = slots.lane(lane)
    kept = {name: content for name, content in state.slots.items() if name != slot}
    previous = None if state.previous == slot else state.previous
    changed = state.model_copy(update={"slots": kept, "previous": previous})
    return slots.model_copy(update={"lanes": {**slots.lanes, lane: changed}})


def on_trial(folder: Path, bundle: str) -> bool:
    """Whether the unit has changed over to it. What cannot be read is left as it is."""
    try:
        trial = read_slots(folder).trial
    except (OSError, SlotsError):
        return True
    return trial is not None and trial.content.bundle == bundle
