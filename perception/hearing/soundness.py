"""Whether a microphone hears at all: overdriven, dead, or far too quiet, over time."""

from collections import deque
from collections.abc import Collection
from enum import StrEnum

from perception.hearing.levels import FLOOR_DBFS, Level

CLIPPED_OVER_S = 10.0
CLIPPED_SHARE = 0.3  # of the blocks in it; a door that slams or a horn clips for less
DEAD_AFTER_S = 5.0  # of digital zero: every converter has noise, so nobody is at its input
QUIET_AFTER_S = 60.0
QUIET_DBFS = -80.0  # the noise of a cheap microphone in a silent room is some 10 dB above this
LONGEST_GAP_S = 2.0  # between blocks; after more, time starts anew


class Deafness(StrEnum):
    """What can be wrong with sound that comes in time."""

    CLIPPING = "clipping"
    DEAD = "dead"
    QUIET = "quiet"


class SoundWatch:
    """One microphone's levels. One thread; `standing` may be asked by any."""

    def __init__(self) -> None:
        self.standing: Collection[Deafness] = ()  # replaced whole
        self.level: Level | None = None  # of the newest block
        self._blocks: deque[tuple[float, bool]] = deque()  # when, and whether clipped
        self._last_s: float | None = None
        self._zero_since_s: float | None = None
        self._quiet_since_s: float | None = None

    def note(self, level: Level, mono_s: float) -> None:
        """Of the block that began at mono_s."""
        if self._last_s is not None and not 0 <= mono_s - self._last_s <= LONGEST_GAP_S:
            self._blocks.clear()
            self._zero_since_s = self._quiet_since_s = None
        self._last_s, self.level = mono_s, level
        self._blocks.append((mono_s, level.clipped))
        while mono_s - self._blocks[0][0] > CLIPPED_OVER_S:
            self._blocks.popleft()
        is_zero, is_quiet = level.peak_dbfs <= FLOOR_DBFS, level.dbfs < QUIET_DBFS
        self._zero_since_s = _since(self._zero_since_s, mono_s, holds=is_zero)
        self._quiet_since_s = _since(self._quiet_since_s, mono_s, holds=is_quiet)
        self.standing = tuple(self._found(mono_s))

    def _found(self, mono_s: float) -> list[Deafness]:
        if self._zero_since_s is not None and mono_s - self._zero_since_s >= DEAD_AFTER_S:
            return [Deafness.DEAD]
        if self._quiet_since_s is not None and mono_s - self._quiet_since_s >= QUIET_AFTER_S:
            return [Deafness.QUIET]
        spans = mono_s - self._blocks[0][0] >= CLIPPED_OVER_S * 0.7
        clipped = sum(clipped for _, clipped in self._blocks)
        return [Deafness.CLIPPING] if spans and clipped >= CLIPPED_SHARE * len(self._blocks) else []


def _since(since_s: float | None, mono_s: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return mono_s if since_s is None else since_s
