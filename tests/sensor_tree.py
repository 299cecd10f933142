"""Batteries, IIO chips and thermometers in a made /sys."""

import math
import struct
from pathlib import Path

from tests.plugged_tree import MadeTree

ACCEL_SCALE, GYRO_SCALE, MAGN_SCALE = 0.000598, 0.0010653, 0.00014
GRAVITY = 9.80665

Triple = tuple[float, float, float]


class SensorTree(MadeTree):
    """Put sensors into it, and change what they say."""

    def battery(self, name: str = "BAT0", /, **attributes: object) -> Path:
        folder = self.sys / "class/power_supply" / name
        told = {"type": "Battery", "present": 1, "status": "Discharging", "capacity": 80}
        return self.write(folder, **{key: str(v) for key, v in (told | attributes).items()})

    def chip(self, number: int, name: str, /, **attributes: object) -> Path:
        folder = self.sys / "bus/iio/devices" / f"iio:device{number}"
        return self.write(folder, name=name, **{key: str(v) for key, v in attributes.items()})

    def imu(self, number: int = 0, name: str = "icm42688") -> Path:
        """Level, at rest."""
        folder = self.chip(number, name, in_accel_scale=ACCEL_SCALE, in_anglvel_scale=GYRO_SCALE)
        self.move(folder, (0, 0, GRAVITY), (0, 0, 0))
        return folder

    def move(self, folder: Path, force: Triple, turn_dps: Triple) -> None:
        """What its axes say, along the chip: x forward, y left, z up as it is mounted mostly."""
        self.write(folder, **raw("accel", force, ACCEL_SCALE))
        turn = tuple(math.radians(rate) for rate in turn_dps)
        self.write(folder, **raw("anglvel", (turn[0], turn[1], turn[2]), GYRO_SCALE))

    def hwmon(self, number: int, name: str, /, **attributes: object) -> Path:
        folder = self.sys / "class/hwmon" / f"hwmon{number}"
        return self.write(folder, name=name, **{key: str(v) for key, v in attributes.items()})

    def buffered(self, folder: Path) -> None:
        """It has a buffer: accel and gyro, 16 bits little endian each, and a stamp."""
        scan = self.write(folder / "scan_elements")
        axes = [f"{kind}_{axis}" for kind in ("accel", "anglvel") for axis in "xyz"]
        for index, name in enumerate(axes):
            told = {"en": "0", "type": "le:s16/16>>0", "index": str(index)}
            self.write(scan, **{f"in_{name}_{key}": text for key, text in told.items()})
        self.write(scan, in_timestamp_en="1", in_timestamp_type="le:s64/64>>0")
        self.write(folder / "buffer", enable="0", length="2")


def raw(kind: str, values: Triple, scale: float) -> dict[str, str]:
    return {
        f"in_{kind}_{axis}_raw": str(round(value / scale))
        for axis, value in zip("xyz", values, strict=True)
    }


def record(force: Triple, turn_dps: Triple) -> bytes:
    """One of the buffer that `buffered` describes."""
    figures = [value / ACCEL_SCALE for value in force]
    figures += [math.radians(rate) / GYRO_SCALE for rate in turn_dps]
    return struct.pack("<6h", *(round(figure) for figure in figures))
