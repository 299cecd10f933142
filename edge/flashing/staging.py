"""From a bundle that passes by to a filled slot on the disk, with the old one there until it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.slots import Lane, Slot, SlotsFile, read_slots, slot_folder, write_slots
from edge.bundles.reading import OpenedBundle
from edge.flashing.folders import give_away, make_folder, remove
from edge.flashing.mending import INCOMING, OUTGOING
from edge.flashing.space import RUNTIME_GROWS, need_room
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


def put_in_place(folder: Path, lane: Lane, place: Path) -> Slot:
    """What was filled becomes the free slot. What lay there is forgotten first: at each moment the
    slots' file tells only of what is there. Raises OSError."""
    with one_at_a_time(folder):  # the running unit notes in the same file what it has told
        slots = read_slots(folder)
        slot = slots.lane(lane).free
        write_slots(folder, forgotten(slots, lane, slot))
    target, outgoing = slot_folder(folder, lane, slot), folder / lane / OUTGOING
    remove(outgoing)
    if target.exists():
        target.replace(outgoing)
    place.rename(target)
    sync_folder(folder / lane)
    with suppress(OSError):
        remove(outgoing)
    return slot


def forgotten(slots: SlotsFile, lane: Lane, slot: Slot) -> SlotsFile:
    """Without what the slot held."""
    state = slots.lane(lane)
    kept = {name: content for name, content in state.slots.items() if name != slot}
    previous = None if state.previous == slot else state.previous
    changed = state.model_copy(update={"slots": kept, "previous": previous})
    return slots.model_copy(update={"lanes": {**slots.lanes, lane: changed}})
