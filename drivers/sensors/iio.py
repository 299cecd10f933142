"""An inertial sensor, barometer or thermometer of the kernel's IIO: sysfs in, samples out."""

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from config.language import said, tell
from config.sensors import UNIT_VECTORS, IioSensorConfig
from drivers.base import BadDataError, DeviceLostError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.plugged.tree import Tree
from drivers.samples import Ambient, Attitude, Identity, Odometry
from drivers.sensors.iio_buffer import Buffer
from drivers.sensors.iio_channels import (
    AXES,
    Scalar,
    Vector,
    folders_of,
    names_in,
    scalars_of,
    vectors_of,
)
from drivers.sensors.inertia import Inertia
from drivers.sensors.plausible import Plausible, Triple
from drivers.sensors.sensor import (
    MAX_WAIT_S,
    Attributes,
    Pace,
    ReadFile,
    SensorSample,
    read_bytes,
)

DEVICES = "bus/iio/devices"
SLOWLY_S = 1.0  # pressure, temperature and humidity
FIELDS = {"pressure": "pressure_pa", "temp": "celsius", "humidityrelative": "humidity_percent"}


class IioSensor:
    """One chip, or the two halves of one IMU. Counters: readings, disturbed_field."""

    def __init__(
        self,
        name: str,
        config: IioSensorConfig,
        vectors: dict[str, Vector],
        scalars: list[Scalar],
        buffer: Buffer | None,
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._name = name
        self._config = config
        self._vectors = vectors
        self._scalars = scalars
        self._buffer = buffer
        self._clock = clock
        every_s = config.every_s if vectors else max(config.every_s, SLOWLY_S)
        self._pace = Pace(every_s, clock, sleep)
        self._slow_mono_s = float("-inf")
        self._told_mono_s = float("-inf")
        self._last_mono_s = clock.mono_s()  # of the newest record of the buffer
        self._inertia = Inertia()
        self._plausible = Plausible()
        self._turned = _mounting(config)
        self._counters = {"readings": 0, "disturbed_field": 0}
        self._waiting: deque[SensorSample] = deque()

    @classmethod
    def open(
        cls,
        name: str,
        config: IioSensorConfig,
        clock: Clock,
        tree: Tree | None = None,
        read_file: ReadFile = read_bytes,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Raises DeviceUnavailableError."""
        tree = tree or Tree()
        devices = tree.sys / DEVICES
        folders = folders_of(config.device, devices)
        if not folders:
            there = ", ".join(names_in(devices)) or "none"
            raise DeviceUnavailableError(
                tell(
                    "no IIO device {device}; there are: {there}", device=config.device, there=there
                )
            )
        try:
            identity = _identity(name, Attributes(folders[0], read_file))
            vectors = vectors_of(folders, read_file)
            buffer = _buffer(config, vectors, tree.dev)
        except (BadDataError, DeviceLostError) as error:
            raise DeviceUnavailableError(said(error)) from error
        scalars = list(scalars_of(folders, read_file))
        if not vectors and not scalars:
            raise DeviceUnavailableError(
                tell(
                    "{device} measures nothing that a unit uses; is its driver the right one?",
                    device=config.device,
                )
            )
        sensor = cls(name, config, vectors, scalars, buffer, clock, sleep)
        sensor._waiting.append(identity)
        return sensor

    @property
    def buffered(self) -> bool:
        return self._buffer is not None

    def read(self) -> SensorSample | None:
        """Raises DeviceLostError, BadDataError."""
        if not self._waiting:
            if self._buffer is None:
                self._poll()
            else:
                self._drain(self._buffer)
        return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        if self._buffer is not None:
            self._buffer.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    # --- reading ---

    def _poll(self) -> None:
        if not self._pace.wait():
            return
        raws = {kind: vector.read() for kind, vector in self._vectors.items()}
        self._take(raws, self._clock.mono_s())
        self._slowly()
        self._counters["readings"] += 1

    def _drain(self, buffer: Buffer) -> None:
        records = buffer.read(min(MAX_WAIT_S, self._config.every_s))
        now_s = self._clock.mono_s()
        step_s = (now_s - self._last_mono_s) / max(1, len(records))
        for number, record in enumerate(records, start=1):
            raws: dict[str, Triple] = {}
            for kind in self._vectors:
                x, y, z = (float(record[f"{kind}_{axis}"]) for axis in AXES)
                raws[kind] = (x, y, z)
            self._take(raws, self._last_mono_s + number * step_s)
        if records:
            self._last_mono_s = now_s
            self._counters["readings"] += len(records)
        self._slowly()

    def _slowly(self) -> None:
        """Once a second."""
        now_s = self._clock.mono_s()
        if not self._scalars or now_s - self._slow_mono_s < SLOWLY_S - 0.01:
            return
        self._slow_mono_s = now_s
        values = {FIELDS[scalar.kind]: scalar.read() for scalar in self._scalars}
        ambient = Ambient(mono_s=now_s, name=self._name, **values)
        sound, doubt = self._plausible.ambient(ambient)
        self._waiting.extend([sound] if doubt is None else [doubt, sound])

    # --- what it means ---

    def _take(self, raws: dict[str, Triple], mono_s: float) -> None:
        own = {kind: self._on_the_unit(kind, raw) for kind, raw in raws.items()}
        doubts = []
        if "anglvel" in raws:
            doubts.append(self._plausible.gyro(raws["anglvel"], mono_s))
        if "accel" in own:
            doubts.append(self._plausible.acceleration(own["accel"], mono_s))
            self._inertia.note(own["accel"], own.get("anglvel"), mono_s)
        self._waiting.extend(doubt for doubt in doubts if doubt is not None)
        if "accel" in own and mono_s - self._told_mono_s >= 0.9 * self._config.every_s:
            self._told_mono_s = mono_s
            self._tell(own.get("magn"), mono_s)

    def _tell(self, field: Triple | None, mono_s: float) -> None:
        inertia, config = self._inertia, self._config
        tilt = inertia.tilt_deg()
        if tilt is None:
            return
        attitude = Attitude(
            mono_s=mono_s,
            pitch_deg=tilt[0],
            roll_deg=tilt[1],
            heading_deg=self._heading_deg(field),
            tilt_error_deg=math.hypot(config.tilt_error_deg, inertia.error_deg),
            heading_error_deg=math.hypot(config.heading_error_deg, inertia.error_deg),
        )
        self._waiting.append(attitude)
        rate = inertia.yaw_rate_dps()
        if rate is not None:
            error = inertia.yaw_rate_error_dps
            self._waiting.append(
                Odometry(mono_s=mono_s, yaw_rate_dps=rate, yaw_rate_error_dps=error)
            )

    def _heading_deg(self, field: Triple | None) -> float | None:
        if field is None or self._config.declination_deg is None:
            return None
        magnetic = self._inertia.heading_deg(field)
        if magnetic is None:
            self._counters["disturbed_field"] += 1
            return None
        return (magnetic + self._config.declination_deg) % 360.0

    def _on_the_unit(self, kind: str, raw: Triple) -> Triple:
        """Along the unit's axes: forward, right, down."""
        value = self._vectors[kind].in_units(raw)
        x, y, z = (
            sum(part * along for part, along in zip(value, row, strict=True))
            for row in self._turned
        )
        return (x, y, z)


def _buffer(config: IioSensorConfig, vectors: dict[str, Vector], dev: Path) -> Buffer | None:
    """Where all axes are of one device. Raises BadDataError."""
    folders = {vector.device.folder for vector in vectors.values()}
    if not config.buffered or len(folders) != 1:
        return None
    return Buffer.open(folders.pop(), dev, [f"{kind}_{axis}" for kind in vectors for axis in AXES])


def _mounting(config: IioSensorConfig) -> tuple[Triple, Triple, Triple]:
    """Rows of the matrix from the chip's axes to the unit's: how it is mounted, then levelled."""
    arrows = [UNIT_VECTORS[axis] for axis in config.axes]
    seat = [[float(arrow[row]) for arrow in arrows] for row in range(3)]
    pitch, roll = math.radians(config.level_pitch_deg), math.radians(config.level_roll_deg)
    (cp, sp), (cr, sr) = (math.cos(pitch), math.sin(pitch)), (math.cos(roll), math.sin(roll))
    level = ((cp, sp * sr, sp * cr), (0.0, cr, -sr), (-sp, cp * sr, cp * cr))
    rows = []
    for row in level:
        x, y, z = (sum(row[k] * seat[k][column] for k in range(3)) for column in range(3))
        rows.append((x, y, z))
    return rows[0], rows[1], rows[2]


def _identity(name: str, device: Attributes) -> Identity:
    return Identity(
        name=name,
        kind="sensor",
        model=device.text("name") or "",
        serial=device.text("serial_number") or "",
    )
