"""Which positions of a track may go so that the rest still tells where the unit was, and when.

The measure is the synchronized Euclidean distance: how far a point lies from where linear
interpolation *by time* between its kept neighbours puts the unit (Meratnia and de By,
"Spatiotemporal Compression Techniques for Moving Point Objects", EDBT 2004, section 3.2; Potamias,
Patroumpas and Sellis, SSDBM 2006, compare samplings by it). Points are chosen top-down, as Douglas
and Peucker (1973) do. Pure functions: nothing is read or deleted here.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

# Larger than any radius of curvature of the WGS 84 ellipsoid (6 399 594 m, at the poles), so that
# no distance is ever told too small.
RADIUS_M = 6_400_000.0
METRES_PER_DEG = math.radians(RADIUS_M)
STANDS_BELOW_MPS, MOVES_ABOVE_MPS = 0.3, 1.0


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """A stored position, as far as thinning looks at it."""

    sequence: int
    time_s: float  # of the capture, Unix seconds
    lat_deg: float
    lon_deg: float
    alt_m: float | None = None
    speed_mps: float | None = None
    source: str = "gnss"


def track_point(sequence: int, body: bytes) -> TrackPoint | None:
    """The point in a stored body; None if it is no position."""
    try:
        message = json.loads(b"{" + body + b"}")
        data = message["data"]
        return TrackPoint(
            sequence,
            datetime.fromisoformat(message["time"]).timestamp(),
            float(data["lat_deg"]),
            float(data["lon_deg"]),
            data.get("alt_msl_m"),
            data.get("speed_mps"),
            str(data["source"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def surplus(track: Sequence[TrackPoint], within_m: float, *, keep_marks: bool) -> list[int]:
    """The sequences that may go, in order: where each was is told by the rest within `within_m`.

    The first and the last stay; with `keep_marks` also what marks a start, a stop, or a change of
    source, and both sides of a clock set back, over which nothing can be interpolated.
    """
    if not keep_marks:
        return _within_run(track, within_m, keep_marks=False)
    going: list[int] = []
    begin = 0
    for end in range(1, len(track) + 1):
        if end == len(track) or track[end].time_s < track[end - 1].time_s:
            going += _within_run(track[begin:end], within_m, keep_marks=True)
            begin = end
    return going


def _within_run(run: Sequence[TrackPoint], within_m: float, *, keep_marks: bool) -> list[int]:
    if len(run) < 3:
        return []
    kept = {0, len(run) - 1} | (_marks(run) if keep_marks else set())
    corners = sorted(kept)
    places = _metric(run)
    stack = list(pairwise(corners))
    while stack:
        first, last = stack.pop()
        index, distance_m = _farthest(places, first, last)
        if distance_m > within_m:
            kept.add(index)
            stack += [(first, index), (index, last)]
    return [point.sequence for index, point in enumerate(run) if index not in kept]


def _farthest(
    places: Sequence[tuple[float, float, float, float]], first: int, last: int
) -> tuple[int, float]:
    """The point between the two that lies farthest from its interpolation, and how far."""
    t0, x0, y0, z0 = places[first]
    t1, x1, y1, z1 = places[last]
    per_s = 1.0 / (t1 - t0) if t1 != t0 else 0.0  # two places at one moment: the first counts
    vx, vy, vz = (x1 - x0) * per_s, (y1 - y0) * per_s, (z1 - z0) * per_s
    farthest, worst = first, 0.0
    for index in range(first + 1, last):
        t, x, y, z = places[index]
        passed = t - t0
        dx, dy, dz = x - x0 - vx * passed, y - y0 - vy * passed, z - z0 - vz * passed
        square = dx * dx + dy * dy + dz * dz
        if square > worst:
            farthest, worst = index, square
    return farthest, math.sqrt(worst)


def _metric(run: Sequence[TrackPoint]) -> list[tuple[float, float, float, float]]:
    """Seconds and metres (east, north, up) from the first point.

    Equirectangular, with the scale of the latitude nearest to the equator: an eastward distance is
    never told too small. An unknown altitude is the last known one.
    """
    first = run[0]
    east_scale = METRES_PER_DEG * math.cos(math.radians(min(abs(p.lat_deg) for p in run)))
    places, up_m = [], 0.0
    for point in run:
        up_m = up_m if point.alt_m is None else point.alt_m
        # The short way round, over the 180th meridian too.
        east_deg = (point.lon_deg - first.lon_deg + 180.0) % 360.0 - 180.0
        north_deg = point.lat_deg - first.lat_deg
        passed_s = point.time_s - first.time_s
        places.append((passed_s, east_deg * east_scale, north_deg * METRES_PER_DEG, up_m))
    return places


def _marks(run: Sequence[TrackPoint]) -> set[int]:
    """Points at a start or stop, and those on both sides of a change of source."""
    found: set[int] = set()
    stands: bool | None = None
    for index, point in enumerate(run):
        if index and point.source != run[index - 1].source:
            found |= {index - 1, index}
        now_stands = _stands(point.speed_mps, stands)
        if stands is not None and now_stands is not stands:
            found.add(index)
        stands = now_stands
    return found


def _stands(speed_mps: float | None, stood: bool | None) -> bool | None:
    """With hysteresis, so that a receiver's noise at a red light makes no marks."""
    if speed_mps is None:
        return stood
    if speed_mps < STANDS_BELOW_MPS:
        return True
    return False if speed_mps > MOVES_ABOVE_MPS else stood
