"""Somebody stays in a zone for long without getting anywhere."""

import math

from config.rules import LoiteringRule
from perception.rules.reseen import Passes
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight, Standing
from perception.rules.stay import Stay, Stays

UNIT_MOVING = "unit_moving"
UNIT_FAST_MPS = 2.0  # beyond, nobody stays in view for long enough to say that they linger
AGAIN = 1.4  # an episode is over at this multiple of the efficiency that began it
INSIDE = 0.5
RESEEN_CONFIDENCE = 0.5  # that it is the same person is a guess
PERSON_M = 1.7  # a box in a picture is so high: what a metre is there


class LoiteringJudge:
    """Dwell and path efficiency of each subject, in each zone less its exclusions."""

    def __init__(self, config: LoiteringRule) -> None:
        self._config = config
        self._stays = {zone: Stays(config.gap_s) for zone in config.zones}
        self._passes = {zone: Passes(config.dwell_s, config.within_m) for zone in config.zones}

    def judge(self, sight: Sight) -> Verdict:
        config = self._config
        pose = sight.scene.pose
        if pose is not None and pose.speed_mps is not None and pose.speed_mps > UNIT_FAST_MPS:
            return self._passing_by(sight)
        claims = []
        for zone, stays in self._stays.items():
            stays.forget_before(sight.scene.mono_s)
            for each in sight.strangers(zone, config, without=("exclusion",)):
                claim = self._of(zone, stays, each, sight.scene.mono_s)
                claims += [claim] if claim is not None else []
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """Stays end by their age."""

    def _passing_by(self, sight: Sight) -> Verdict:
        """Nobody stays in view for long enough; but somebody may stand there on the next pass."""
        if not self._config.reseen:
            return Verdict(blind=UNIT_MOVING)
        mono_s = sight.scene.mono_s
        claims = []
        for zone, passes in self._passes.items():
            there = sight.strangers(zone, self._config, without=("exclusion",))
            inside = [each for each in there if each.inside >= INSIDE]
            for each, since_s in passes.see(inside, mono_s):
                facts = {"reseen": True, "first_seen_before_s": round(mono_s - since_s, 1)}
                confidence = RESEEN_CONFIDENCE * each.inside * each.track.quality
                claims.append(
                    Claim.about(each, zone, 1.0, facts, since_mono_s=since_s, confidence=confidence)
                )
        return Verdict(claims=claims, blind=sight.blind(self._config.zones))

    def _of(self, zone: str, stays: Stays, each: Standing, mono_s: float) -> Claim | None:
        config, inside = self._config, each.inside >= INSIDE
        stay = stays.of(each.subject, mono_s, inside=inside)
        if stay is None:
            return None
        near = follow(stay, each, mono_s, config.within_m) if inside else 0.0
        dwell_s = stay.seen_s - stay.begun_s
        if dwell_s < config.dwell_s:
            return None
        efficiency = stay.efficiency(config.dwell_s, near)
        facts = {
            "dwell_s": round(dwell_s, 1),
            "path_efficiency": round(efficiency, 3),
            "inside_probability": round(each.inside, 3),
        }
        level = _level(efficiency, config.efficiency) if inside else 0.0
        return Claim.about(
            each, zone, level, facts, since_mono_s=stay.begun_s,
            confidence=each.inside * each.track.quality,
        )  # fmt: skip


def follow(stay: Stay, each: Standing, mono_s: float, within_m: float) -> float:
    """Take a position into a stay; within which distance of it nobody has won any."""
    metre = 1.0
    if each.track.point is None:
        metre = (each.track.box[3] - each.track.box[1]) / PERSON_M
    error = math.sqrt(float(each.covariance[0, 0] + each.covariance[1, 1]) / 2)
    stay.go(float(each.point[0]), float(each.point[1]), error, mono_s, metre)
    return max(within_m * metre, 2 * error)


def _level(efficiency: float, limit: float) -> float:
    """1 where it holds, 0.4 where an episode that has begun goes on, else 0."""
    if efficiency < limit:
        return 1.0
    return 0.4 if efficiency < AGAIN * limit else 0.0
