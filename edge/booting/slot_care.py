"""Before anything starts: is what is in use still what was signed, and does the trial still hold?

A slot that was changed on the disk is not run: its lane goes back to what was in use before, and if
that is damaged too, to what the unit came with. The functions are pure.
"""

from collections.abc import Callable
from datetime import datetime

from config.language import tell
from config.slots import LANES, Lane, Slot, SlotsFile
from edge.booting.ledger import Note

STARTS_ON_TRIAL = 3
TRIAL_WITHIN_S = 58.0  # from the first start on trial: it shall be over within a minute
WhyNot = Callable[[Lane, Slot], str | None]  # what is wrong with a slot; None: nothing


def counted(slots: SlotsFile, now: datetime, on_trial_for_s: float) -> SlotsFile:
    """One more start. A trial that does not stay up is over, and what was before it is back."""
    trial = slots.trial
    if trial is None:
        return slots
    if trial.starts >= STARTS_ON_TRIAL:
        told = tell(
            "it was started {count} times, and did not stay up long enough to be judged",
            count=trial.starts,
        )
        return slots.roll_back("crash_loop", told, now) or slots
    if trial.starts and on_trial_for_s > TRIAL_WITHIN_S:
        told = tell(
            "it did not stay up: {seconds:.0f} s after its first start it starts again",
            seconds=on_trial_for_s,
        )
        return slots.roll_back("crash_loop", told, now) or slots
    return slots.started() or slots


def sound(slots: SlotsFile, why_not: WhyNot, now: datetime) -> tuple[SlotsFile, tuple[Note, ...]]:
    """With nothing in use that is damaged, and what has to be told of that."""
    notes: list[Note] = []
    for lane in LANES:
        active = slots.lane(lane).active
        while active is not None and (wrong := why_not(lane, active)) is not None:
            slots, note = _taken_back(slots, lane, wrong, now)
            notes += [] if note is None else [note]
            active = slots.lane(lane).active
    return slots, tuple(notes)


def _taken_back(
    slots: SlotsFile, lane: Lane, wrong: str, now: datetime
) -> tuple[SlotsFile, Note | None]:
    """One lane one step back. A trial ends with it: that tells of itself."""
    if slots.trial is not None and slots.trial.lane == lane:
        back = slots.roll_back("slot_damaged", wrong, now)
        return back or slots, None
    state = slots.lane(lane)
    before = state.previous if state.previous in state.slots else None
    before = None if before == state.active else before
    changed = state.model_copy(update={"active": before, "previous": None})
    name = tell("nothing") if state.content is None else state.content.name
    text = tell("{name} is not used any more: {why}", name=name, why=wrong)
    note = Note.of("slot_damaged", lane, text, now)
    return slots.model_copy(update={"lanes": {**slots.lanes, lane: changed}}), note
