"""A small sensor of the unit, as it fares: the newest of everything it tells."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.sensors import SensorConfig, SysfsBatteryConfig
from drivers.samples import Ambient, Battery, Identity
from drivers.sensors.sensor import Doubt, SensorSample
from edge.running.driver_loop import DriverHealth

SILENT_TIMES = 3.0  # of the time between two readings
SILENT_AT_LEAST_S = 5.0


@dataclass(slots=True)
class Sensor:
    """Its own thread writes, anybody reads: each value is replaced whole."""

    name: str
    config: SensorConfig
    health: DriverHealth
    battery: Battery | None = None
    ambient: dict[str, Ambient] = field(default_factory=dict)
    identity: Identity | None = None
    doubts: dict[str, str] = field(default_factory=dict)  # by what it is about

    @property
    def silent_after_s(self) -> float:
        return max(SILENT_AT_LEAST_S, SILENT_TIMES * self.config.every_s)

    def note(self, sample: SensorSample) -> None:
        match sample:
            case Battery():
                self.battery = sample
            case Ambient():
                self.ambient = self.ambient | {sample.name: sample}
            case Identity():
                self.identity = sample
            case Doubt():
                others = {what: text for what, text in self.doubts.items() if what != sample.what}
                self.doubts = others | ({sample.what: sample.text} if sample.text else {})
            case _:
                pass  # attitude and rate of turn are for those who listen


def batteries_of(sensors: Iterable[Sensor]) -> dict[str, Battery]:
    return {one.name: one.battery for one in sensors if one.battery is not None}


def limits_of(sensors: Iterable[Sensor]) -> dict[str, SysfsBatteryConfig]:
    """What was configured for a battery, by its name."""
    return {one.name: one.config for one in sensors if isinstance(one.config, SysfsBatteryConfig)}
