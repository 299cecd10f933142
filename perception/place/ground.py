"""From lines of sight to points on the ground, each with the covariance of its error.

A foot seen at a drop q (tangent below the horizon) from a height H stands at 1 / range = q / H. A
person of height S whose top is seen at a drop t stands at 1 / range = (q - t) / S. Both err evenly
in 1 / range, so there they are weighed, by inverse variance. Errors go through first derivatives,
analytic where a formula gives them, by differences where the lens does; `spread.widening` makes
good what those miss.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.cameras import GroundConfig
from perception.place.bodies import Bodies
from perception.place.geometry import Aim
from perception.place.lens import Lens
from perception.place.sight import Sight
from perception.place.spread import MOST_SKEW, widening

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEEPEST_PRIOR = float(np.tan(np.radians(25)))  # seen from higher up, a box is no person's height
# Squared: from three sigma on one of the two ways is wrong, for a step, a slope, somebody who sits.
# The error is then what both together say (Birge's ratio: Phys. Rev. 40, 207, 1932).
DISPUTED = 9.0
HELD, FRESH = slice(0, 6), slice(6, 9)
TILT, TILT_ASIDE, HEADING, HEIGHT, FOCAL, BODY, ACROSS, DOWN, TOP = range(9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounded:
    """N points on the ground, east and north of the unit's position, metres."""

    points: Floats  # (N, 2); of no worth where one of the flags below is set
    held: Floats  # (N, 2, 2) m², of what stays from picture to picture: pose, mount, body
    loose: Floats  # (N, 2, 2) m², the part of it by angles and heights, which a gait shakes
    fresh: Floats  # (N, 2, 2) m², of what each picture brings anew: the box
    relative: Floats  # (N,) error of the direction and of the range, as a share of the range
    near_horizon: Bools  # (N,)
    too_far: Bools  # (N,)
    disputed: Bools  # (N,) size and ground disagree; the covariance says so, too


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One way to a range, with what each source of error does to it along and across."""

    range_m: Floats  # (N,)
    errors_m: Floats  # (N, 2, 9) along and to the right, at 1 sigma of each source

    def variance(self) -> Floats:
        """(N,) of 1 / range."""
        return np.asarray((self.errors_m[:, 0] ** 2).sum(axis=1) / self.range_m**4)


def ground(
    seen: Sight,
    bodies: Bodies,
    aim: Aim,
    lens: Lens,
    config: GroundConfig,
) -> Grounded:
    """Where N objects stand."""
    axis_px, focal_error = np.array([lens.cx_px, lens.cy_px]), lens.focal_error
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        plane = _by_plane(seen, aim, (seen.foot - axis_px) * focal_error)
        size = _by_size(seen, bodies, aim, axis_px, focal_error)
        weight, conflict = _weighed(plane, size, seen, bodies)
        fused = _fused(plane, size, weight)
        return _grounded(seen, bodies, aim, fused, conflict, config)


def _by_plane(seen: Sight, aim: Aim, focal_px: Floats) -> _Way:
    """The foot's ray meets a level plane. `focal_px` (N, 2): what 1 sigma of the focal length
    moves the foot by."""
    height_m, drop = aim.height_m, seen.drop
    range_m = height_m / drop
    errors = np.zeros((len(drop), 2, 9))
    errors[:, 0, TILT] = -(height_m + range_m / drop) * aim.tilt_error_rad
    errors[:, 1, TILT_ASIDE] = height_m * aim.tilt_error_rad
    errors[:, 1, HEADING] = range_m * aim.heading_error_rad
    errors[:, 0, HEIGHT] = aim.height_error_m / drop
    moves = height_m * seen.foot_by_px
    errors[:, :, FOCAL] = np.einsum("nas,ns->na", moves, focal_px)
    errors[:, :, ACROSS : DOWN + 1] = moves * seen.foot_error_px[:, None, :]
    return _Way(range_m, errors)


def _by_size(seen: Sight, bodies: Bodies, aim: Aim, axis_px: Floats, focal_error: float) -> _Way:
    """Somebody upright, whose height is known, stands on the foot's ray. Along only."""
    range_m = bodies.height_m / (seen.drop - seen.top_drop)
    lever = -(range_m**2) / bodies.height_m  # metres by drop of the foot, less that of the top
    foot_drop_by_px = -(seen.drop**2)[:, None] * seen.foot_by_px[:, 0]
    errors = np.zeros((len(range_m), 2, 9))
    errors[:, 0, TILT] = lever * (seen.drop**2 - seen.top_drop**2) * aim.tilt_error_rad
    focal = (foot_drop_by_px * (seen.foot - axis_px)).sum(axis=1)
    focal -= (seen.top_drop_by_px * (seen.top - axis_px)).sum(axis=1)
    errors[:, 0, FOCAL] = lever * focal * focal_error
    errors[:, 0, BODY] = range_m * bodies.height_error_m / bodies.height_m
    errors[:, 0, ACROSS : DOWN + 1] = lever[:, None] * foot_drop_by_px * seen.foot_error_px
    errors[:, 0, TOP] = -lever * seen.top_drop_by_px[:, 1] * seen.foot_error_px[:, 1]
    return _Way(range_m, errors)


