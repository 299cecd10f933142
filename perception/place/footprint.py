"""What of the ground is in a picture: its border, cut where the ground is too far or too flat."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from perception.place.geometry import Aim
from perception.place.lens import Lens

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PER_SIDE = 12  # points on each side of the picture
ARC_STEP_RAD = math.radians(8)
SHRINKS = np.linspace(1.0, 0.0, 41)  # a corner that the lens's description does not reach is cut


def least_drop(aim: Aim, range_m: float, margin_deg: float) -> float:
    """The tangent below the horizon from which on the ground is near enough, and steep enough."""
    return max(aim.height_m / range_m, math.tan(math.radians(margin_deg)))


def footprint(lens: Lens, aim: Aim, range_m: float, margin_deg: float) -> Floats | None:
    """(N, 2) east, north from the unit's position, counter-clockwise; None where no ground is in
    the picture."""
    limit = least_drop(aim, range_m, margin_deg)
    towards = border_rays(lens) @ aim.rotation.T
    counts = -towards[:, 2] > limit * np.hypot(towards[:, 0], towards[:, 1])
    if not counts.any():
        return _round(lens, aim, limit)
    if counts.all():
        return _counter_clockwise(_spots(towards, aim, limit) + aim.lens)
    start = int(np.flatnonzero(counts & ~np.roll(counts, 1))[0])  # where a stretch begins
    towards, counts = np.roll(towards, -start, axis=0), np.roll(counts, -start)
    rays: list[Floats] = []
    for stretch in runs(counts):
        before, after = towards[stretch.start - 1], towards[stretch.stop % len(towards)]
        begin = _crossing(before, towards[stretch.start], limit)
        if rays:
            rays.append(_arc(rays[-1][-1], begin, limit, lens, aim))
        end = _crossing(after, towards[stretch.stop - 1], limit)
        rays += [begin[None], towards[stretch], end[None]]
    rays.append(_arc(rays[-1][-1], rays[0][0], limit, lens, aim))
    return _counter_clockwise(_spots(np.concatenate(rays), aim, limit) + aim.lens)


def _crossing(out: Floats, within: Floats, limit: float) -> Floats:
    """The ray between one beyond the limit and one within it, on the limit."""
    over, under = (float(-ray[2] - limit * math.hypot(ray[0], ray[1])) for ray in (out, within))
    return np.asarray(within + under / (under - over) * (out - within))


def runs(flags: Bools) -> list[slice]:
    """The stretches of flags that are set."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [slice(a, b) for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]


@functools.lru_cache(maxsize=16)
def border_rays(lens: Lens) -> Floats:
    """(48, 3) rays along the border, clockwise as seen, in camera axes."""
    wide, tall = lens.width_px - 1.0, lens.height_px - 1.0
    share = np.arange(PER_SIDE) / PER_SIDE
    zero, one = np.zeros(PER_SIDE), np.ones(PER_SIDE)
    across = np.concatenate((share, one, 1 - share, zero)) * wide
    down = np.concatenate((zero, share, one, 1 - share)) * tall
    border, axis = np.column_stack((across, down)), np.array([lens.cx_px, lens.cy_px])
    inwards = axis + SHRINKS[:, None, None] * (border - axis)
    rays, sound = lens.rays(inwards.reshape(-1, 2))
    first = sound.reshape(len(SHRINKS), -1).argmax(axis=0)
    return np.asarray(rays.reshape(len(SHRINKS), -1, 3)[first, np.arange(4 * PER_SIDE)])


def _spots(rays: Floats, aim: Aim, limit: float) -> Floats:
    """(N, 2) where rays meet the ground, at most where it counts."""
    level = np.hypot(rays[:, 0], rays[:, 1])
    down = np.maximum(np.maximum(-rays[:, 2], limit * level), 1e-9)
    return np.asarray(rays[:, :2] * (aim.height_m / down)[:, None])


def _arc(left: Floats, back: Floats, limit: float, lens: Lens, aim: Aim) -> Floats:
    """(N, 3) rays along the far limit of the ground, from where the border goes above it to where
    it comes back: on that side of the circle which is in the picture."""
    begin, end = math.atan2(left[1], left[0]), math.atan2(back[1], back[0])
    ways = ((end - begin) % (2 * math.pi), (end - begin) % (2 * math.pi) - 2 * math.pi)
    way = max(ways, key=lambda sweep: _seen(begin + np.linspace(0, sweep, 9), limit, lens, aim))
    steps = max(int(abs(way) / ARC_STEP_RAD), 1)
    return _limit_rays(begin + np.linspace(0, way, steps + 1)[1:-1], limit)


def _limit_rays(angles: Floats, limit: float) -> Floats:
    return np.column_stack((np.cos(angles), np.sin(angles), np.full(len(angles), -limit)))


def _seen(angles: Floats, limit: float, lens: Lens, aim: Aim) -> int:
    return int(in_picture(_limit_rays(angles, limit), lens, aim)[1].sum())


def in_picture(towards: Floats, lens: Lens, aim: Aim) -> tuple[Floats, Bools]:
    """(N, 3) rays, east-north-up, as (N, 2) pixels, and (N,) whether they are in the picture."""
    pixels, seen = lens.pixels(towards @ aim.rotation)
    with np.errstate(invalid="ignore"):
        inside = (pixels > -0.5) & (pixels < (lens.width_px - 0.5, lens.height_px - 0.5))
    return pixels, np.asarray(seen & inside.all(axis=1))


def _round(lens: Lens, aim: Aim, limit: float) -> Floats | None:
    """A lens that looks down and sees past the limit all around: the whole circle."""
    angles = np.arange(0, 2 * math.pi, ARC_STEP_RAD)
    rays = _limit_rays(angles, limit)
    if not in_picture(rays, lens, aim)[1].all():
        return None
    circle = rays[:, :2] * (aim.height_m / limit)
    return np.asarray(circle + aim.lens)


def _counter_clockwise(points: Floats) -> Floats:
    following = np.roll(points, -1, axis=0)
    doubled = points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]
    return points if doubled.sum() > 0 else points[::-1].copy()
