"""What is in use, as far as it can be known: also after a file was damaged, or put back.

A power cut damages nothing here, since files are replaced whole. What is left are disks that lose
what they had, and hands. Whoever flashes, and root at each start, looks at all of it and mends it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.language import tell
from config.slots import (
    FILE,
    LANES,
    SLOTS,
    Content,
    Lane,
    LaneState,
    Slot,
    SlotsError,
    SlotsFile,
    read_slots,
    slot_folder,
    write_slots,
)
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.slots import serials
from edge.slots.folders import remove
from edge.slots.serials import Second
from telemetry.commands.files import one_at_a_time

INCOMING, OUTGOING = "incoming", "outgoing"  # in a lane's folder: what is filled, what is deleted
Look = Callable[[Path], Manifest]  # a slot's manifest, proved. Raises BundleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is in use, and what had to be said about how it was found."""

    slots: SlotsFile
    trust: int  # highest serial of a list of keys
    notes: tuple[str, ...] = ()


def look_at(folder: Path, state_dir: Path, look: Look, trust: int = 0) -> Known:
    """Both places as one; nothing is written. Raises OSError."""
    second = serials.read_second(serials.second_place(state_dir))
    notes: list[str] = []
    try:
        slots = _read(folder)
        lost = second.state == "damaged" and not any(each.serial for each in slots.lanes.values())
    except SlotsError:
        slots, lost = rebuilt(folder, second, look), second.state != "there"
        notes.append(tell("{file} was lost; it was made anew from the slots", file=FILE))
    notes += serials.doubts(slots, second)
    if lost:
        slots = serials.raised(slots, _of_slots(folder, look))
    both = serials.highest(slots, second.content, trust)
    return Known(slots=serials.raised(slots, both), trust=both.trust, notes=tuple(notes))


def mend(folder: Path, state_dir: Path, look: Look, trust: int = 0) -> Known:
    """The same, and both places say so afterwards, as far as this user may write them.

    To be called by who has the slots to himself (lock.py). Raises OSError.
    """
    with one_at_a_time(folder):  # what the running unit writes meanwhile must not be undone
        known = look_at(folder, state_dir, look, trust)
        try:
            before = read_slots(folder)
        except SlotsError:
            (folder / FILE).replace(folder / f"{FILE}.damaged")  # for whoever looks into it
            before = SlotsFile()
        if known.slots != before:
            write_slots(folder, known.slots)
    remember(state_dir, known.slots, known.trust)
    return known


def remember(state_dir: Path, slots: SlotsFile, trust: int = 0) -> None:
    """Bring the second place up to what the slots' file says: after each commit. Never raises."""
    second = serials.read_second(serials.second_place(state_dir))
    both = serials.highest(slots, second.content, trust)
    if both != second.content or second.state == "damaged":
        serials.write_second(second.path, both)


def begin(state_dir: Path) -> None:
    """Make the second place of a unit onto which nothing was flashed yet. Never raises."""
    second = serials.read_second(serials.second_place(state_dir))
    if second.state == "missing":
        serials.write_second(second.path, second.content)


def rebuilt(folder: Path, second: Second, look: Look) -> SlotsFile:
    """From what lies in the slots: in use is the newest that was proved to be good before.

    What was on trial had not raised the second place's serial, so it is not used. Where that is
    lost as well, it is the older of two: the newer was put beside it while it was in use.
    """
    lanes: dict[Lane, LaneState] = {}
    for lane in LANES:
        found = dict(_contents(folder, lane, look))
        if not found:
            continue
        committed = second.content.lanes.get(lane, 0)
        by_age = sorted(found, key=lambda slot: found[slot].serial)
        good = [slot for slot in by_age if found[slot].serial <= committed]
        newest = good[-1] if good else None
        active = newest if second.state == "there" else by_age[0]
        lanes[lane] = LaneState(slots=found, active=active, serial=committed)
    return SlotsFile(lanes=lanes)


def _read(folder: Path) -> SlotsFile:
    """The file is there before any slot is filled: where it is not, it was lost."""
    places = (slot_folder(folder, lane, slot) for lane in LANES for slot in SLOTS)
    if not (folder / FILE).exists() and any(place.exists() for place in places):
        raise SlotsError(f"{folder / FILE} has gone")
    return read_slots(folder)


def _of_slots(folder: Path, look: Look) -> serials.SerialsFile:
    """Where both places are lost: none goes below what lies in the slots."""
    lanes: dict[Lane, int] = {}
    for lane in LANES:
        found = [content.serial for _, content in _contents(folder, lane, look)]
        if found:
            lanes[lane] = max(found)
    return serials.SerialsFile(lanes=lanes)


def _contents(folder: Path, lane: Lane, look: Look) -> Iterator[tuple[Slot, Content]]:
    for slot in SLOTS:
        place = slot_folder(folder, lane, slot)
        if place.is_dir():
            try:
                yield slot, content_of(look(place))
            except (BundleError, OSError):
                continue


def content_of(manifest: Manifest) -> Content:
    return Content(
        bundle=manifest.id,
        name=manifest.name,
        serial=manifest.serial,
        kind=manifest.kind,
        base=None if manifest.base is None else manifest.base.bundle,
    )


def clean(folder: Path) -> list[str]:
    """Delete what a power cut has left behind; by who has the slots to himself. Raises OSError."""
    places = [folder / lane / name for lane in LANES for name in (INCOMING, OUTGOING)]
    places += folder.glob(f".{FILE}.*")  # a slots' file that was not yet put in place
    gone = []
    for place in places:
        if place.exists() or place.is_symlink():
            remove(place)
            gone.append(str(place.relative_to(folder)))
    return gone
