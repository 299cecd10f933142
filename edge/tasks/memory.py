"""One small file that survives a power cut: written whole beside the old one, then put in place.

A file that cannot be read is set aside and named, never an exit; a disk that refuses is a fault,
and what is remembered lives on in memory until it takes it again. On a disk that somebody else has
filled, it goes into room that was kept for it.
"""

import errno
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from telemetry.outbox.reserve import Reserve

T = TypeVar("T")

RESERVE_BYTES = 256 * 1024  # some times what a file holds on a busy day
RESERVE_HALVINGS = 4  # what was written from the reserve is missing from it until there is room
LARGEST_BYTES = 16 * 1024 * 1024  # far above what this unit writes: not ours


class Memory(Generic[T]):
    """Loads and saves one immutable value. Not safe for threads: its owner has a lock."""

    def __init__(
        self, path: Path, kind: type[T], sound: Callable[[T], bool] = lambda _value: True
    ) -> None:
        """`sound`: whether what was read makes sense; if not, it counts as damaged."""
        self.path = path
        self._sound = sound
        self.fault: str | None = None  # why the disk does not take it now
        self.lost: str | None = None  # why what was there could not be read
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._reserve = path.with_name(path.name + ".reserve")
        self._reserved = 0  # bytes

    def load(self) -> T | None:
        """What was saved last; None where there is nothing, or nothing that can be read."""
        self._remove(f".{self.path.name}.*")  # half written by a process that was killed
        self._take_reserve()
        try:
            with self.path.open("rb") as file:
                data = file.read(LARGEST_BYTES + 1)
        except FileNotFoundError:
            return None
        except IsADirectoryError:
            self._set_aside("it is a folder")
            return None
        except OSError as error:  # set aside: the next change must not write over it
            self._set_aside(f"it cannot be read: {error.strerror}")
            return None
        try:
            if len(data) > LARGEST_BYTES:
                raise ValueError("it is too large")  # noqa: TRY301 - the same cure as for a damaged one
            value = self._adapter.validate_json(data)
        except (ValidationError, ValueError, RecursionError) as error:
            told = (
                "it is not as it was written" if isinstance(error, ValidationError) else str(error)
            )
            self._set_aside(told)
            return None
        if not self._sound(value):
            self._set_aside("it contradicts itself")
            return None
        return value

    def remove(self) -> None:
        """Nothing is to be remembered any more, and nothing is left on the disk."""
        self.fault = None
        Reserve(self._reserve).release()
        self._reserved = 0
        for pattern in (self.path.name, f".{self.path.name}.*", f"{self.path.name}.damaged"):
            self._remove(pattern)

    def _remove(self, pattern: str) -> None:
        with suppress(OSError):
            for path in self.path.parent.glob(pattern):
                path.unlink(missing_ok=True)

    def save(self, value: T) -> bool:
        """On the disk when this returns True. False, with `fault`, where the disk refuses."""
        try:
            self._write_anyhow(self._adapter.dump_json(value))
        except OSError as error:
            if self.fault is None:
                structlog.get_logger().warning(
                    "not_remembered", file=self.path.name, error=str(error)
                )
            self.fault = f"{self.path.name} cannot be written: {error.strerror}"
            return False
        finally:
            self._take_reserve()
        self.fault = None
        return True

    def _write_anyhow(self, data: bytes) -> None:
        """On a full disk, in the room that the reserve gives up. Raises OSError."""
        try:
            self._write(data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._reserved:
                raise
            Reserve(self._reserve).release()
            self._reserved = 0
            self._write(data)

    def _take_reserve(self) -> None:
        """As much as the disk gives, before somebody else has it. Never raises."""
        if self._reserved and (self._reserved == RESERVE_BYTES or not self._has_room()):
            return
        self._reserved = 0  # what cannot be enlarged is given up by trying
        for size in (RESERVE_BYTES >> halvings for halvings in range(RESERVE_HALVINGS + 1)):
            if Reserve(self._reserve, size).take():
                self._reserved = size
                return

    def _has_room(self) -> bool:
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize > 2 * RESERVE_BYTES

    def _write(self, data: bytes) -> None:
        """The old file or the new one, never half of it (rename(2), and fsync before and after)."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _set_aside(self, cause: str) -> None:
        """Keep the damaged file for whoever looks into it; only the newest of them."""
        suffix = ".damaged-folder" if self.path.is_dir() else ".damaged"
        aside = self.path.with_name(self.path.name + suffix)
        self.lost = f"{self.path.name} was damaged ({cause}) and set aside as {aside.name}"
        with suppress(OSError):
            self.path.replace(aside)
        structlog.get_logger().error("memory_damaged", file=self.path.name, aside=aside.name)
