"""The unit's body: what carries it, its small sensors, its boards; who hears what they tell."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from config.models import Settings
from drivers.base import Driver
from drivers.clock import Clock
from drivers.factory import open_platform, open_sensor
from drivers.platforms.orders import EmergencyStop, PlatformOrder, PlatformSample
from drivers.plugged.tree import Tree
from drivers.samples import FUEL, Ambient, Attitude, Battery, GnssEpoch, Identity, Odometry
from drivers.sensors.sensor import Doubt, SensorSample
from edge.body.boards import Boards
from edge.body.carrier import Carrier, Listener
from edge.body.sensor import Sensor, batteries_of, limits_of
from edge.reporting.body_findings import (
    battery_findings,
    doubt_findings,
    hot_findings,
    kinds_in,
    module_findings,
)
from edge.reporting.finding import Finding
from edge.running.asking import Asked
from edge.running.driver_loop import PLUGGED_RETRY_S, DriverHealth, run_driver
from edge.running.worker import Beat, WorkOf
from edge.seeing.poses import Poses
from telemetry.contract.body import Charge, Vehicle
from telemetry.contract.unit import Temperature
from telemetry.contract.wire_types import short

SENSOR_RETRY_S = (1.0, 2.0)  # looking for a folder costs nothing

CELSIUS = (-100.0, 300.0)  # what a message may say


class Body:
    """Made before anything runs; `listen` before the workers start."""

    def __init__(
        self, settings: Settings, poses: Poses, clock: Clock, tree: Tree | None = None
    ) -> None:
        """`tree`: another /sys and /dev than this computer's."""
        self._settings = settings
        self._tree = tree
        self._configured = kinds_in(settings)
        self._clock = clock
        self._listeners: list[Listener] = [_pose_listener(poses)]
        self.carriers = {
            name: Carrier(name, config, self._health(name, "platform"))
            for name, config in settings.platforms.items()
        }
        self.sensors = {
            name: Sensor(name, config, self._health(name, "sensor"))
            for name, config in settings.sensors.items()
        }
        self.boards = Boards(settings.boards, clock)

    def _health(self, name: str, component: str) -> DriverHealth:
        return DriverHealth(name, component, started_mono_s=self._clock.mono_s())

    # --- who works, who hears ---

    def listen(self, listener: Listener) -> None:
        """Called in the carrier's thread with each sample; must not block."""
        self._listeners.append(listener)

    def works(self) -> dict[str, WorkOf]:
        """Its workers, by name."""
        works: dict[str, WorkOf] = {
            f"platform.{name}": partial(self._run, one) for name, one in self.carriers.items()
        }
        return (
            works
            | {
                f"sensor.{name}": partial(self._run_sensor, one)
                for name, one in self.sensors.items()
            }
            | self.boards.works()
        )

    def _run(self, carrier: Carrier, beat: Beat, stop: threading.Event) -> None:
        def emit(sample: PlatformSample) -> None:
            carrier.note(sample)
            for listener in self._listeners:
                listener(carrier.name, sample)

        def opener() -> Driver[PlatformSample]:
            driver = open_platform(carrier.name, carrier.config, self._clock)
            return Asked[PlatformSample, PlatformOrder](driver, carrier.requests)

        run_driver(carrier.health, opener, emit, stop, beat, self._clock, PLUGGED_RETRY_S)

    def _run_sensor(self, sensor: Sensor, beat: Beat, stop: threading.Event) -> None:
        def emit(sample: SensorSample) -> None:
            sensor.note(sample)
            if not isinstance(sample, Doubt):
                for listener in self._listeners:
                    listener(sensor.name, sample)

        opener = partial(open_sensor, sensor.name, sensor.config, self._clock, self._tree)
        run_driver(sensor.health, opener, emit, stop, beat, self._clock, SENSOR_RETRY_S)

    # --- how it fares ---

    def devices(self) -> Iterator[DriverHealth]:
        """All of it that is a device of its own."""
        for carrier in self.carriers.values():
            yield carrier.health
        for sensor in self.sensors.values():
            yield sensor.health
        yield from self.boards.devices()

    def findings(self, now_mono_s: float) -> list[Finding]:
        sensors = self.sensors.values()
        limits = {name: (one.low_percent, one.hot_c) for name, one in limits_of(sensors).items()}
        found = battery_findings(self.batteries(), limits)
        found += module_findings(self._settings.modules.required, self._configured)
        for sensor in sensors:
            found += doubt_findings(sensor.name, sensor.doubts)
            if sensor.config.kind == "thermometer":
                found += hot_findings(sensor.ambient.values(), sensor.config.hot_c)
        return found + self.boards.findings(now_mono_s)

    def batteries(self) -> dict[str, Battery]:
        """By name; a carrier's only one has the carrier's."""
        return {
            f"{name}.{each}" if each else name: battery
            for name, carrier in self.carriers.items()
            for each, battery in carrier.batteries.items()
        } | batteries_of(self.sensors.values())

    def ambient(self) -> tuple[Ambient, ...]:
        """Of the air, and of parts that have a thermometer."""
        told = [each for carrier in self.carriers.values() for each in carrier.ambient.values()]
        told += [each for sensor in self.sensors.values() for each in sensor.ambient.values()]
        return (*told, *self.boards.ambient())

    def battery_percent(self) -> float | None:
        """Of the weakest battery that tells it: what decides how hard the unit may work."""
        told = (
            within(battery.percent, 0, 100)
            for name, battery in self.batteries().items()
            if name.rpartition(".")[2] != FUEL
        )
        return min((percent for percent in told if percent is not None), default=None)

    def charges(self) -> tuple[Charge, ...]:
        """For the health report."""
        return tuple(
            Charge(
                name=short(name),
                percent=within(battery.percent, 0, 100),
                voltage_v=within(battery.voltage_v, 0, 2000),
                current_a=within(battery.current_a, -10_000, 10_000),
                charging=battery.charging,
                remaining_s=within(battery.remaining_s, 0, 10_000_000),
                celsius=within(battery.celsius, *CELSIUS),
            )
            for name, battery in sorted(self.batteries().items())
        )

    def temperatures(self) -> tuple[Temperature, ...]:
        """For the health report."""
        return tuple(
            Temperature(name=short(each.name), celsius=celsius)
            for each in self.ambient()
            if (celsius := within(each.celsius, *CELSIUS)) is not None
        )

    def vehicles(self) -> tuple[Vehicle, ...]:
        """For the state message."""
        return tuple(
            vehicle_of(carrier) for carrier in self.carriers.values() if carrier.state is not None
        )

    def identities(self) -> Iterator[Identity]:
        """What its parts say of themselves; a carrier's parts have its name before a dot."""
        for carrier in self.carriers.values():
            yield from carrier.identities.values()
        yield from self.boards.identities()
        for sensor in self.sensors.values():
            if sensor.identity is not None:
                yield sensor.identity

    def drops(self) -> dict[str, int]:
        return {
            f"{health.component}.{health.name}.{cause}": count
            for health in self.devices()
            for cause, count in health.drops().items()
        }


