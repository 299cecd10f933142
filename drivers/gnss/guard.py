"""Refuses positions that no unit could have reached, until they prove to be where it is."""

import math
from dataclasses import dataclass

from drivers.gnss.calendar import DAY_MS
from drivers.gnss.fusion import Fused

DEGREE_M = 111_320.0  # one degree of latitude, and of longitude at the equator
SLACK_M = 50.0  # what a fix may wander on its own, at any speed
CONVINCED_AFTER = 3  # positions in a row that agree with each other, not with the old one
HALF_DAY_MS = DAY_MS // 2


@dataclass(frozen=True, slots=True)
class _Mark:
    place: tuple[float, float]
    mono_s: float
    day_ms: int | None


class JumpGuard:
    """Holds each position against the last one that was believed.

    A receiver that really is elsewhere (carried away while off) is believed again after a few
    positions that agree with each other.
    """

    def __init__(self, max_speed_mps: float) -> None:
        self._max_speed_mps = max_speed_mps
        self._believed: _Mark | None = None
        self._elsewhere: _Mark | None = None
        self._in_a_row = 0

    def accepts(self, epoch: Fused) -> bool:
        """Whether the position of this epoch, which has one, can be."""
        if epoch.place is None:
            return True
        mark = _Mark(epoch.place, epoch.mono_s, epoch.day_ms)
        if self._believed is None or self._can_reach(self._believed, mark):
            self._believed, self._elsewhere = mark, None
            return True
        agrees = self._elsewhere is not None and self._can_reach(self._elsewhere, mark)
        self._in_a_row = self._in_a_row + 1 if agrees else 1
        self._elsewhere = mark
        if self._in_a_row < CONVINCED_AFTER:
            return False
        self._believed, self._elsewhere = mark, None
        return True

    def _can_reach(self, here: _Mark, there: _Mark) -> bool:
        seconds = _between_s(here, there)
        if seconds is None:
            return True
        return distance_m(here.place, there.place) <= SLACK_M + self._max_speed_mps * seconds


def _between_s(here: _Mark, there: _Mark) -> float | None:
    """By the receiver's own clock; None where that clock was set back: nothing can be said."""
    if here.day_ms is None or there.day_ms is None:
        return there.mono_s - here.mono_s
    gap_ms = (there.day_ms - here.day_ms) % DAY_MS
    if gap_ms >= HALF_DAY_MS:
        return None
    return max(gap_ms / 1000, there.mono_s - here.mono_s)


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Between two places (lat, lon in degrees), on a sphere; good to a percent where it matters."""
    (lat_1, lon_1), (lat_2, lon_2) = one, other
    turn_deg = (lon_2 - lon_1 + 180) % 360 - 180
    east_m = turn_deg * DEGREE_M * math.cos(math.radians((lat_1 + lat_2) / 2))
    return math.hypot((lat_2 - lat_1) * DEGREE_M, east_m)
