"""A judge and the life of its episodes, as a rule."""

from collections.abc import Iterator, Mapping, Sequence

from config.rules import AlertRule
from perception.rules.life import Episodes, LifeTimes
from perception.rules.rule import Alert, EndReason, Judge
from perception.rules.schedule import Schedule
from perception.rules.sight import Sight


class Watch:
    """A rule that raises alerts: its judge says what holds, the episodes say what is told."""

    def __init__(
        self,
        kind: str,
        name: str,
        config: AlertRule,
        judge: Judge,
        numbers: Iterator[int],
        levels: tuple[float, float] = (0.5, 0.3),
    ) -> None:
        """`levels`: on and off of what the judge claims. `numbers`: of episodes, of one boot."""
        self.kind = kind
        self.name = name
        self._judge = judge
        self._cameras: tuple[str, ...] = getattr(config, "cameras", ())
        self._episodes = Episodes(kind, name, config.severity, _times(config, *levels), numbers)
        self._schedule = Schedule(config.active, config.utc_offset_h)
        self._blind: dict[str, str] = {}

    def see(self, sight: Sight) -> Sequence[Alert]:
        scene = sight.scene
        if self._cameras and scene.camera not in self._cameras:
            return ()
        verdict = self._judge.judge(sight)
        self._blind.pop(scene.camera, None)
        if not self._schedule.active(sight.utc):
            return self._episodes.end(None, "off_hours")
        if verdict.blind is not None:
            self._blind[scene.camera] = verdict.blind
        return self._episodes.see(
            verdict.claims, scene.camera, scene.mono_s, scene.frame, sight.sees
        )

    def end(self, camera: str | None, reason: EndReason, mono_s: float) -> Sequence[Alert]:  # noqa: ARG002 - what was last seen has its own stamp
        self._judge.forget(camera)
        for name in list(self._blind):
            if camera in (None, name):
                del self._blind[name]
        return self._episodes.end(camera, reason)

    def blind(self) -> Mapping[str, str]:
        return dict(self._blind)


def _times(config: AlertRule, on: float, off: float) -> LifeTimes:
    return LifeTimes(
        min_duration_s=config.min_duration_s,
        clear_after_s=config.clear_after_s,
        gap_s=config.gap_s,
        cool_down_s=config.cool_down_s,
        update_every_s=config.update_every_s,
        on=on,
        off=off,
    )
