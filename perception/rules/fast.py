"""Something moves faster than it should: a person who runs, a vehicle that races."""

import math

from config.rules import FastRule
from perception.place.placed import WorldTrack
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight


class FastJudge:
    """Claims how probable it is that the speed is above the limit, given its error."""

    def __init__(self, config: FastRule) -> None:
        self._config = config

    def judge(self, sight: Sight) -> Verdict:
        config = self._config
        claims = []
        for zone in config.zones:
            for each in sight.strangers(zone, config):
                above = probability_above(each.track, config.speed_mps)
                if above is None:
                    continue
                facts = {
                    "speed_mps": round(each.track.speed_mps or 0.0, 2),
                    "limit_mps": config.speed_mps,
                    "above_probability": round(above, 3),
                }
                claims.append(Claim.about(each, zone, above * each.inside, facts))
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """It remembers nothing."""


def probability_above(track: WorldTrack, limit_mps: float) -> float | None:
    """0..1 that it is faster, by the error along its course; None without a velocity.

    The part of the error across the course only turns it, to first order.
    """
    speed_mps, spread = track.speed_mps, track.velocity_covariance
    if track.velocity_mps is None or speed_mps is None or spread is None:
        return None
    if speed_mps < 1e-6:
        return 0.0
    east, north = track.velocity_mps[0] / speed_mps, track.velocity_mps[1] / speed_mps
    variance = (
        east * east * spread[0, 0] + 2 * east * north * spread[0, 1] + north * north * spread[1, 1]
    )
    error_mps = math.sqrt(max(float(variance), 1e-6))
    return 0.5 * math.erfc((limit_mps - speed_mps) / error_mps / math.sqrt(2))
