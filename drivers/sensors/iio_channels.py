"""What the chips of the kernel's IIO measure, and their figures in our units.

Linux, Documentation/ABI/testing/sysfs-bus-iio: value = (raw + offset) * scale, in m/s², rad/s,
gauss, kPa, thousandths of a degree Celsius and of a percent. One IMU may be two devices, such as
icm42605-accel and icm42605-gyro.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.base import BadDataError
from drivers.plugged.tree import attribute, listed
from drivers.sensors.plausible import Triple
from drivers.sensors.sensor import Attributes, ReadFile

AXES = ("x", "y", "z")
VECTORS = {"accel": 1.0, "anglvel": math.degrees(1.0), "magn": 1.0}  # to m/s², °/s, gauss
# To Pa, °C and %, by the kernel's name.
SCALARS = {"pressure": 1000.0, "temp": 0.001, "humidityrelative": 0.001}


@dataclass(frozen=True, slots=True)
class Scale:
    """From a raw figure to ours."""

    offset: float
    factor: float

    def of(self, raw: float) -> float:
        return (raw + self.offset) * self.factor


@dataclass(frozen=True, slots=True)
class Vector:
    """Three axes of one kind."""

    kind: str
    device: Attributes
    scales: tuple[Scale, Scale, Scale]

    def read(self) -> Triple:
        """As the chip has it, raw. Raises DeviceLostError, BadDataError."""
        x, y, z = (self.device.require(f"in_{self.kind}_{axis}_raw") for axis in AXES)
        return (x, y, z)

    def in_units(self, raw: Sequence[float]) -> Triple:
        """In m/s², °/s or gauss, still along the chip's axes."""
        x, y, z = (scale.of(value) for scale, value in zip(self.scales, raw, strict=True))
        return (x, y, z)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One figure of one device."""

    kind: str
    device: Attributes

    def read(self) -> float | None:
        """In Pa, °C or %. Raises DeviceLostError, BadDataError."""
        done = self.device.number(f"in_{self.kind}_input")
        if done is None:
            raw = self.device.number(f"in_{self.kind}_raw")
            done = None if raw is None else _scale(self.device, self.kind, "").of(raw)
        return None if done is None else done * SCALARS[self.kind]


def folders_of(name: str, root: Path) -> list[Path]:
    """The devices with this name, or with it and a dash or underscore and more; also by label."""
    return [
        folder
        for folder in listed(root)
        if folder.name.startswith("iio:device")
        and any(
            told is not None and (told == name or told.startswith((f"{name}-", f"{name}_")))
            for told in (attribute(folder / "name"), attribute(folder / "label"))
        )
    ]


def names_in(root: Path) -> list[str]:
    """What there is."""
    found = (attribute(folder / "name") for folder in listed(root))
    return sorted({name for name in found if name})


def vectors_of(folders: Sequence[Path], read_file: ReadFile) -> dict[str, Vector]:
    """By kind, of the first device that has all three axes. Raises as Attributes."""
    found: dict[str, Vector] = {}
    for device in (Attributes(folder, read_file) for folder in folders):
        for kind in VECTORS:
            if kind not in found and all(
                (device.folder / f"in_{kind}_{axis}_raw").exists() for axis in AXES
            ):
                x, y, z = (_scale(device, kind, axis) for axis in AXES)
                found[kind] = Vector(kind, device, (x, y, z))
    return found


def scalars_of(folders: Sequence[Path], read_file: ReadFile) -> Iterator[Scalar]:
    for folder in folders:
        for kind in SCALARS:
            if any((folder / f"in_{kind}_{form}").exists() for form in ("input", "raw")):
                yield Scalar(kind, Attributes(folder, read_file))


def _scale(device: Attributes, kind: str, axis: str) -> Scale:
    """An axis may have its own; else all share one. Raises BadDataError."""

    def of(what: str) -> float | None:
        own = device.number(f"in_{kind}_{axis}_{what}") if axis else None
        return device.number(f"in_{kind}_{what}") if own is None else own

    factor = of("scale")
    if factor is not None and factor <= 0:
        raise BadDataError(f"{device.folder.name}: a scale of {factor:g} for {kind}")
    unit = VECTORS.get(kind, 1.0)
    return Scale(of("offset") or 0.0, (1.0 if factor is None else factor) * unit)
