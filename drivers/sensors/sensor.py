"""What the small sensors tell, and how the kernel's small files are read.

A file that is not there is a value that is not known; a device that is not there is lost; a reading
that fails (a bus error, rubbish) is bad data, and the next one may be good.
"""

import errno
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from config.language import tell
from drivers.base import BadDataError, DeviceLostError
from drivers.clock import Clock
from drivers.samples import Ambient, Attitude, Battery, Identity, Odometry

MAX_WAIT_S = 0.5
LONGEST = 4096  # bytes of an attribute, as sysfs has it
UNKNOWN = (errno.ENOENT, errno.ENODATA, errno.EOPNOTSUPP, errno.EINVAL, errno.EACCES)
GONE = (errno.ENODEV, errno.ENXIO, errno.ESTALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What a sensor says cannot be, or (with an empty text) can be again."""

    mono_s: float
    what: str  # of it: gyro, acceleration, pressure, temperature, percent
    text: str


SensorSample: TypeAlias = Attitude | Odometry | Ambient | Battery | Identity | Doubt
ReadFile: TypeAlias = Callable[[Path], bytes]


def read_bytes(path: Path) -> bytes:
    """At most a page. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        return file.read(LONGEST) or b""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The files of one device, below one folder."""

    folder: Path
    read_file: ReadFile = read_bytes

    def text(self, name: str) -> str | None:
        """One line; None where the kernel does not tell. Raises DeviceLostError, BadDataError."""
        try:
            raw = self.read_file(self.folder / name)
        except OSError as error:
            if error.errno in GONE or (error.errno == errno.ENOENT and not self._there()):
                raise DeviceLostError(
                    tell("{name} has gone; plug it in again", name=self.folder.name)
                ) from error
            if error.errno in UNKNOWN:
                return None
            raise BadDataError(f"{self.folder.name}/{name}: {error.strerror}") from error
        line = " ".join(raw.decode("utf-8", "replace").split())
        return line or None

    def number(self, name: str) -> float | None:
        """A finite number; None where the kernel does not tell it. Raises as `text`."""
        line = self.text(name)
        return None if line is None else number_in(line, f"{self.folder.name}/{name}")

    def require(self, name: str) -> float:
        """The same for what must be there."""
        value = self.number(name)
        if value is None:
            raise BadDataError(f"{self.folder.name}/{name} tells nothing")
        return value

    def _there(self) -> bool:
        try:
            return self.folder.is_dir()
        except OSError:
            return False


def number_in(line: str, where: str) -> float:
    """Raises BadDataError for what is no finite number."""
    try:
        value = float(line)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in line:
        raise BadDataError(f"{where} says {line[:20]!r}, which is no number")
    return value


class Pace:
    """When the next reading is due. One thread."""

    def __init__(
        self, every_s: float, clock: Clock, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._due_mono_s = clock.mono_s()

    def wait(self) -> bool:
        """Wait for it, at most MAX_WAIT_S. Whether it is due now; the next is then `every_s`
        later, or at once where this one came too late for that."""
        left_s = self._due_mono_s - self._clock.mono_s()
        if left_s > 0:
            self._sleep(min(left_s, MAX_WAIT_S))
        now_s = self._clock.mono_s()
        if now_s < self._due_mono_s:
            return False
        self._due_mono_s = max(self._due_mono_s + self._every_s, now_s)
        return True
