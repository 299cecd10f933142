"""A set of numbers that mostly follow each other, kept as ranges: small however many there are."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Self


class SequenceSet:
    """Which sequences of one unit have arrived."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []  # inclusive

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]

    def add(self, number: int) -> bool:
        """True if it is new."""
        if number in self:
            return False
        at = bisect_right(self._starts, number)
        joins_left = at > 0 and self._ends[at - 1] == number - 1
        joins_right = at < len(self._starts) and self._starts[at] == number + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends[at]
            del self._starts[at], self._ends[at]
        elif joins_left:
            self._ends[at - 1] = number
        elif joins_right:
            self._starts[at] = number
        else:
            self._starts.insert(at, number)
            self._ends.insert(at, number)
        return True

    @property
    def first(self) -> int | None:
        return self._starts[0] if self._starts else None

    @property
    def last(self) -> int | None:
        return self._ends[-1] if self._ends else None

    @property
    def whole_up_to(self) -> int | None:
        """The last number that follows on from 1 without a gap."""
        return self._ends[0] if self._starts and self._starts[0] <= 1 else None

    def ranges(self) -> list[tuple[int, int]]:
        """What has arrived, both ends inclusive, in order."""
        return list(zip(self._starts, self._ends, strict=True))

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Self:
        """Raises ValueError for ranges that overlap, touch, or are not in order."""
        made = cls()
        for start, end in ranges:
            if end < start or (made._ends and start <= made._ends[-1] + 1):
                raise ValueError("ranges of sequences out of order")
            made._starts.append(start)
            made._ends.append(end)
        return made

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last have not arrived."""
        return sum(
            start - end - 1 for start, end in zip(self._starts[1:], self._ends, strict=False)
        )

    def gaps(self, limit: int) -> list[tuple[int, int]]:
        """The first ranges that have not arrived, both ends inclusive."""
        pairs = zip(self._ends, self._starts[1:], strict=False)
        return [(end + 1, start - 1) for end, start in pairs][:limit]
