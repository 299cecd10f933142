"""Small sensors: what each says now."""

from collections.abc import Iterator
from functools import partial

from drivers.factory import open_sensor
from drivers.samples import Ambient, Battery
from drivers.sensors.sensor import SensorSample
from edge.body.sensor import Sensor
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.line import Line, judged
from edge.doctor.look import of_each
from edge.reporting.body_findings import battery_findings, doubt_findings, hot_findings
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding

LISTEN_S = 6.5  # a gyro that never moves is known after five


def examine(case: Case) -> Iterator[Line]:
    jobs = {
        name: partial(_tried, case, Sensor(name, config, case.health(name, "sensor")))
        for name, config in case.settings.sensors.items()
    }
    yield from of_each(case, "sensor", "sensors", jobs)


def _tried(case: Case, sensor: Sensor) -> Iterator[Line]:
    newest: dict[type, SensorSample] = {}

    def note(sample: SensorSample) -> None:
        sensor.note(sample)
        newest[type(sample)] = sample

    def enough() -> bool:
        return sensor.config.kind != "iio" and bool(newest.keys() & {Battery, Ambient})

    clock, tree = case.host.clock, case.host.tree
    opener = partial(open_sensor, sensor.name, sensor.config, clock, tree)
    case.listen(sensor.health, opener, note, LISTEN_S, enough)
    yield from judged(sensor.name, _findings(case, sensor), words.of_sensor(newest))


def _findings(case: Case, sensor: Sensor) -> list[Finding]:
    found = device_findings(sensor.health, LISTEN_S / 2, case.host.clock.mono_s())
    if found:
        return found
    found = doubt_findings(sensor.name, sensor.doubts)
    config = sensor.config
    if config.kind == "battery" and sensor.battery is not None:
        limits = {sensor.name: (config.low_percent, config.hot_c)}
        found += battery_findings({sensor.name: sensor.battery}, limits)
    if config.kind == "thermometer":
        found += hot_findings(sensor.ambient.values(), config.hot_c)
    return found
