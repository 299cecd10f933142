"""A vehicle stands where none should."""

from config.rules import StoppedRule
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight
from perception.rules.standing.standing_still import Halts

INSIDE = 0.5


class StoppedJudge:
    """How long each vehicle has stood in each zone."""

    def __init__(self, config: StoppedRule) -> None:
        self._config = config
        self._halts = {zone: Halts(config.gap_s) for zone in config.zones}

    def judge(self, sight: Sight) -> Verdict:
        mono_s, claims = sight.scene.mono_s, []
        for zone, halts in self._halts.items():
            halts.forget_before(mono_s)
            for each in sight.strangers(zone, self._config):
                halt = halts.of(each, mono_s) if each.inside >= INSIDE else None
                stood_s = 0.0 if halt is None else mono_s - halt.begun_s
                holds = halt is not None and stood_s >= self._config.stands_s
                claims.append(
                    Claim.about(
                        each, zone, 1.0 if holds else 0.0,
                        {"stood_s": round(stood_s, 1), "inside_probability": round(each.inside, 3)},
                        confidence=each.inside * each.track.quality,
                        since_mono_s=halt.begun_s if holds and halt else None,
                    )
                )  # fmt: skip
        return Verdict(claims=claims, blind=sight.blind(self._config.zones))

    def forget(self, camera: str | None) -> None:
        """Halts end by their age."""
