"""What a person on the spot decides: keep what is on trial, go back, seal the serials.

Asked of the running unit; done here where none runs. Going back needs no newer serial: what was in
use on this unit before may be used again by whoever stands beside it, and it is on record. A bundle
below the highest serial is refused all the same.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.language import tell
from config.slots import Lane, SlotsError, SlotsFile, read_slots, slot_folder, write_slots
from drivers.clock import Clock
from edge.bundles.chain import load_trust, trust_folder
from edge.bundles.manifest import Manifest
from edge.bundles.refusal import BundleError
from edge.bundles.slot_check import slot_manifest
from edge.flashing import records
from edge.flashing.as_service import in_service
from edge.flashing.lock import sole_use
from edge.flashing.switching import (
    COMMIT,
    ROLL_BACK,
    CommitRequest,
    RollBackRequest,
    SwitchAnswer,
    asked,
    running,
)
from edge.flashing.unit import Unit, need_write
from edge.slots import mending

Back = Literal["previous", "factory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done, and by whom: a unit that runs does it by starting anew."""

    text: str
    starts_anew: bool
    ends_within_s: float | None = None


def commit(unit: Unit, by: str, clock: Clock) -> Done:
    """Keep what is on trial. Raises BundleError, OSError."""
    need_write(unit)
    with sole_use(unit.folder):
        trial = read_slots(unit.folder).trial
        if trial is None:
            raise BundleError("wrong_state", tell("nothing is on trial"))
        if running(unit.state_dir):
            asked(unit.state_dir, COMMIT, CommitRequest(by=by))
        else:
            kept = read_slots(unit.folder).commit(clock.utc())
            if kept is not None:
                write_slots(unit.folder, kept)
        mending.remember(unit.state_dir, read_slots(unit.folder))
        _note(unit, clock, "kept_by_hand", by, trial.lane)
    return Done(text=tell("{name} is kept", name=trial.content.name), starts_anew=False)


def roll_back(
    unit: Unit, lane: Lane | None, to: Back, by: str, clock: Clock, *, force: bool = False
) -> Done:
    """From a trial, or without one. Raises BundleError, OSError."""
    need_write(unit)
    with sole_use(unit.folder):
        slots = read_slots(unit.folder)
        lane = lane or _meant(slots)
        if running(unit.state_dir):
            request = RollBackRequest(lane=lane, to=to, by=by, force=force)
            answer = SwitchAnswer.model_validate(asked(unit.state_dir, ROLL_BACK, request))
            done = Done(text=_in_use(slots, lane, to), starts_anew=True,
                        ends_within_s=answer.ends_within_s)  # fmt: skip
        else:
            write_slots(unit.folder, _back(unit.folder, slots, lane, to, by, clock))
            done = Done(text=_in_use(slots, lane, to), starts_anew=False)
        _note(unit, clock, "back_by_hand", by, lane, to=to)
    return done


def _meant(slots: SlotsFile) -> Lane:
    """Raises BundleError where it is not clear."""
    if slots.trial is not None:
        return slots.trial.lane
    used = [lane for lane, state in slots.lanes.items() if state.active is not None]
    if len(used) == 1:
        return used[0]
    if not used:
        raise BundleError("wrong_state", tell("nothing that was flashed is in use"))
    told = tell("which of them shall go back: {lanes}?", lanes=", ".join(sorted(used)))
    cure = tell("name it: patrol-edge slots rollback {lane}", lane=used[0])
    raise BundleError("invalid_arguments", told, cure)


def _back(folder: Path, slots: SlotsFile, lane: Lane, to: Back, by: str, clock: Clock) -> SlotsFile:
    """Raises BundleError where there is nothing to go back to."""
    trial = slots.trial
    if trial is not None and trial.lane == lane and to == "previous":
        told = tell("taken back by {by}", by=by)
        return slots.roll_back("by_hand", told, clock.utc()) or slots
    if trial is not None:
        told = tell("{name} is on trial just now", name=trial.content.name)
        raise BundleError("busy", told, tell("take that back first: patrol-edge slots rollback"))
    state = slots.lane(lane)
    before = state.previous if to == "previous" and state.previous in state.slots else None
    if before is not None and not slot_folder(folder, lane, before).is_dir():
        before = None
    changed = slots.use(lane, before)
    if changed is None:
        raise BundleError("wrong_state", tell("{lane} is what the unit came with", lane=lane))
    return changed


def _in_use(slots: SlotsFile, lane: Lane, to: Back) -> str:
    """What is in use of this lane now, in words."""
    state = slots.lane(lane)
    back = state.previous if slots.trial is None else slots.trial.back_to
    content = None if to == "factory" or back is None else state.slots.get(back)
    if content is None:
        return tell("{lane}: what the unit came with is in use", lane=lane)
    return tell("{lane}: {name} (serial {serial}) is in use", lane=lane, name=content.name,
                serial=content.serial)  # fmt: skip


def seal(unit: Unit) -> tuple[str, ...]:
    """For root, before each start: leftovers go, damage is mended, both places have the highest
    serials. Returns what there is to say. Never raises: a unit starts without it, too."""
    if not unit.folder.is_dir():
        # Before the first flash: else the place would be missing, and told so, after that one.
        mending.begin(unit.state_dir)
        return ()
    try:
        said = in_service(unit.state_dir, lambda: "\0".join(_looked_after(unit)))
    except OSError as error:
        said = tell("the slots cannot be looked after: {why}", why=error.strerror or str(error))
    with suppress(SlotsError, OSError):
        # Also as root, who alone may write the sealed place. What the service could make of the
        # slots' file is a serial that is too high at worst, and then no bundle is taken.
        mending.remember(unit.state_dir, read_slots(unit.folder), _trusted(unit)[1])
    return tuple(text for text in said.split("\0") if text)


def _looked_after(unit: Unit) -> tuple[str, ...]:
    try:
        with sole_use(unit.folder):
            gone = mending.clean(unit.folder)
            known = mending.mend(unit.folder, unit.state_dir, *_trusted(unit))
            notes = [tell("{file} was left behind, and is gone", file=name) for name in gone]
            return (*notes, *known.notes)
    except BundleError as refusal:
        return (refusal.text,)
    except OSError as error:
        return (tell("the slots cannot be looked after: {why}", why=error.strerror or str(error)),)


def _trusted(unit: Unit) -> tuple[mending.Look, int]:
    """How slots are looked at, and the serial of the list of keys. A unit without keys has none."""
    with suppress(BundleError):
        trust = load_trust(unit.trust, trust_folder(unit.folder)).trust
        return (lambda slot: slot_manifest(slot, trust)), trust.serial

    def nobody(_slot: Path) -> Manifest:
        raise BundleError("no_trust", tell("this unit knows no keys for bundles"))

    return nobody, 0


def _note(unit: Unit, clock: Clock, step: str, by: str, lane: Lane, **facts: str) -> None:
    with suppress(OSError):  # it is done already
        records.note(unit.folder, step, clock.utc(), by=by, lane=lane, **facts)
