"""Somebody is where nobody should be."""

from config.rules import IntrusionRule
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight


class IntrusionJudge:
    """Claims every object of the labels, with the probability that it is inside."""

    def __init__(self, config: IntrusionRule) -> None:
        self._config = config

    def judge(self, sight: Sight) -> Verdict:
        config = self._config
        claims = [
            Claim.about(each, zone, each.inside, {"inside_probability": round(each.inside, 3)})
            for zone in config.zones
            for each in sight.strangers(zone, config)
        ]
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """It remembers nothing."""
