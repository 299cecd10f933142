"""Watching a trial from beside the unit: the slots' file tells how it stands, and how it ended."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from config.slots import Ended, SlotsFile, Trial, read_slots

LOOK_EVERY_S = 0.25
SPARE_S = 20.0  # beyond what the unit has said: it may take so long to start anew


def end_of(slots: SlotsFile, bundle: str, begun: datetime) -> Ended | None:
    """How the trial of this bundle that began then ended; None while it goes on."""
    if slots.trial is not None and slots.trial.content.bundle == bundle:
        return None
    found = [each for each in slots.ended if each.content.bundle == bundle and each.at >= begun]
    return found[-1] if found else None


def follow(
    folder: Path,
    bundle: str,
    within_s: float,
    heard: Callable[[Trial, float], None],
    mono_s: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Ended | None:
    """The end of the trial that is under way now; None where it does not come in time.

    `heard` is told of the trial and the seconds that are left, each time it is looked at. Raises
    OSError, SlotsError where the file cannot be read any more.
    """
    begun: datetime | None = None
    ends_s = mono_s() + within_s
    while True:
        slots = read_slots(folder)
        if slots.trial is not None and slots.trial.content.bundle == bundle:
            begun = slots.trial.begun_at
            heard(slots.trial, max(0.0, ends_s - mono_s()))
        elif (ended := _ended(slots, bundle, begun)) is not None:
            return ended
        if mono_s() >= ends_s:
            return None
        pause(LOOK_EVERY_S)


def _ended(slots: SlotsFile, bundle: str, begun: datetime | None) -> Ended | None:
    """A trial can be over before it was seen: then it is the last that ended."""
    if begun is not None:
        return end_of(slots, bundle, begun)
    last = slots.ended[-1] if slots.ended else None
    return last if last is not None and last.content.bundle == bundle else None
