"""Following a polyline: how far along it the unit is, how far beside it, and what is left.

The match is searched near the last one, so that a route which crosses itself, or comes back along
the same street, is followed in order. Progress does not fall back with the noise of the position,
but it does when the unit really turns round.
"""

import math

import numpy as np
from numpy.typing import NDArray

from drivers.gnss.guard import DEGREE_M
from edge.tasks.record import Place

AHEAD_SLACK_M = 60.0
AHEAD_MPS = 70.0  # nothing on a road or in the air of a town is faster
BACK_M = 150.0  # how far behind the last match is looked, for those that turned round
TURNED_M = 25.0  # so much behind, beyond the error, is no noise
BACK_SHARE = 0.6  # of the off-route distance: back on the route
BACK_S = 2.0
NEAR_M = 10.0  # two pieces of the route are as near as each other


class RouteMatch:
    """One unit on one route. Feed it every fix."""

    def __init__(self, places: tuple[Place, ...], off_route_m: float, way_m: float | None) -> None:
        """At least two places. `way_m`: where it was when the unit was last on it."""
        self._origin = places[0]
        points = np.array([self._flat(place) for place in places], dtype=np.float64)
        self._starts, self._legs = points[:-1], np.diff(points, axis=0)
        self._lengths = np.hypot(self._legs[:, 0], self._legs[:, 1])
        self._begins = np.concatenate(([0.0], np.cumsum(self._lengths)[:-1]))
        self.length_m = float(self._lengths.sum())
        self._near_m = off_route_m
        self.way_m = way_m  # from the start; None until the unit was on it
        self.beside_m = math.inf  # of the last fix
        self._join_m = 0.0  # where the unit would come upon the route
        self._last_s: float | None = None

    def see(self, place: Place, error_m: float, mono_s: float) -> None:
        """Take one fix into account."""
        ways, besides = self._project(place)
        passed_s = 0.0 if self._last_s is None else max(0.0, mono_s - self._last_s)
        self._last_s = mono_s
        found = self._nearby(ways, besides, passed_s)
        way_m, self.beside_m = found or self._nearest(besides, ways)
        self._join_m = way_m
        if self.beside_m > self._near_m + min(error_m, self._near_m):
            return
        if self.way_m is None or way_m > self.way_m or self.way_m - way_m > TURNED_M + error_m:
            self.way_m = way_m

    def left_m(self) -> float | None:
        """The way that is left; with the detour to the route where the unit is beside it."""
        if self.beside_m == math.inf:
            return None if self.way_m is None else self.length_m - self.way_m
        on_it = self.way_m is not None and self.beside_m <= self._near_m
        way_m = self.way_m if on_it and self.way_m is not None else self._join_m
        return self.length_m - way_m + (0.0 if on_it else self.beside_m)

    def _nearby(
        self, ways: NDArray[np.float64], besides: NDArray[np.float64], passed_s: float
    ) -> tuple[float, float] | None:
        """The best match around the last one; None where that is too far beside."""
        if self.way_m is None:
            return None
        ahead_m = self.way_m + AHEAD_SLACK_M + AHEAD_MPS * passed_s
        window = (ways >= self.way_m - BACK_M) & (ways <= ahead_m)
        if not window.any() or besides[window].min() > self._near_m:
            return None
        return self._nearest(np.where(window, besides, np.inf), ways)

    def _nearest(
        self, besides: NDArray[np.float64], ways: NDArray[np.float64]
    ) -> tuple[float, float]:
        """Of the pieces that are about as near as each other, the one next to the last match."""
        close = np.flatnonzero(besides <= besides.min() + NEAR_M)
        at = 0.0 if self.way_m is None else self.way_m
        # Behind counts double: in a loop the unit rather goes on than back.
        steps = np.where(ways[close] >= at, ways[close] - at, 2 * (at - ways[close]))
        best = close[int(np.argmin(steps + 2 * besides[close]))]
        return float(ways[best]), float(besides[best])

    def _project(self, place: Place) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For every leg: the way to the foot of the perpendicular, and its length; metres."""
        relative = np.array(self._flat(place)) - self._starts
        squares = np.maximum(self._lengths**2, 1e-9)
        share = np.clip((relative * self._legs).sum(axis=1) / squares, 0.0, 1.0)
        beside = relative - share[:, None] * self._legs
        return self._begins + share * self._lengths, np.hypot(beside[:, 0], beside[:, 1])

    def _flat(self, place: Place) -> tuple[float, float]:
        """Metres north and east of the start; a route is short enough for the Earth to be flat."""
        lat_deg, lon_deg = place
        turn_deg = (lon_deg - self._origin[1] + 180.0) % 360.0 - 180.0
        scale = math.cos(math.radians(self._origin[0]))
        return (lat_deg - self._origin[0]) * DEGREE_M, turn_deg * DEGREE_M * scale


class OffRoute:
    """Beside the route for too long; back on it only well inside the limit."""

    def __init__(self, off_m: float, off_s: float, *, off: bool = False) -> None:
        self._off_m = off_m
        self._off_s = off_s
        self._since_s: float | None = None
        self.off = off

    def see(self, beside_m: float, error_m: float, mono_s: float) -> bool:
        """Whether it changed with this fix."""
        doubt_m = min(error_m, self._off_m)
        if self.off:
            other, needed_s = beside_m <= self._off_m * BACK_SHARE + doubt_m, BACK_S
        else:
            other, needed_s = beside_m - doubt_m > self._off_m, self._off_s
        if not other:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = mono_s
        # `For more than`: at the limit itself it is not yet.
        if mono_s - self._since_s < needed_s:
            return False
        self.off, self._since_s = not self.off, None
        return True
