"""What was flashed: whether it is as it was signed, what is on trial, what was taken back."""

from collections.abc import Iterator
from pathlib import Path

from config.language import said, tell
from config.slots import (
    LANES,
    Lane,
    SlotsError,
    SlotsFile,
    read_slots,
    slot_folder,
    slots_folder,
)
from edge.booting.state_folder import usual_trust
from edge.bundles.chain import load_trust, trust_folder
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import verify_slot
from edge.bundles.trust import Trust
from edge.doctor.case import Case
from edge.doctor.line import Line, fault, none, ok, warning
from edge.slots.serials import doubts, read_second, second_place

CODES = ("on_trial", "rolled_back", "slot_damaged", "slots_damaged")


def examine(case: Case) -> Iterator[Line]:
    if case.unit is not None:
        case.unit.take(*CODES)  # told from the same files
    state_dir = case.settings.state_dir
    folder = slots_folder(state_dir)
    try:
        slots = read_slots(folder)
    except PermissionError:
        yield none("slots", tell("{folder} may not be read by this user: sudo", folder=folder))
        return
    except (SlotsError, OSError) as error:
        cure = tell("sudo patrol-edge slots seal mends it; until then the unit runs without it")
        yield fault("slots_damaged", "slots", said(error), cure)
        return
    trust = _trust(case, folder)
    if isinstance(trust, Trust):
        told = tell("{count} keys, serial {serial}", count=len(trust.keys), serial=trust.serial)
        yield ok("keys", told)
    else:
        yield _no_trust(slots, trust)
    yield from _lanes(folder, slots, trust if isinstance(trust, Trust) else None)
    yield from _news(slots)
    yield _serials(slots, state_dir)


def _trust(case: Case, folder: Path) -> Trust | BundleError:
    anchor = case.settings.security.trust or usual_trust(case.file, case.settings.state_dir)
    try:
        return load_trust(anchor, trust_folder(folder)).trust
    except BundleError as error:
        return error


def _no_trust(slots: SlotsFile, why: BundleError) -> Line:
    if not _in_use(slots):
        return none("keys", why.text)
    cure = why.cure or tell("install the list of keys again: patrol-edge trust")
    return fault("slots_unproved", "keys", why.text, cure)


def _in_use(slots: SlotsFile) -> list[Lane]:
    return [lane for lane in LANES if slots.lane(lane).content is not None]


def _lanes(folder: Path, slots: SlotsFile, trust: Trust | None) -> Iterator[Line]:
    used = _in_use(slots)
    if not used:
        yield none("slots", tell("nothing that was flashed is in use: it is as it came"))
    for lane in used:
        yield _lane(folder, slots, lane, trust)


def _lane(folder: Path, slots: SlotsFile, lane: Lane, trust: Trust | None) -> Line:
    state = slots.lane(lane)
    content, slot = state.content, state.active
    if content is None or slot is None:
        return none(lane, tell("as it came"))
    told = tell(
        "{name}, serial {serial}, slot {slot}", name=content.name, serial=content.serial, slot=slot
    )
    if trust is None:
        return none(lane, tell("{told}; nobody can say whether it is as signed", told=told))
    try:
        verify_slot(slot_folder(folder, lane, slot), trust)
    except BundleError as error:
        cure = error.cure or tell(
            "flash it again; until then: patrol-edge slots rollback {lane}", lane=lane
        )
        return fault("slot_damaged", lane, error.text, cure)
    return ok(lane, tell("{told}, as it was signed", told=told))


def _news(slots: SlotsFile) -> Iterator[Line]:
    trial = slots.trial
    if trial is not None:
        told = tell(
            "{name} since {when}, started {starts} times",
            name=trial.content.name,
            when=f"{trial.begun_at:%Y-%m-%d %H:%M:%S}",
            starts=trial.starts,
        )
        yield none("on trial", told)
    for lane in LANES:
        last = next((ended for ended in reversed(slots.ended) if ended.lane == lane), None)
        if last is None or last.outcome == "committed" or last.code == "by_hand":
            continue
        told = tell(
            "{lane}: {name} was taken back on {when}: {why}",
            lane=lane,
            name=last.content.name,
            when=f"{last.at:%Y-%m-%d %H:%M}",
            why=last.why,
        )
        cure = tell("mend what the text names, build the bundle with a higher serial, flash again")
        yield warning("rolled_back", lane, told, cure)


def _serials(slots: SlotsFile, state_dir: Path) -> Line:
    second = read_second(second_place(state_dir))
    found = doubts(slots, second)
    if found and second.state == "missing":  # the service may not write it where it is root's
        told = tell("root's copy of the serials is made when the service starts next")
        return none("serials", told)
    if found:
        cure = tell("sudo patrol-edge slots seal; who has put an old file back, and why?")
        return warning("serials_doubtful", "serials", found[0], cure)
    return ok("serials", tell("both places agree"))
