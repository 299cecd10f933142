"""A fence of ours on the map, in WGS 84, and whether a place or a way is inside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from config.crs import to_wgs84
from config.fence import FenceConfig
from drivers.platforms.orders import Waypoint
from perception.place.frame import LocalFrame

LonLat = tuple[float, float]
STEP_M = 10.0  # along a way, between two looks
MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class Fence:
    """Made of a section that was checked."""

    corners: tuple[LonLat, ...]
    centre: LonLat | None
    radius_m: float | None
    max_height_m: float | None

    @classmethod
    def of(cls, config: FenceConfig) -> "Fence":
        return cls(
            corners=tuple(to_wgs84(corner, config.crs) for corner in config.points),
            centre=None if config.centre is None else to_wgs84(config.centre, config.crs),
            radius_m=config.radius_m,
            max_height_m=config.max_height_m,
        )

    def left(self, lat_deg: float, lon_deg: float) -> str:
        """Why this place is outside; "" inside."""
        if self.centre is not None and self.radius_m is not None:
            frame = LocalFrame.at(self.centre[1], self.centre[0])
            away_m = math.hypot(*frame.to_metres(lat_deg, lon_deg))
            if away_m > self.radius_m:
                return f"{away_m:.0f} m from the middle, {self.radius_m:.0f} m are allowed"
        if self.corners and not _within(self.corners, lon_deg, lat_deg):
            return "outside its area"
        return ""

    def too_high(self, height_m: float) -> str:
        if self.max_height_m is None or height_m <= self.max_height_m:
            return ""
        return f"{height_m:.0f} m high, {self.max_height_m:.0f} m are allowed"

    def forbids(self, points: Sequence[Waypoint]) -> str:
        """Why a mission must not be flown: a point or the way between two is outside."""
        for number, point in enumerate(points, start=1):
            why = self.left(point.lat_deg, point.lon_deg) or self.too_high(point.height_m or 0.0)
            if why:
                return f"point {number} is {why}"
        for number, (one, two) in enumerate(pairwise(points), start=1):
            if any(self.left(*place) for place in _between(one, two)):
                return f"the way from point {number} to point {number + 1} leaves its area"
        return ""


def _within(corners: Sequence[LonLat], lon_deg: float, lat_deg: float) -> bool:
    """By the number of sides that a ray to the east crosses."""
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (y1 > lat_deg) != (y2 > lat_deg):
            crosses_at = x1 + (lat_deg - y1) * (x2 - x1) / (y2 - y1)
            inside ^= lon_deg < crosses_at
    return inside


def _between(one: Waypoint, two: Waypoint) -> list[tuple[float, float]]:
    frame = LocalFrame.at(one.lat_deg, one.lon_deg)
    east_m, north_m = frame.to_metres(two.lat_deg, two.lon_deg)
    steps = min(MOST_STEPS, int(math.hypot(east_m, north_m) / STEP_M) + 1)
    shares = [step / steps for step in range(1, steps)]
    return [frame.to_degrees(east_m * share, north_m * share) for share in shares]
