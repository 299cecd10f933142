"""Values with stamps, kept for a while and read in between; impossible ones are refused."""

import bisect
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

AGREEING = 3  # so many in a row that agree with each other, though not with the past, are believed


@dataclass(slots=True)
class Timeline(Generic[T]):
    """The newest samples of one source, oldest first.

    A sample that is not newer than the last, or that `follows` denies after it, is refused; when
    three in a row agree with one another, time or place has really jumped, and they begin anew.
    """

    follows: Callable[[float, T, T], bool]  # whether the second can be so many seconds after
    keep_s: float = 20.0
    refused: Counter[str] = field(default_factory=Counter)  # by cause: late, jumped
    _stamps: list[float] = field(default_factory=list)
    _values: list[T] = field(default_factory=list)
    _doubted: list[tuple[float, T]] = field(default_factory=list)

    def add(self, mono_s: float, value: T) -> bool:
        """Whether it was taken. Its numbers are finite: whoever adds it has looked."""
        if self._stamps and not self._fits(self._stamps[-1], self._values[-1], mono_s, value):
            self.refused["late" if mono_s <= self._stamps[-1] else "jumped"] += 1
            return self._doubt(mono_s, value)
        self._doubted.clear()
        self._stamps.append(mono_s)
        self._values.append(value)
        if mono_s - self._stamps[0] > 2 * self.keep_s:
            first = bisect.bisect_left(self._stamps, mono_s - self.keep_s)
            del self._stamps[:first], self._values[:first]
        return True

    def around(self, mono_s: float) -> tuple[tuple[float, T] | None, tuple[float, T] | None]:
        """The last sample at or before a stamp, and the first one after it."""
        after = bisect.bisect_right(self._stamps, mono_s)
        before = (self._stamps[after - 1], self._values[after - 1]) if after else None
        later = after < len(self._stamps)
        return before, ((self._stamps[after], self._values[after]) if later else None)

    def last(self) -> tuple[float, T] | None:
        return (self._stamps[-1], self._values[-1]) if self._stamps else None

    def _fits(self, old_s: float, old: T, new_s: float, new: T) -> bool:
        return new_s > old_s and self.follows(new_s - old_s, old, new)

    def _doubt(self, mono_s: float, value: T) -> bool:
        if self._doubted and not self._fits(*self._doubted[-1], mono_s, value):
            self._doubted.clear()
        self._doubted.append((mono_s, value))
        if len(self._doubted) < AGREEING:
            return False
        self._stamps = [stamp for stamp, _ in self._doubted]
        self._values = [one for _, one in self._doubted]
        self._doubted = []
        return True


def share_of(before_s: float, after_s: float, mono_s: float) -> float:
    """How far a stamp lies between two others, 0..1."""
    return (mono_s - before_s) / (after_s - before_s)


def turn_deg(old_deg: float, new_deg: float) -> float:
    """The shorter way from one angle to another, -180..180."""
    return (new_deg - old_deg + 180.0) % 360.0 - 180.0


def any_follows(_seconds: float, _old: object, _new: object) -> bool:
    return True


def finite(*numbers: float | None) -> bool:
    """Whether all numbers that are there are numbers."""
    return all(number is None or math.isfinite(number) for number in numbers)
