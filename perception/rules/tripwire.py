"""Somebody crosses a line, and which way."""

from config.rules import TripwireRule
from perception.rules.lines import LineWatch
from perception.rules.rule import Claim, Verdict
from perception.rules.sight import Sight


class TripwireJudge:
    """A claim of a moment for each crossing; once per subject and direction in a cool-down."""

    def __init__(self, config: TripwireRule) -> None:
        self._config = config
        self._lines = {zone: LineWatch() for zone in config.zones}

    def judge(self, sight: Sight) -> Verdict:
        config, mono_s = self._config, sight.scene.mono_s
        claims = []
        for zone, line in self._lines.items():
            plot = sight.plot(zone)
            if plot is None:
                if sight.moves(zone):
                    line.forget()
                continue
            line.forget_before(mono_s)
            for each in sight.strangers(zone, config):
                crossing = line.step(plot, each, mono_s)
                way = "forward" if crossing is not None and crossing.forward else "backward"
                if crossing is None or config.direction not in ("both", way):
                    continue
                claims.append(
                    Claim.about(
                        each,
                        zone,
                        1.0,
                        {"direction": way},
                        key=(zone, each.subject, way),
                        confidence=crossing.confidence * each.track.quality,
                        momentary=True,
                    )
                )
        return Verdict(claims=claims, blind=sight.blind(config.zones))

    def forget(self, camera: str | None) -> None:
        """Subjects go on under their number, or are forgotten by their age."""
