"""The rules of a unit, as an observer: what they have to tell goes to the outbox."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from config.models import Settings
from drivers.samples import Frame
from edge.seeing.look import Ending, Look
from edge.timebase import TimeQuality
from perception.place.placed import Scene
from perception.rules.engine import Blind, Engine
from perception.rules.factory import build_rules
from perception.rules.idle import idle_rules
from perception.rules.rule import News
from perception.zones.zone_check import looks_shifted
from perception.zones.zone_file import load_zones
from perception.zones.zones import Zone, ZoneError

SHIFT_EVERY_S = 10.0  # how often it is looked whether the zones lie where the unit is,
SHIFT_LOOKS = 6  # and after how many looks in a row a shift is told
BLIND_AFTER_S = 10.0  # a rule that could say nothing for so long is a fault

When = Callable[[float], tuple[datetime, TimeQuality]]
OnNews = Callable[[list[News]], None]


class RuleDesk:
    """Shows each look to the engine. The perception thread's; `blind` is for anyone."""

    def __init__(
        self,
        engine: Engine,
        when: When,
        tell: OnNews,
        trouble: str = "",
        idle: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`when`: the time of day at a stamp; `trouble`: why there are no zones; `idle`: rules that
        can never say anything, and why."""
        self.engine = engine
        self.trouble = trouble
        self.idle = tuple(idle)
        self.shifted = False  # the zones lie beside the unit by the offset of Chinese maps
        # Latitude and longitude of our own officers and units, where somebody knows them.
        self.own: Callable[[], Sequence[tuple[float, float]]] = tuple
        self._when = when
        self._tell = tell
        self._shift_looks = 0
        self._shift_due_mono_s = float("-inf")

    @classmethod
    def open(
        cls, settings: Settings, when: When, tell: OnNews, *, remembers: bool = True
    ) -> "RuleDesk | None":
        """The desk by the configuration; None where there are no rules. `remembers`: over a
        restart, in `state_dir`; a replay leaves that to the unit.

        Zones that cannot be read cost the rules, not the unit: `trouble` says what is wrong.
        """
        if not settings.rules:
            return None
        try:
            zones: list[Zone] = load_zones(settings.zones, list(settings.cameras))
            state_dir = settings.state_dir if remembers else None
            rules = build_rules(settings.rules, zones, state_dir=state_dir)
        except ZoneError as error:
            structlog.get_logger().error("zones_refused", error=str(error))
            return cls(Engine(()), when, tell, str(error))
        idle = list(idle_rules(settings.rules, zones, settings.looked_at))
        return cls(Engine(rules, zones), when, tell, idle=idle)

    def see(self, look: Look) -> None:
        self._look_for_shift(look)
        self._pass_on(
            self.engine.see(
                look.scene,
                utc=self._utc(look.frame),
                image=look.frame.image,
                own=self.own(),
            )
        )

    def glance(self, frame: Frame, scene: Scene) -> None:
        self._pass_on(self.engine.glance(scene, frame.image, self._utc(frame)))

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:
        self._pass_on(self.engine.end(camera, reason, mono_s))

    def blind(self, now_mono_s: float) -> list[Blind]:
        """The rules that have been able to say nothing for a while."""
        return [
            each for each in self.engine.blind() if now_mono_s - each.since_mono_s > BLIND_AFTER_S
        ]

    def _utc(self, frame: Frame) -> datetime | None:
        utc, quality = self._when(frame.mono_s)
        return None if quality == "none" else utc

    def _look_for_shift(self, look: Look) -> None:
        pose, mono_s = look.scene.pose, look.frame.mono_s
        if pose is None or mono_s < self._shift_due_mono_s:
            return
        self._shift_due_mono_s = mono_s + SHIFT_EVERY_S
        beside = looks_shifted(list(self.engine.ground.zones.values()), pose.lat_deg, pose.lon_deg)
        self._shift_looks = self._shift_looks + 1 if beside else 0
        self.shifted = self._shift_looks >= SHIFT_LOOKS

    def _pass_on(self, news: list[News]) -> None:
        if news:
            self._tell(news)
