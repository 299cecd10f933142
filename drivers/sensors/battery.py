"""A battery of this computer, as the kernel tells it.

Linux, Documentation/ABI/testing/sysfs-class-power: microvolts, microamperes, tenths of a degree.
Drivers do not agree on the sign of the current: `status` decides, as upower has it.
"""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from config.language import tell
from config.sensors import SysfsBatteryConfig
from drivers.base import BadDataError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.plugged.tree import Tree
from drivers.samples import Battery, Identity
from drivers.sensors.sensor import Attributes, Pace, ReadFile, SensorSample, read_bytes

SUPPLIES = "class/power_supply"
CHARGING = {"charging": True, "full": True, "discharging": False, "not charging": False}
LOW_LEVELS = ("critical", "low")


class SysfsBattery:
    """One battery. Counters: readings."""

    def __init__(
        self,
        name: str,
        attributes: Attributes,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._name = name
        self._attributes = attributes
        self._pace = pace
        self._clock = clock
        self._readings = 0
        self._waiting: deque[SensorSample] = deque([_identity(name, attributes)])

    @classmethod
    def open(
        cls,
        name: str,
        config: SysfsBatteryConfig,
        clock: Clock,
        tree: Tree | None = None,
        read_file: ReadFile = read_bytes,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Raises DeviceUnavailableError."""
        folder = (tree or Tree()).sys / SUPPLIES / Path(config.supply).name
        if not folder.is_dir():
            raise DeviceUnavailableError(
                tell(
                    "{folder} does not exist; `patrol-edge devices` lists the batteries that "
                    "there are",
                    folder=folder,
                )
            )
        return cls(name, Attributes(folder, read_file), Pace(config.every_s, clock, sleep), clock)

    def read(self) -> SensorSample | None:
        """Raises DeviceLostError, BadDataError."""
        if self._waiting:
            return self._waiting.popleft()
        if not self._pace.wait():
            return None
        battery = reading(self._attributes, self._name, self._clock.mono_s())
        self._readings += 1
        return battery

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {"readings": self._readings}


def reading(attributes: Attributes, name: str, mono_s: float) -> Battery:
    """What it says now. Raises DeviceLostError, BadDataError."""
    if attributes.number("present") == 0:
        raise BadDataError(f"{attributes.folder.name}: no battery is in it")
    status = (attributes.text("status") or "").lower()
    charging = CHARGING.get(status)
    volts = _scaled(attributes.number("voltage_now"), 1e-6)
    amperes = _amperes(attributes, volts)
    percent, tenths = _percent(attributes), attributes.number("temp")
    if percent is not None and not 0 <= percent <= 100:
        raise BadDataError(f"{attributes.folder.name}: a charge of {percent:g} %")
    if percent is None and volts is None and not status:
        raise BadDataError(f"{attributes.folder.name} tells nothing of a battery")
    level = (attributes.text("capacity_level") or "").lower()
    left_s = attributes.number("time_to_empty_now")
    return Battery(
        mono_s=mono_s,
        name=name,
        percent=percent,
        voltage_v=volts,
        current_a=None if amperes is None else -amperes if charging else amperes,
        charging=charging,
        remaining_s=left_s if left_s and not charging else None,
        celsius=_scaled(tenths, 0.1),
        cells_low=level in LOW_LEVELS if level and level != "unknown" else None,
    )


def _amperes(attributes: Attributes, volts: float | None) -> float | None:
    """Without a sign."""
    current = _scaled(attributes.number("current_now"), 1e-6)
    if current is None and volts:
        watts = _scaled(attributes.number("power_now"), 1e-6)
        current = None if watts is None else watts / volts
    return None if current is None else abs(current)


def _percent(attributes: Attributes) -> float | None:
    told = attributes.number("capacity")
    if told is not None:
        return told
    for what in ("energy", "charge"):
        now, full = attributes.number(f"{what}_now"), attributes.number(f"{what}_full")
        if now is not None and full:
            return min(100.0, 100.0 * now / full)
    return None


def _identity(name: str, attributes: Attributes) -> Identity:
    words = (attributes.text("manufacturer"), attributes.text("model_name"))
    return Identity(
        name=name,
        kind="sensor",
        model=" ".join(word for word in words if word),
        serial=attributes.text("serial_number") or "",
    )


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
