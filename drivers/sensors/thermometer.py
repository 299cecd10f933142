"""The thermometers of one hwmon chip (Linux, Documentation/hwmon/sysfs-interface: millidegrees)."""

import time
from collections import deque
from collections.abc import Callable
from typing import Self

from config.language import tell
from config.sensors import HwmonSensorConfig
from drivers.base import BadDataError, DeviceUnavailableError
from drivers.clock import Clock
from drivers.plugged.tree import Tree, attribute, listed
from drivers.samples import Ambient
from drivers.sensors.plausible import Plausible
from drivers.sensors.sensor import Attributes, Pace, ReadFile, SensorSample, read_bytes

CHIPS = "class/hwmon"


class HwmonThermometer:
    """One chip. Counters: readings."""

    def __init__(self, name: str, attributes: Attributes, pace: Pace, clock: Clock) -> None:
        self._name = name
        self._attributes = attributes
        self._pace = pace
        self._clock = clock
        self._plausible = Plausible()
        self._readings = 0
        self._waiting: deque[SensorSample] = deque()
        self._inputs = _inputs(name, attributes)

    @classmethod
    def open(
        cls,
        name: str,
        config: HwmonSensorConfig,
        clock: Clock,
        tree: Tree | None = None,
        read_file: ReadFile = read_bytes,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Raises DeviceUnavailableError."""
        chips = {
            attribute(folder / "name"): folder
            for folder in reversed((tree or Tree()).entries(CHIPS))
        }
        folder = chips.get(config.chip)
        if folder is None or not any(folder.glob("temp*_input")):
            there = ", ".join(sorted(chip for chip in chips if chip)) or "none"
            raise DeviceUnavailableError(
                tell(
                    "no chip {chip} with a thermometer; there are: {there}",
                    chip=config.chip,
                    there=there,
                )
            )
        return cls(name, Attributes(folder, read_file), Pace(config.every_s, clock, sleep), clock)

    def read(self) -> SensorSample | None:
        """Raises DeviceLostError, BadDataError."""
        if not self._waiting and self._pace.wait():
            now_s = self._clock.mono_s()
            for file, label in self._inputs.items():
                milli = self._attributes.number(file)
                if milli is not None:
                    self._take(Ambient(mono_s=now_s, name=label, celsius=milli / 1000))
            self._readings += 1
            if not self._waiting:
                raise BadDataError(f"{self._attributes.folder.name} tells no temperature")
        return self._waiting.popleft() if self._waiting else None

    def _take(self, told: Ambient) -> None:
        sound, doubt = self._plausible.ambient(told)
        self._waiting.extend([sound] if doubt is None else [doubt, sound])

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {"readings": self._readings}


def _inputs(name: str, attributes: Attributes) -> dict[str, str]:
    """The files, and what each is called: the sensor's own name where it has only one."""
    files = [path.name for path in listed(attributes.folder) if path.match("temp*_input")]
    labels = (attribute(attributes.folder / file.replace("_input", "_label")) for file in files)
    return {
        file: name if len(files) == 1 else f"{name}.{label or file.removesuffix('_input')}"
        for file, label in zip(files, labels, strict=True)
    }
