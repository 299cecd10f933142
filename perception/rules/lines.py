"""Who crosses a line, and which way, however much their position trembles."""

import math
from dataclasses import dataclass

from perception.rules.sight import Standing
from perception.zones.zones import Plot

SURE_SIGMA = 3.0  # so far from the line, by the error across it, is a side taken;
HOLD_S = 0.6  # and only where it lasts for so long,
BEYOND_DOUBT_SIGMA = 4.0  # or is beyond all doubt
SURE_M = 0.25  # and never nearer: who stands on a line sways
SURE_HEIGHTS = 0.05  # the same in a picture, in heights of the box
FORGET_S = 30.0

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(slots=True)
class _Walk:
    """One subject's way past one line."""

    point: Point
    seen_s: float
    side: int = 0  # 1 left, -1 right: the last that was sure; 0 none yet
    net: int = 0  # crossings since then: to the right less to the left
    other_s: float | None = None  # since when it has been beyond doubt on the other side


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody went over a line."""

    forward: bool  # from its left to its right
    confidence: float  # 0..1 that they are on the other side


class LineWatch:
    """Watches one line. A side counts only beyond the error of the position: who dithers on the
    line crosses nothing; and a crossing is one of the line itself, not of its prolongation."""

    def __init__(self) -> None:
        self._walks: dict[int, _Walk] = {}

    def step(self, plot: Plot, each: Standing, mono_s: float) -> Crossing | None:
        """Where a subject is now; the crossing that it has just completed, if any."""
        point = (float(each.point[0]), float(each.point[1]))
        walk = self._walks.get(each.subject)
        if walk is None or mono_s - walk.seen_s > FORGET_S:
            walk = self._walks[each.subject] = _Walk(point, mono_s)
        # In a picture y grows downwards, which swaps left and right.
        sense = 1 if plot.zone.camera is None else -1
        segments = [((a[0], a[1]), (b[0], b[1])) for a, b in plot.edges.tolist()]
        walk.net += sense * sum(_crossed(walk.point, point, each) for each in segments)
        walk.point, walk.seen_s = point, mono_s
        distance, error = _from_line(segments, point, each.covariance.tolist())
        side = sense if distance > 0 else -sense
        if abs(distance) < max(SURE_SIGMA * error, _sway(each, plot)):
            walk.other_s = None
            return None
        if side != walk.side and abs(distance) < BEYOND_DOUBT_SIGMA * error:
            walk.other_s = mono_s if walk.other_s is None else walk.other_s
            if mono_s - walk.other_s < HOLD_S:
                return None
        walk.other_s = None
        crossed = walk.side == -side and walk.net * -side > 0
        walk.side, walk.net = side, 0
        if not crossed:
            return None
        return Crossing(side < 0, 1 - math.erfc(abs(distance) / error / math.sqrt(2)) / 2)

    def forget(self) -> None:
        """Where everybody was says nothing any more: the line has moved, as one in the picture of
        a unit that drives."""
        self._walks.clear()

    def forget_before(self, mono_s: float) -> None:
        """Those that have not been seen for a while."""
        self._walks = {k: w for k, w in self._walks.items() if mono_s - w.seen_s <= FORGET_S}


def _sway(each: Standing, plot: Plot) -> float:
    if plot.zone.camera is None:
        return SURE_M
    return SURE_HEIGHTS * (each.track.box[3] - each.track.box[1])


def _crossed(a: Point, b: Point, segment: Segment) -> int:
    """1 for a step over the segment from its left to its right, -1 the other way, 0 for none."""
    p, q = segment
    before, after = _cross(p, q, a), _cross(p, q, b)
    if (before > 0) == (after > 0) or (_cross(a, b, p) > 0) == (_cross(a, b, q) > 0):
        return 0
    return 1 if before > 0 else -1


def _from_line(
    segments: list[Segment], point: Point, covariance: list[list[float]]
) -> tuple[float, float]:
    """Distance, positive on the left, and its error (1 sigma), from the nearest segment."""
    found = [_from_segment(segment, point) for segment in segments]
    nearest = min(distance for distance, _, _ in found)
    # At a corner two are equally near: the one that is seen less flat knows the side.
    _, offset, (x, y) = max(
        (each for each in found if each[0] <= nearest + 1e-9), key=lambda each: abs(each[1])
    )
    (a, b), (_, c) = covariance
    return math.copysign(nearest, offset), math.sqrt(
        max(a * x * x + 2 * b * x * y + c * y * y, 1e-9)
    )


def _from_segment(segment: Segment, point: Point) -> tuple[float, float, Point]:
    """Distance; offset from the line through it, positive on the left; the normal."""
    (px, py), (qx, qy) = segment
    along_x, along_y = qx - px, qy - py
    length = math.hypot(along_x, along_y) or 1e-9
    share = ((point[0] - px) * along_x + (point[1] - py) * along_y) / length**2
    share = min(max(share, 0.0), 1.0)
    distance = math.hypot(point[0] - px - share * along_x, point[1] - py - share * along_y)
    return distance, _cross(*segment, point) / length, (-along_y / length, along_x / length)


def _cross(a: Point, b: Point, c: Point) -> float:
    """Twice the area of the triangle; positive where c lies left of a to b."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
