"""The ground that a camera sees of a zone, who stands on it, and how many it hides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from perception.zones.zones import turned

Floats = NDArray[np.float64]

PERSON_M = 1.7
WIDTH_M = 0.55  # of the strip in which people hide one: shoulders, and what two hide together
SPACING_M = 0.35  # nobody stands nearer before somebody
HIDDEN_UP_TO = 0.6  # of the height: a detector still finds head and shoulders above
GRID = 16  # cells on each side of a region's bounds, over which hiding is summed up
SAMPLES = 5  # on the way from each towards the lens
LIKELY = 0.5
DENSITIES = np.geomspace(0.005, 9.0, 120)  # persons per m² that are tried
LIKELIHOOD_95 = 1.35  # half of chi-squared at 90 %, two-sided: 95 % that it is no more
MOST_SPREAD = 1.5  # upper bound of the density over the likeliest one
MOSTLY_SEEN = 0.85
LEAST_SEEN = 0.5  # of those who are there, or the rest is a guess


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Ground of a zone that one camera sees at one time."""

    camera: str
    mono_s: float
    ground: shapely.Geometry  # polygons in metres of the frame
    eye: tuple[float, float, float] | None  # the lens: east, north, height
    points: Floats  # (N, 2) of people
    shares: Floats  # (N,) 0..1: how probably each stands on the zone's visible ground
    speeds: Floats  # (N,) m/s, NaN where unknown


@dataclass(frozen=True, slots=True)
class Density:
    """What the patches of a zone say together."""

    area_m2: float
    seen: float  # people, by probability
    count: float  # those that are hidden included, as far as can be said
    hidden_too_many: bool
    mean_speed_mps: float | None
    ground: shapely.Geometry

    @property
    def per_m2(self) -> float:
        return self.count / self.area_m2 if self.area_m2 > 0 else 0.0


def together(patches: Sequence[Patch]) -> Density:
    """Each piece of ground is counted by one camera only: the one that looks at it from highest,
    so that nobody is counted twice and no identity has to be compared."""
    taken: shapely.Geometry = shapely.Polygon()
    area_m2 = seen = count = 0.0
    too_many, speeds = False, []
    for patch in sorted(patches, key=lambda each: (-_height(each), each.camera)):
        own = shapely.difference(patch.ground, taken)
        mine = ~_inside(taken, patch.points)
        people = float(patch.shares[mine].sum())
        there, hidden = revealed(patch.points[mine], patch.shares[mine], own, patch.eye)
        area_m2, seen, count = area_m2 + own.area, seen + people, count + there
        too_many = too_many or hidden
        speeds.append(patch.speeds[mine & (patch.shares > LIKELY)])
        taken = shapely.union(taken, patch.ground)
    known = np.concatenate(speeds) if speeds else np.zeros(0)
    known = known[np.isfinite(known)]
    mean_mps = float(known.mean()) if len(known) else None
    return Density(area_m2, seen, count, too_many, mean_mps, taken)


def _height(patch: Patch) -> float:
    return patch.eye[2] if patch.eye else 0.0


def _inside(ground: shapely.Geometry, points: Floats) -> NDArray[np.bool_]:
    if not len(points):
        return np.zeros(0, np.bool_)
    return np.asarray(shapely.contains_xy(ground, points), np.bool_)


def revealed(
    points: Floats, shares: Floats, ground: shapely.Geometry, eye: tuple[float, float, float] | None
) -> tuple[float, bool]:
    """How many stand on the ground of which some are seen, and whether too many are hidden to say.

    People stand at random (a Poisson process of density q). One is not seen when another stands
    before it, in a strip as wide as a person and d long: so it is seen with exp(-q w d). By similar
    triangles, with the lens at h, who is d nearer hides one who is at distance r from the ground
    up to the height z where d = r (H - z) / (h - z); z is what a detector can do without. Those
    who are seen are then a Poisson process of density q exp(-q w d), and q is what makes their
    places the likeliest (Diggle, Statistical Analysis of Spatial Point Patterns, 3rd ed., 5.4):
    their number alone would not do, for in a dense crowd as few are seen as in a thin one, but
    only in its first rows.
    """
    seen = float(shares.sum())
    if eye is None or ground.area <= 0 or seen <= 0:
        return seen, False
    cells = _cells(ground)
    before = WIDTH_M * _hiding_m(cells, ground, eye)  # m² of ground that can hide each
    behind = float(WIDTH_M * _hiding_m(points, ground, eye) @ shares)
    whole = np.exp(-DENSITIES[:, None] * before).mean(axis=1) * DENSITIES * ground.area
    likely = seen * np.log(DENSITIES) - DENSITIES * behind - whole
    best = int(likely.argmax())
    near = np.flatnonzero(likely >= likely[best] - LIKELIHOOD_95)
    unsure = DENSITIES[near[-1]] > MOST_SPREAD * DENSITIES[best]
    count = max(seen, float(DENSITIES[best] * ground.area))
    hidden = seen < LEAST_SEEN * count or (unsure and seen < MOSTLY_SEEN * count)
    return count, bool(hidden)


def _cells(ground: shapely.Geometry) -> Floats:
    """(M, 2) places all over the ground."""
    west, south, east, north = ground.bounds
    across = west + (np.arange(GRID) + 0.5) / GRID * (east - west)
    up = south + (np.arange(GRID) + 0.5) / GRID * (north - south)
    cells = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    held = cells[_inside(ground, cells)]
    return held if len(held) else np.array([[ground.centroid.x, ground.centroid.y]])


def _hiding_m(places: Floats, ground: shapely.Geometry, eye: tuple[float, float, float]) -> Floats:
    """(M,) over which length of ground before each place somebody can stand who hides it."""
    towards = np.array(eye[:2]) - places
    away_m = np.hypot(towards[:, 0], towards[:, 1])
    up_to_m = HIDDEN_UP_TO * PERSON_M
    share = min((PERSON_M - up_to_m) / (eye[2] - up_to_m), 1.0) if eye[2] > PERSON_M else 1.0
    depth_m = np.maximum(away_m * share - SPACING_M, 0.0)
    steps = SPACING_M + (np.arange(SAMPLES) + 0.5) / SAMPLES * depth_m[:, None]
    spots = (
        places[:, None] + towards[:, None] * (steps / np.maximum(away_m, 1e-6)[:, None])[..., None]
    )
    on_ground = _inside(ground, spots.reshape(-1, 2)).reshape(len(places), SAMPLES)
    return np.asarray(depth_m * on_ground.mean(axis=1), np.float64)


def corners(ground: shapely.Geometry, most: int) -> Floats | None:
    """(N, 2) the border of the largest piece, counter-clockwise, simplified to at most so many
    corners; None of nothing."""
    parts = [part for part in shapely.get_parts(ground) if part.geom_type == "Polygon"]
    if not parts:
        return None
    largest = max(parts, key=lambda part: part.area)
    for tolerance_m in (0.0, 0.25, 0.5, 1.0, 2.0):
        ring = np.array(largest.simplify(tolerance_m).exterior.coords)[:-1]
        if 3 <= len(ring) <= most:
            return turned(ring, left=True)
    return turned(np.array(largest.envelope.exterior.coords)[:-1], left=True)
