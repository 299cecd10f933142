"""Too many people on too little ground: persons per m² of visible walkable ground.

Boxes hide one another just when a crowd becomes dangerous: then the count is told as a lower
bound, `saturated`, one level worse, with the wish for a look from above.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from config.rules import CrowdRule
from perception.place.placed import WorldTrack
from perception.rules.crowds.crowd_course import Course, level_of_service
from perception.rules.crowds.crowd_ground import Density, Patch, corners, together
from perception.rules.rule import Claim, Fact, Verdict
from perception.rules.sight import NO_FOOTPRINT, Sight
from perception.zones.probability import inside
from perception.zones.zones import polygon, ring_edges, turned

Floats = NDArray[np.float64]

TOO_LITTLE_GROUND = "too_little_ground"
FRESH_S = 3.0  # what a camera saw is taken to hold for so long
LOOK_EVERY_S = 0.5
MAX_CORNERS = 64
BORDER_SIGMA = 3.5
UNSURE = 0.4  # confidence that is lost where people are hidden or hardly any ground is seen
NAMES = ("none", "notice", "yellow", "orange", "red")


class CrowdJudge:
    """The density in each zone, over all cameras that see some of it."""

    def __init__(self, config: CrowdRule) -> None:
        self._config = config
        self._patches: dict[str, dict[str, Patch]] = {zone: {} for zone in config.zones}
        self._courses: dict[str, Course] = {}
        self._said: dict[str, Claim] = {}
        self._looked_s: dict[tuple[str, str], float] = {}

    def judge(self, sight: Sight) -> Verdict:
        blind = sight.blind(self._config.zones)
        if blind is None and sight.scene.footprint is None:
            blind = NO_FOOTPRINT
        if blind is not None:
            return Verdict(blind=blind)
        claims, reasons = [], []
        for zone in self._config.zones:
            claim = self._zone(zone, sight)
            claims += [claim] if claim is not None else []
            reasons += [TOO_LITTLE_GROUND] if claim is None else []
        in_vain = len(reasons) == len(self._config.zones)
        return Verdict(claims=claims, blind=TOO_LITTLE_GROUND if in_vain else None)

    def forget(self, camera: str | None) -> None:
        for patches in self._patches.values():
            for name in [name for name in patches if camera in (None, name)]:
                del patches[name]

    def _zone(self, zone: str, sight: Sight) -> Claim | None:
        """None where too little of its ground is seen."""
        mono_s, key = sight.scene.mono_s, (zone, sight.scene.camera)
        if 0 <= mono_s - self._looked_s.get(key, -np.inf) < LOOK_EVERY_S:
            return self._said.get(zone)
        self._looked_s[key] = mono_s
        patches = self._patches[zone]
        patch = self._patch(zone, sight)
        patches.pop(sight.scene.camera, None)
        if patch is not None:
            patches[patch.camera] = patch
        fresh = [each for each in patches.values() if abs(mono_s - each.mono_s) <= FRESH_S]
        density = together(fresh)
        if patch is None or density.area_m2 < self._config.min_area_m2:
            self._said.pop(zone, None)
            return None
        self._said[zone] = claim = self._claim(zone, density, mono_s)
        return claim

    def _patch(self, zone: str, sight: Sight) -> Patch | None:
        """What this picture shows of the zone's ground; None of nothing."""
        plot = sight.plot(zone, without=("exclusion",))
        footprint = sight.scene.footprint
        if plot is None or footprint is None or not plot.rings:
            return None
        ground = shapely.intersection(polygon(plot), shapely.make_valid(shapely.Polygon(footprint)))
        if ground.area <= 0:
            return None
        people = [track for track in sight.scene.tracks if self._counts(track)]
        points = [(t.point.east_m, t.point.north_m) for t in people if t.point is not None]
        spreads = [t.point.covariance for t in people if t.point is not None]
        placed = np.array(points).reshape(-1, 2)
        shares = _shares(ground, placed, np.array(spreads).reshape(-1, 2, 2))
        speeds = np.array([np.nan if t.speed_mps is None else t.speed_mps for t in people])
        return Patch(
            camera=sight.scene.camera,
            mono_s=sight.scene.mono_s,
            ground=ground,
            eye=sight.scene.eye,
            points=placed,
            shares=shares,
            speeds=speeds,
        )

    def _counts(self, track: WorldTrack) -> bool:
        """Also who is only predicted just now: detectors miss one in ten, and nobody left."""
        return track.label in self._config.labels and track.point is not None

    def _claim(self, zone: str, density: Density, mono_s: float) -> Claim:
        config = self._config
        course = self._courses.setdefault(
            zone, Course(config.levels, config.clear_share, config.trend_s, config.gap_s)
        )
        course.add(density.per_m2, mono_s)
        saturated = density.hidden_too_many or course.density >= config.saturated_per_m2
        level = course.level()
        told = min(level + 1, 4) if saturated and level else level
        sure = 1.0 - UNSURE * (1.0 - density.seen / max(density.count, 1e-9))
        return Claim(
            key=zone,
            level=1.0 if level else 0.0,
            confidence=round(sure - (UNSURE / 2 if saturated else 0.0), 3),
            severity=5 - told if told else None,
            zone=zone,
            label="person",
            footprint=corners(density.ground, MAX_CORNERS),
            since_mono_s=course.since_s,
            facts=_facts(density, course, told, saturated=saturated),
        )


def _facts(density: Density, course: Course, level: int, *, saturated: bool) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "count": round(density.count, 1),
        "seen": round(density.seen, 1),
        "area_m2": round(density.area_m2, 1),
        "density_per_m2": round(course.density, 3),
        "level": NAMES[level],
        "los": level_of_service(course.density),
        "saturated": saturated,
    }
    if density.mean_speed_mps is not None:
        facts["mean_speed_mps"] = round(density.mean_speed_mps, 2)
    trend = course.trend()
    if trend is not None:
        facts["trend_per_m2_min"] = round(trend[0], 3)
        facts["trend_error_per_m2_min"] = round(trend[1], 3)
    if saturated:
        facts["wanted"] = "drone_view"
    return facts


def _shares(ground: shapely.Geometry, points: Floats, spreads: Floats) -> Floats:
    """(N,) how probably each is on the ground; only near its border is that a question."""
    if not len(points):
        return np.zeros(0)
    shares = shapely.contains_xy(ground, points).astype(np.float64)
    reach_m = BORDER_SIGMA * np.sqrt(np.trace(spreads, axis1=1, axis2=2))
    near = shapely.distance(shapely.points(points), ground.boundary) < reach_m
    shares[near] = inside(_edges(ground), points[near], spreads[near])
    return np.asarray(shares, np.float64)


def _edges(ground: shapely.Geometry) -> Floats:
    """(E, 2, 2) of all rings, turned as those of a plot."""
    edges = []
    for part in shapely.get_parts(ground):
        if part.geom_type != "Polygon":
            continue
        rings = [(part.exterior, True), *((hole, False) for hole in part.interiors)]
        for ring, left in rings:
            edges.append(ring_edges(turned(np.array(ring.coords)[:-1], left=left)))
    return np.concatenate(edges) if edges else np.zeros((0, 2, 2))
