"""A line of this computer as an output: the only module that knows `gpiod` (libgpiod 2).

The kernel gives a requested line to one process; when that ends, however it ends, the line is
released. What it does then is up to the hardware: a pull-down resistor makes that off.
"""

from importlib import import_module
from typing import Any, Self

from config.actuators import GpioVia
from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError

CONSUMER = "patrol-edge"


class GpioSwitch:
    def __init__(self, request: Any, line: int, values: Any, name: str) -> None:
        self._request = request
        self._line = line
        self._values = values
        self._name = name

    @classmethod
    def open(cls, config: GpioVia) -> Self:
        """The line, taken as an output and off. Raises DeviceUnavailableError."""
        library = _library()
        name = f"line {config.line} of {config.chip}"
        try:
            settings = library.LineSettings(
                direction=library.line.Direction.OUTPUT,
                active_low=config.active_low,
                output_value=library.line.Value.INACTIVE,
            )
            request = library.request_lines(
                config.chip, consumer=CONSUMER, config={config.line: settings}
            )
        except (OSError, ValueError) as error:
            raise DeviceUnavailableError(_why_not(name, config, error)) from error
        return cls(request, config.line, library.line.Value, name)

    def set(self, on: bool) -> None:
        try:
            self._request.set_value(
                self._line, self._values.ACTIVE if on else self._values.INACTIVE
            )
        except (OSError, ValueError) as error:
            raise DeviceLostError(
                tell("{name} has gone: {error}", name=self._name, error=error)
            ) from error

    def get(self) -> bool | None:
        try:
            return bool(self._request.get_value(self._line) == self._values.ACTIVE)
        except (OSError, ValueError) as error:
            raise DeviceLostError(
                tell("{name} has gone: {error}", name=self._name, error=error)
            ) from error

    def close(self) -> None:
        self._request.release()


def _library() -> Any:
    try:
        return import_module("gpiod")
    except ImportError as error:
        raise DeviceUnavailableError(
            tell("lines of this computer need the gpio extra: pip install 'patrol-edge[gpio]'")
        ) from error


def _why_not(name: str, config: GpioVia, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return tell("there is no {chip}; `gpiodetect` lists what there is", chip=config.chip)
    if isinstance(error, PermissionError):
        return tell(
            "{chip} may not be opened by this user: add it to the group gpio", chip=config.chip
        )
    if isinstance(error, OSError) and error.errno == 16:  # EBUSY
        return tell("{name} is used by another program; `gpioinfo` says by which", name=name)
    return tell("{name} cannot be an output: {error}", name=name, error=error)
