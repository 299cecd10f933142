"""The second half of reading a live camera: what was grabbed is decoded, if anybody wants it."""

from collections import Counter
from typing import Protocol

from drivers.base import NOT_WANTED, Wanted
from drivers.cameras.capture import Picture


class Grabbed(Protocol):
    """A source that has grabbed a picture."""

    def retrieve(self) -> Picture | None:
        """(height, width, 3) uint8 BGR, read-only; None if it cannot be decoded."""


class Retrieval:
    """Counts `frames`, `not_wanted` and `undecodable` for its camera."""

    def __init__(
        self, source: Grabbed, wanted: Wanted, counters: Counter[str], now_s: float
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._counters = counters
        self._damaged = False  # the last picture that was decoded
        self._good_s = now_s  # when the last picture came that could be, or need not be, decoded

    def picture(self, came_s: float) -> Picture | None:
        """The picture that came then; None if it is damaged, or not wanted.

        After a damaged one the next is looked at, wanted or not: the camera may send nothing else.
        """
        if not self._damaged and not self._wanted():
            self._good_s = came_s
            self._counters[NOT_WANTED] += 1
            return None
        image = self._source.retrieve()
        self._damaged = image is None
        if image is None:
            self._counters["undecodable"] += 1
            return None
        self._good_s = came_s
        self._counters["frames"] += 1
        return image

    def bad_s(self, now_s: float) -> float:
        """For how long nothing but damaged pictures has come."""
        return now_s - self._good_s