def _weighed(plane: _Way, size: _Way, seen: Sight, bodies: Bodies) -> tuple[Floats, Floats]:
    """(N,) the weight of the plane, 0..1, and by how much the variance grows for a dispute."""
    usable = (
        seen.whole
        & np.isfinite(bodies.height_m)
        & (seen.drop < STEEPEST_PRIOR)
        & (seen.drop > seen.top_drop)
    )
    ours, theirs = plane.variance(), size.variance()
    weight = np.where(usable, theirs / (ours + theirs), 1.0)
    conflict = (1 / plane.range_m - 1 / size.range_m) ** 2 / (ours + theirs)
    return weight, np.where(usable & (conflict > DISPUTED), conflict, 1.0)


def _fused(plane: _Way, size: _Way, weight: Floats) -> _Way:
    """The weighed mean in 1 / range, with the errors of both, source by source."""
    alone = weight >= 1.0
    fused = 1 / (weight / plane.range_m + (1 - weight) / size.range_m)
    range_m = np.where(alone, plane.range_m, fused)
    ratio = np.where(alone, 1.0, range_m / plane.range_m)
    errors = plane.errors_m * ratio[:, None, None]
    errors[:, 0] *= (weight * ratio)[:, None]
    by_size = ((1 - weight) * (range_m / size.range_m) ** 2)[:, None] * size.errors_m[:, 0]
    errors[:, 0] += np.where(alone[:, None], 0.0, by_size)
    return _Way(range_m, errors)


def _grounded(
    seen: Sight, bodies: Bodies, aim: Aim, way: _Way, conflict: Floats, config: GroundConfig
) -> Grounded:
    errors = way.errors_m * np.sqrt(conflict)[:, None, None]
    any_way = aim.position_error_m**2 + bodies.depth_error_m**2
    along = (errors[:, 0] ** 2).sum(axis=1)
    by_angle = along - errors[:, 0, HEIGHT] ** 2
    skew = np.sqrt(by_angle) * way.range_m / (way.range_m**2 + aim.height_m**2)
    wider = widening(skew * by_angle / np.maximum(along + any_way, 1e-12))
    errors[:, 0] *= wider[:, None]
    axes = np.stack((seen.along, seen.side), axis=1)
    turned = np.einsum("nai,nak->nik", axes, errors)
    loose = turned[:, :, HELD] @ turned[:, :, HELD].transpose(0, 2, 1)
    held = loose + any_way[:, None, None] * np.eye(2)
    stretch = any_way * (wider**2 - 1)
    held += stretch[:, None, None] * seen.along[:, :, None] * seen.along[:, None, :]
    fresh = turned[:, :, FRESH] @ turned[:, :, FRESH].transpose(0, 2, 1)
    flat = seen.drop <= np.tan(np.radians(config.horizon_margin_deg))
    own = (errors[:, :, HELD] ** 2).sum(axis=(1, 2))
    return Grounded(
        relative=np.sqrt(own) / np.maximum(way.range_m, 1.0),
        points=_points(seen, bodies, aim, way.range_m),
        held=held,
        loose=loose,
        fresh=fresh,
        near_horizon=flat | ~(skew < MOST_SKEW) | ~seen.sound,
        too_far=way.range_m > config.max_range_m,
        disputed=conflict > 1.0,
    )


def _points(seen: Sight, bodies: Bodies, aim: Aim, range_m: Floats) -> Floats:
    """The foot, and from there into the object: up in the picture."""
    up = -seen.foot_by_px[:, :, 1]
    up /= np.maximum(np.hypot(up[:, 0], up[:, 1]), 1e-12)[:, None]
    level = up[:, :1] * seen.along + up[:, 1:] * seen.side
    foot = seen.along * range_m[:, None] + aim.lens
    return np.asarray(foot + level * bodies.depth_m[:, None])
