"""Deadlines in UTC, watched by the clock that nobody sets.

A deadline is reckoned into the monotonic clock once, when the order comes. Whatever becomes of the
time of day after that (somebody sets it, the battery of the RTC is empty) it is due when it was.
It is reckoned anew when a better time is known, and after a reboot, where the old monotonic clock
is gone: then only by a time from GNSS or NTP, since an RTC that is wrong must not raise an alarm.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from edge.tasks.record import Due, Stamp, Task
from telemetry.contract.tasks import TaskState
from telemetry.contract.wire_types import TimeQuality

RANK: dict[TimeQuality, int] = {"none": 0, "rtc": 1, "gnss": 2, "ntp": 2}
TRUSTED = 2
DRIFT_S = 0.2, 2.0  # between these a difference is the crystal's; a larger one is a set clock

Word = Literal["reminder", "overdue"]

# Which states count as having reached the one that was due.
_REACHED: dict[TaskState, tuple[TaskState, ...]] = {
    "assigned": ("assigned", "acknowledged", "en_route", "arrived", "handling"),
    "acknowledged": ("acknowledged", "en_route", "arrived", "handling"),
    "en_route": ("en_route", "arrived", "handling"),
    "arrived": ("arrived", "handling"),
    "handling": ("handling",),
}


def due_in(seconds: float, state: TaskState, remind_before_s: float, now: Stamp) -> Due:
    """A deadline that is told by how long it takes, not by the time of day."""
    return Due(
        state=state,
        at=now.utc + timedelta(seconds=seconds),
        remind_before_s=remind_before_s,
        mono_s=now.mono_s + seconds,
        boot=now.boot,
        quality="ntp",  # as sure as can be: no time of day was needed
    )


def fresh(due: Due, now: Stamp) -> Due:
    """A deadline that has just been given: reckoned by whatever time there is.

    The intake has held the order's own time against this clock, so it cannot be far off.
    """
    return due if RANK[now.quality] == 0 else _reckon(due, now)


def reckoned(due: Due, now: Stamp) -> Due:
    """The same, by a better clock if there is one now."""
    rank = RANK[now.quality]
    if due.mono_s is None or due.boot != now.boot:
        return _reckon(due, now) if rank >= TRUSTED else due
    if rank > RANK[due.quality]:
        return _reckon(due, now)
    by_clock = _reckon(due, now)
    drift_s = abs((by_clock.mono_s or 0.0) - due.mono_s)
    return by_clock if rank >= TRUSTED and DRIFT_S[0] < drift_s < DRIFT_S[1] else due


def left_s(due: Due, now: Stamp) -> float | None:
    """Until it is due; negative after; None while the time is not known."""
    return due.mono_s - now.mono_s if due.mono_s is not None and due.boot == now.boot else None


def met(due: Due, task: Task) -> bool:
    """Whether there is nothing to wait for any more."""
    return task.over or task.state in _REACHED.get(due.state, ())


def to_tell(task: Task, now: Stamp) -> Iterator[tuple[Word, int]]:
    """What is to be said now, each once, with the number of the deadline."""
    for number, due in enumerate(task.deadlines):
        seconds = left_s(due, now)
        if seconds is None or due.overdue or met(due, task):
            continue
        if seconds <= 0:
            yield "overdue", number
        elif seconds <= due.remind_before_s and not due.reminded:
            yield "reminder", number


def told(task: Task, number: int, word: Word) -> Task:
    """The task with that noted. Who is told that it is overdue needs no reminder."""
    dues = list(task.deadlines)
    dues[number] = replace(dues[number], reminded=True, overdue=word == "overdue")
    return replace(task, deadlines=tuple(dues))


def _reckon(due: Due, now: Stamp) -> Due:
    seconds = (due.at - now.utc).total_seconds()
    return replace(due, mono_s=now.mono_s + seconds, boot=now.boot, quality=now.quality)
