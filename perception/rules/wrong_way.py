"""A vehicle drives against the direction of a lane."""

import math

from config.rules import WrongWayRule
from perception.place.placed import WorldTrack
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight


class WrongWayJudge:
    """P(in the lane) x P(against it, and driving), from the errors of position and velocity."""

    def __init__(self, config: WrongWayRule) -> None:
        self._config = config

    def judge(self, sight: Sight) -> Verdict:
        config = self._config
        claims = []
        for zone in config.zones:
            direction_deg = sight.ground.zones[zone].direction_deg or 0.0
            for each in sight.strangers(zone, config):
                against = probability_against(
                    each.track, direction_deg, config.angle_deg, config.speed_mps
                )
                if against is None:
                    continue
                east, north = each.track.velocity_mps or (0.0, 0.0)
                course_deg = math.degrees(math.atan2(east, north)) % 360.0
                facts = {
                    "speed_mps": round(each.track.speed_mps or 0.0, 2),
                    "course_deg": round(course_deg, 1),
                    "lane_direction_deg": direction_deg,
                    "against_probability": round(against, 3),
                }
                claims.append(Claim.about(each, zone, against * each.inside, facts))
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """It remembers nothing."""


def probability_against(
    track: WorldTrack, direction_deg: float, angle_deg: float, speed_mps: float
) -> float | None:
    """0..1 that it moves faster than the speed, turned from the direction by more than the angle;
    None without a velocity.

    The velocity lies in a wedge around the opposite direction, cut off at the speed: to first
    order three half planes, whose probabilities are multiplied (an error on the safe side).
    """
    velocity, spread = track.velocity_mps, track.velocity_covariance
    if velocity is None or spread is None:
        return None
    back = math.radians(direction_deg + 180.0)
    half = math.radians(180.0 - angle_deg)
    probability = _beyond(velocity, spread.tolist(), (math.sin(back), math.cos(back)), speed_mps)
    for bound in (back - half + math.pi / 2, back + half - math.pi / 2):
        normal = (math.sin(bound), math.cos(bound))
        probability *= _beyond(velocity, spread.tolist(), normal, 0.0)
    return probability


def _beyond(
    velocity: tuple[float, float],
    spread: list[list[float]],
    normal: tuple[float, float],
    limit: float,
) -> float:
    """P(velocity · normal > limit)."""
    (a, b), (_, c) = spread
    x, y = normal
    error = math.sqrt(max(a * x * x + 2 * b * x * y + c * y * y, 1e-6))
    along = velocity[0] * x + velocity[1] * y
    return math.erfc((limit - along) / error / math.sqrt(2)) / 2