def within(value: float | None, least: float, most: float) -> float | None:
    """The figure; None for one that cannot be (NaN too), so that it spoils no report."""
    return value if value is not None and least <= value <= most else None


def _pose_listener(poses: Poses) -> Listener:
    def hear(_name: str, sample: PlatformSample) -> None:
        if isinstance(sample, Attitude):
            poses.note_attitude(sample)

    return hear


def positions(note: Callable[[str, GnssEpoch], None]) -> Listener:
    """A listener that passes on the positions a carrier tells, under its name."""

    def hear(name: str, sample: PlatformSample) -> None:
        if isinstance(sample, GnssEpoch):
            note(name, sample)

    return hear


def odometry(note: Callable[[str, Odometry], None]) -> Listener:
    """The same for how it moves."""

    def hear(name: str, sample: PlatformSample) -> None:
        if isinstance(sample, Odometry):
            note(name, sample)

    return hear


def vehicle_of(carrier: Carrier) -> Vehicle:
    """As the state message tells it; what this unit has stopped is stopped, whatever it says."""
    state, held = carrier.state, carrier.stopped and carrier.knows(EmergencyStop)
    if state is None:
        return Vehicle(name=short(carrier.name), kind=carrier.config.kind)
    return Vehicle(
        name=short(carrier.name),
        kind=carrier.config.kind,
        mode=short(state.mode) if state.mode else None,
        armed=state.armed,
        estop=True if held else state.estop,
        ignition=state.ignition,
        doors_open=state.doors_open,
        light_bar=state.light_bar,
        siren=state.siren,
        remote_id=state.remote_id,
        mission=carrier.mission,
        mission_state=state.mission,
        mission_item=state.mission_item,
        mission_items=state.mission_items,
    )
