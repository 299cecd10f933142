"""Setting out and arriving, seen from the unit's motion alone.

Arrived is: inside the radius, slower than a limit, and both for a while. Driving past is no
arrival, nor is a position whose error is larger than the place. The moment that counts is the one
when it began to hold.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from config.operations import TasksConfig

Change = Literal["arrive", "leave"]

GAP_S = 10.0  # fixes further apart say nothing of the time between them
LEFT_SHARE = 1.5  # of the radius: away again, not at its edge
SLOW_SLACK = 1.5  # times the limit: one trembling speed does not end the waiting
EDGE_SHARE = 1.1
SPEED_WINDOW_S = 5.0
SET_OUT_S = 3.0  # above the speed for so long: no jolt, no noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One fix, held against a place."""

    mono_s: float
    distance_m: float  # to the place
    error_m: float  # horizontal, 1 sigma
    speed_mps: float | None


class ArrivalWatch:
    """Follows one unit and one place."""

    def __init__(self, config: TasksConfig, radius_m: float, *, inside: bool = False) -> None:
        self._config = config
        self._radius_m = radius_m
        self._inside = inside
        self._since_s: float | None = None  # what would be a change holds since
        self._last_s: float | None = None

    def see(self, sight: Sight) -> tuple[Change, float] | None:
        """What changed with this fix, and since when (monotonic seconds)."""
        if self._last_s is not None and sight.mono_s - self._last_s > GAP_S:
            self._since_s = None
        self._last_s = sight.mono_s
        if not (self._away(sight) if self._inside else self._there(sight)):
            self._since_s = None
            return None
        if self._since_s is None:
            self._since_s = sight.mono_s
        if sight.mono_s - self._since_s < self._config.arrive_dwell_s:
            return None
        since_s, self._since_s = self._since_s, None
        self._inside = not self._inside
        return ("arrive" if self._inside else "leave"), since_s

    def _there(self, sight: Sight) -> bool:
        waiting = self._since_s is not None
        limit_mps = self._config.arrive_below_mps * (SLOW_SLACK if waiting else 1.0)
        edge_m = self._radius_m * (EDGE_SHARE if waiting else 1.0)
        surely_m = sight.distance_m + self._doubt_m(sight)
        slow = sight.speed_mps is not None and sight.speed_mps < limit_mps
        return slow and surely_m <= edge_m and sight.error_m <= self._radius_m

    def _away(self, sight: Sight) -> bool:
        return sight.distance_m - self._doubt_m(sight) > self._radius_m * LEFT_SHARE

    def _doubt_m(self, sight: Sight) -> float:
        """The error, as far as it can matter: a bad fix must not make arriving impossible."""
        return min(sight.error_m, self._radius_m / 2)


class SetOutWatch:
    """Notices that the unit moves."""

    def __init__(self, above_mps: float) -> None:
        self._above_mps = above_mps
        self._since_s: float | None = None
        self._last_s: float | None = None

    def see(self, mono_s: float, speed_mps: float | None) -> float | None:
        """Since when it moves (monotonic seconds); None while it does not, or not for long."""
        if self._last_s is not None and mono_s - self._last_s > GAP_S:
            self._since_s = None
        self._last_s = mono_s
        if speed_mps is None or speed_mps < self._above_mps:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = mono_s
        moving = self._since_s is not None and mono_s - self._since_s >= SET_OUT_S
        return self._since_s if moving else None


class Speedometer:
    """The receiver's own speed, or what its positions say where it tells none."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float, float]] = deque()  # mono_s, north_m, east_m

    def speed_mps(
        self, mono_s: float, north_m: float, east_m: float, told_mps: float | None
    ) -> float | None:
        """Over ground; None until positions over a second are known."""
        self._seen.append((mono_s, north_m, east_m))
        while mono_s - self._seen[0][0] > SPEED_WINDOW_S:
            self._seen.popleft()
        if told_mps is not None:
            return told_mps
        first_s, first_north_m, first_east_m = self._seen[0]
        if mono_s - first_s < 1.0:
            return None
        way_m = ((north_m - first_north_m) ** 2 + (east_m - first_east_m) ** 2) ** 0.5
        return float(way_m / (mono_s - first_s))
