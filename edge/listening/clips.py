"""Sound around an event as a WAV file, where the configuration says that it is kept."""

import errno
import hashlib
import os
import shutil
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from config.audio import AudioClipsConfig

FOLDER = "sound"
MIB = 1024 * 1024
LEAST_FREE_BYTES = 128 * MIB  # of the disk: what is left below this is for events

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A file that was written."""

    name: str
    sha256: str
    duration_s: float
    begun_mono_s: float


class ClipShelf:
    """The folder of clips: bounded in size and age, oldest first out. One thread."""

    def __init__(
        self,
        state_dir: Path,
        config: AudioClipsConfig,
        free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        """`free_bytes`: of the disk that this folder is on."""
        self.failed = 0  # clips that could not be written
        self.fault = ""  # why the newest one could not
        self._folder = state_dir / FOLDER
        self._config = config
        self._free_bytes = free_bytes

    def put(self, name: str, samples: Samples, rate_hz: int, begun_mono_s: float) -> Clip | None:
        """Write a clip whole or not at all; None, with the reason in `fault`, if it cannot be."""
        path = self._folder / f"{name}.wav"
        begun = path.with_suffix(".part")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._free_bytes(self._folder) < LEAST_FREE_BYTES:
                raise OSError(errno.ENOSPC, "what is left of the disk is for events")  # noqa: TRY301
            self._delete(room_bytes=self._config.max_mib * MIB - 2 * len(samples))
            with begun.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                with wave.open(file, "wb") as sheet:
                    sheet.setnchannels(1)
                    sheet.setsampwidth(2)
                    sheet.setframerate(rate_hz)
                    sheet.writeframes(to_pcm(samples))
                file.flush()
                os.fsync(file.fileno())
            digest = hashlib.sha256(begun.read_bytes()).hexdigest()
            begun.rename(path)
        except OSError as error:
            self._fail(begun, error)
            return None
        self.fault = ""
        return Clip(
            name=path.name,
            sha256=digest,
            duration_s=len(samples) / rate_hz,
            begun_mono_s=begun_mono_s,
        )

    def tidy(self, now_s: float) -> None:
        """Delete what is too old (by the file system's clock, `now_s`) or too much."""
        since_s = now_s - self._config.keep_h * 3600
        self._delete(room_bytes=self._config.max_mib * MIB, since_s=since_s)

    def _delete(self, room_bytes: int, since_s: float = 0.0) -> None:
        """What there is no room for, the oldest first, and what is from before `since_s`."""
        for path in sorted(self._files(), key=_written_s, reverse=True):
            room_bytes -= _size(path)
            if room_bytes < 0 or _written_s(path) < since_s:
                with suppress(OSError):  # a disk that is read-only now
                    path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        try:
            return iter(list(self._folder.iterdir()))
        except OSError:
            return iter(())

    def _fail(self, begun: Path, error: OSError) -> None:
        self.failed += 1
        if not self.fault:
            structlog.get_logger().warning("sound_clip_failed", error=str(error))
        self.fault = error.strerror or str(error)
        try:
            begun.unlink(missing_ok=True)
        except OSError:
            return  # the disk is gone; the next clip tries again


def to_pcm(samples: Samples) -> bytes:
    """16-bit little-endian PCM of float32 -1..1."""
    content: bytes = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2").tobytes()
    return content


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
