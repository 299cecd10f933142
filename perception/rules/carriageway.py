"""A person on foot is on the carriageway: not on the crossing, no cyclist, none of our own."""

import math
from dataclasses import dataclass

from config.rules import CarriagewayRule
from config.zones import ZoneKind
from perception.place.placed import WorldTrack
from perception.rules.fast import probability_above
from perception.rules.loitering import follow
from perception.rules.rule import Claim, Fact, Verdict
from perception.rules.sight import Sight, Standing
from perception.rules.stay import Stays

NOT_ROAD: tuple[ZoneKind, ...] = ("crossing", "exclusion")
# A person whose box overlaps a vehicle's by this share of its own, at the same place, rides it or
# gets out of it. By place, since somebody who stands before the traffic overlaps it in the picture.
OVERLAP_SHARE = 0.2
BESIDE_M = {"bicycle": 1.0, "motorcycle": 1.2, "car": 2.5, "bus": 4.0, "truck": 4.0}
RIDER_MEMORY_S = 3.0  # the share of pictures with an overlap is taken over about so long
WITHIN_M = 3.0  # as for loitering
INSIDE = 0.5


@dataclass(slots=True)
class _Riding:
    """How far somebody belongs to a vehicle, smoothed over time, 0..1."""

    share: float
    seen_s: float


class CarriagewayJudge:
    """P(feet on the carriageway, off its crossings), for those on foot."""

    def __init__(self, config: CarriagewayRule) -> None:
        self._config = config
        self._riding: dict[int, _Riding] = {}
        self._stays = {zone: Stays(config.gap_s) for zone in config.zones}

    def judge(self, sight: Sight) -> Verdict:
        config, mono_s = self._config, sight.scene.mono_s
        self._riding = {k: r for k, r in self._riding.items() if mono_s - r.seen_s < 30.0}
        vehicles = [track for track in sight.scene.tracks if track.label in BESIDE_M]
        claims = []
        for zone, stays in self._stays.items():
            stays.forget_before(mono_s)
            for each in sight.strangers(zone, config, without=NOT_ROAD):
                if self._on_foot(vehicles, each, mono_s):
                    claims.append(self._claim(zone, stays, each, mono_s))
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """What is remembered ends by its age."""

    def _claim(self, zone: str, stays: Stays, each: Standing, mono_s: float) -> Claim:
        facts: dict[str, Fact] = {"on_carriageway_probability": round(each.inside, 3)}
        severity = None
        stay = stays.of(each.subject, mono_s, inside=each.inside >= INSIDE)
        if stay is not None and each.inside >= INSIDE:
            near = follow(stay, each, mono_s, WITHIN_M)
            lasted_s = stay.seen_s - stay.begun_s
            efficiency = stay.efficiency(self._config.wandering_s, near)
            facts |= {"on_it_s": round(lasted_s, 1), "path_efficiency": round(efficiency, 3)}
            if lasted_s >= self._config.wandering_s and efficiency < 0.35:
                facts["vulnerable"], severity = True, 1
        return Claim.about(each, zone, each.inside, facts, severity=severity)

    def _on_foot(self, vehicles: list[WorldTrack], each: Standing, mono_s: float) -> bool:
        """Neither faster than anybody on foot, nor part of a vehicle for most of the last seconds.

        In between, where somebody comes out of a car and walks off, the newest seconds decide.
        """
        too_fast = probability_above(each.track, self._config.max_speed_mps)
        rides = (too_fast is not None and too_fast > 0.5) or any(
            _belongs(each.track, other) for other in vehicles
        )
        known = self._riding.get(each.subject)
        if known is None:
            known = self._riding[each.subject] = _Riding(float(rides), mono_s)
        else:
            keep = math.exp(-max(mono_s - known.seen_s, 0.0) / RIDER_MEMORY_S)
            known.share, known.seen_s = keep * known.share + (1 - keep) * rides, mono_s
        return known.share < 0.5


def _belongs(person: WorldTrack, vehicle: WorldTrack) -> bool:
    """The boxes overlap, and the places, where they are known, are the same within their error."""
    x = min(person.box[2], vehicle.box[2]) - max(person.box[0], vehicle.box[0])
    y = min(person.box[3], vehicle.box[3]) - max(person.box[1], vehicle.box[1])
    area = (person.box[2] - person.box[0]) * (person.box[3] - person.box[1])
    if x <= 0 or y <= 0 or x * y < OVERLAP_SHARE * area:
        return False
    if person.point is None or vehicle.point is None:
        return True
    here, there = person.point, vehicle.point
    apart_m = math.hypot(here.east_m - there.east_m, here.north_m - there.north_m)
    beside_m = BESIDE_M[vehicle.label]
    if apart_m < beside_m:
        return True
    # Half of either error is common: the unit's own.
    spread = here.covariance + there.covariance
    errors_m2 = float(spread[0, 0] + spread[1, 1]) / 4
    return (apart_m - beside_m) ** 2 < 4 * errors_m2
