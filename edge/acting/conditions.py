"""What holds now, of all that the table of interlocks names."""

from collections.abc import Callable, Mapping
from datetime import datetime

from config.actuators import ActingConfig, ActuatorConfig
from edge.acting.arbiter import Around
from edge.acting.interlocks import Condition
from perception.rules.schedule import Schedule

QUIETED_S = 600.0
COOLER_C = 5.0  # below its limit, until it may go on again
CHARGED_PERCENT = 2.0  # above its limit, the same


class Conditions:
    """Not safe for threads: the desk has a lock. `around` remembers what is hot and what is low."""

    def __init__(
        self,
        config: ActingConfig,
        actuators: Mapping[str, ActuatorConfig],
        time_of_day: Callable[[], datetime | None],
        battery_percent: Callable[[], float | None],
    ) -> None:
        """`time_of_day`: None where nobody knows it; then it may be quiet hours, and is."""
        self.mode_stealth = False
        self.crew_stealth = False
        self.stopped = False
        self.quieted_until_s = float("-inf")
        self.hub_heard_s = float("-inf")
        self.not_remembered = False
        self._config = config
        self._actuators = actuators
        self._time_of_day = time_of_day
        self._battery_percent = battery_percent
        self._quiet = Schedule(config.quiet_hours, config.utc_offset_h)
        self._bitten: dict[str, frozenset[Condition]] = {}

    @property
    def stealth(self) -> bool:
        return self.mode_stealth or self.crew_stealth

    def around(self, now_s: float, celsius: Mapping[str, float | None]) -> Around:
        """`celsius`: of the actuators that tell it."""
        percent = self._battery_percent()
        self._bitten = {
            name: self._of_one(name, config, celsius.get(name), percent)
            for name, config in self._actuators.items()
        }
        return Around(
            unit=frozenset(name for name, holds in self._of_unit(now_s).items() if holds),
            fittings=self._bitten,
            quiet_volume=self._config.quiet_volume,
        )

    def _of_unit(self, now_s: float) -> dict[Condition, bool]:
        return {
            "stopped": self.stopped,
            "stealth": self.stealth,
            "strict_stealth": self.stealth and not self._config.emergency_breaks_stealth,
            "quiet_hours": bool(self._config.quiet_hours)
            and self._quiet.active(self._time_of_day()),
            "quieted": now_s < self.quieted_until_s,
            "hub_lost": now_s - self.hub_heard_s > self._config.link_lost_after_s,
            "not_remembered": self.not_remembered,
        }

    def _of_one(
        self, name: str, config: ActuatorConfig, celsius: float | None, percent: float | None
    ) -> frozenset[Condition]:
        """What has begun to hold goes on until the value is clearly better."""
        before = self._bitten.get(name, frozenset())
        hot_c = config.hot_c - (COOLER_C if "hot" in before else 0.0)
        low = config.battery_min_percent + (CHARGED_PERCENT if "battery_low" in before else 0.0)
        found: set[Condition] = set()
        if celsius is not None and celsius >= hot_c:
            found.add("hot")
        if percent is not None and config.battery_min_percent > 0 and percent < low:
            found.add("battery_low")
        return frozenset(found)
