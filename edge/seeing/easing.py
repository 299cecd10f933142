"""How hard perception works: what strains the unit, and what is given up for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from config.perception import EasingConfig
from edge.seeing.ladder import Ladder, Step, Strain, pressure_of

LOOK_EVERY_S = 1.0
COOLER_C = 8.0  # than hot before something is taken back
CHARGED_PERCENT = 5.0  # above low
RATES = {Step.HALF_RATE: 0.5, Step.QUARTER_RATE: 0.25}
LEAST_FPS = 1.0  # no camera's rate is lowered below this

Known = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the unit's computer fares. None: not known."""

    hottest: tuple[str, float] | None = None  # thermal zone, °C
    load_per_core: Known = None  # runnable threads, mean of a minute
    battery_percent: Known = None


class Easing:
    """Looks at the condition once a second, and says how hard to work. One thread calls `look`, any
    may ask the rest."""

    def __init__(self, config: EasingConfig, condition: Callable[[], Condition]) -> None:
        self._config = config
        self._condition = condition
        self._ladder = Ladder(config.step_down_after_s, config.step_up_after_s)
        self._looked_s = float("-inf")
        self.standing: tuple[Step, ...] = ()  # replaced whole
        self.text = ""  # what is given up and why; empty: nothing is
        self._useless: list[Step] = []

    def look(self, slowest_fps: Known, mono_s: float) -> bool:
        """`slowest_fps`: how often the least served camera could be looked at. Whether `standing`
        has changed."""
        if not self._config.enabled or mono_s - self._looked_s < LOOK_EVERY_S:
            return False
        self._looked_s = mono_s
        changed = self._ladder.update(self._strains(self._condition(), slowest_fps), mono_s)
        if changed:
            self._note()
        return changed

    def without(self, step: Step) -> None:
        """A step that is no use here, as the model cannot: it is passed over, and told."""
        if step in self._useless:
            return
        self._useless.append(step)
        self._ladder.without(step)
        self._note()

    def rate(self, fps: float) -> float:
        """What becomes of a camera's rate."""
        share = min([RATES[step] for step in self.standing if step in RATES], default=1.0)
        return max(fps * share, min(fps, LEAST_FPS))

    def gives_up(self, step: Step) -> bool:
        return step in self.standing

    def extras_allowed(self) -> bool:
        """Whether optional features (plates, searches) may work."""
        return Step.NO_EXTRAS not in self.standing

    def _strains(self, now: Condition, slowest_fps: Known) -> Sequence[Strain]:
        config = self._config
        zone, celsius = now.hottest or ("", None)
        least, low = config.least_fps, config.battery_low_percent
        busy = config.load_per_core
        figures = {
            "heat": (celsius, config.hot_c, config.hot_c - COOLER_C, f"{zone} at {{:.0f}} °C"),
            "load": (now.load_per_core, busy, busy / 2, "{:.1f} threads wait for each core"),
            "battery": (now.battery_percent, low, low + CHARGED_PERCENT, "battery at {:.0f} %"),
            "time": (slowest_fps, least, least * 2, "time for {:.1f} pictures per second only"),
        }
        return [
            Strain(
                cause=cause,
                pressure=pressure_of(value, high, eased),
                text="" if value is None else words.format(value),
            )
            for cause, (value, high, eased, words) in figures.items()
        ]

    def _note(self) -> None:
        ladder, before = self._ladder, self.standing
        self.standing = ladder.standing
        self.text = _told(ladder, self._useless)
        if len(ladder.standing) != len(before):
            more = len(ladder.standing) > len(before)
            event = "perception_degraded" if more else "perception_recovering"
            causes = [strain.cause for strain in ladder.causes]
            structlog.get_logger().warning(event, standing=list(ladder.standing), causes=causes)


def _told(ladder: Ladder, useless: Sequence[Step]) -> str:
    if not ladder.standing:
        return ""
    rates = [step for step in ladder.standing if step in RATES]
    steps = [*rates[-1:], *(step for step in ladder.standing if step not in RATES)]
    why = ", ".join(strain.text for strain in ladder.causes)
    text = f"step {ladder.taken} of {len(ladder.steps)} ({', '.join(steps)}): {why}"
    return text + "".join(f"; {step}: not with this model" for step in useless)


def unstrained() -> Condition:
    """Where nothing is known of the computer."""
    return Condition()
