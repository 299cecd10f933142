"""A WAV file, played in real time as if it came from a microphone."""

import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from config.audio import SoundFileConfig
from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError, EndOfRecordingError
from drivers.samples import AudioBlock

BLOCK_S = 0.1
MAX_WAIT_S = 0.5  # what a driver may wait in `read`
LATE_S = 2.0  # who reads so late has missed what came before
MAX_CHANNELS = 64
RATES_HZ = range(8_000, 192_001)


class MonoClock(Protocol):
    """All of a clock that a recording needs."""

    def mono_s(self) -> float: ...


class FileMicrophone:
    """A recording as a microphone. Counters: blocks, loops, skipped_late."""

    def __init__(
        self,
        name: str,
        recording: wave.Wave_read,
        config: SoundFileConfig,
        clock: MonoClock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name = name
        self._recording = recording
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._rate_hz = recording.getframerate()
        self._due_s: float | None = None  # when the block to come will have been taken
        self._number = 0
        self._gap = False
        self._counters = {"blocks": 0, "loops": 0, "skipped_late": 0}

    @classmethod
    def open(
        cls,
        name: str,
        config: SoundFileConfig,
        clock: MonoClock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Raises DeviceUnavailableError if there is nothing there that can be played."""
        return cls(name, open_wave(config.path, config.channel), config, clock, sleep)

    def read(self) -> AudioBlock | None:
        """The next tenth of a second, when it is due. Raises EndOfRecordingError."""
        now_s = self._clock.mono_s()
        if self._due_s is None:
            self._due_s = now_s + BLOCK_S
        early_s = self._due_s - now_s
        if early_s > MAX_WAIT_S:
            self._sleep(MAX_WAIT_S)
            return None
        if early_s > 0:
            self._sleep(early_s)
        self._skip(-early_s)
        samples = self._next()
        block = AudioBlock(
            microphone=self._name,
            number=self._number,
            mono_s=self._due_s - BLOCK_S,
            rate_hz=self._rate_hz,
            samples=samples,
            gap=self._gap,
        )
        self._due_s += len(samples) / self._rate_hz
        self._number += 1
        self._gap = False
        self._counters["blocks"] += 1
        return block

    def close(self) -> None:
        self._recording.close()

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _skip(self, late_s: float) -> None:
        """Time runs on as before a membrane: what nobody fetched is gone."""
        while late_s > LATE_S and self._due_s is not None:
            missed_s = len(self._next()) / self._rate_hz
            late_s -= missed_s
            self._due_s += missed_s
            self._counters["skipped_late"] += 1
            self._gap = True

    def _next(self) -> NDArray[np.float32]:
        samples = self._decode()
        if not len(samples) and self._config.loop:
            self._counters["loops"] += 1
            self._gap = True
            self._recording.rewind()
            samples = self._decode()
        if not len(samples):
            raise EndOfRecordingError(
                tell("{path} has been played to its end", path=self._config.path)
            )
        return samples

    def _decode(self) -> NDArray[np.float32]:
        recording = self._recording
        try:
            content = recording.readframes(round(self._rate_hz * BLOCK_S))
        except (OSError, EOFError, RuntimeError, wave.Error) as error:
            raise DeviceLostError(
                tell("{path} cannot be read on: {error}", path=self._config.path, error=error)
            ) from error
        channels, width = recording.getnchannels(), recording.getsampwidth()
        whole = len(content) // (channels * width) * channels * width
        samples = to_float(content[:whole], width)
        samples = samples.reshape(-1, channels)[:, self._config.channel - 1]
        samples.setflags(write=False)
        return samples


def open_wave(path: Path, channel: int) -> wave.Wave_read:
    """The recording, checked. Raises DeviceUnavailableError with what is wrong with it."""
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise DeviceUnavailableError(tell("{path} is no file; name a WAV file", path=path))
    try:
        recording = wave.open(str(path), "rb")  # noqa: SIM115 - the driver closes it
    except FileNotFoundError as error:
        raise DeviceUnavailableError(
            tell("there is no file {path}; check the name", path=path)
        ) from error
    except OSError as error:
        raise DeviceUnavailableError(f"{path}: {error.strerror}") from error
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:
        # The library knows PCM only: 16 bit of any rate are what every sound program writes.
        why = str(error) or "it ends too early"
        raise DeviceUnavailableError(
            tell("{path} is no PCM WAV file ({why}); save it as 16-bit WAV", path=path, why=why)
        ) from error
    fault = _fault(recording, channel)
    if fault:
        recording.close()
        raise DeviceUnavailableError(f"{path}: {fault}")
    return recording


def _fault(recording: wave.Wave_read, channel: int) -> str:
    channels, rate_hz = recording.getnchannels(), recording.getframerate()
    if not 1 <= channels <= MAX_CHANNELS or recording.getsampwidth() not in (1, 2, 3, 4):
        return tell(
            "{channels} channels of {what} bits are not understood",
            channels=channels,
            what=8 * recording.getsampwidth(),
        )
    if rate_hz not in RATES_HZ:
        return tell(
            "{rate_hz} samples per second are outside {lowest} to {highest}",
            rate_hz=rate_hz,
            lowest=RATES_HZ[0],
            highest=RATES_HZ[-1],
        )
    if channel > channels:
        return tell(
            "it has no channel {channel}; give one from 1 to {channels}",
            channel=channel,
            channels=channels,
        )
    return ""


def to_float(content: bytes, width: int) -> NDArray[np.float32]:
    """PCM of `width` bytes, little-endian, as float32 -1..1; 8 bits are unsigned (RIFF)."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        parts = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8) | (parts[:, 1] << 16) | (parts[:, 2] << 24)
        return (whole / 2.0**31).astype(np.float32)
    kind = {2: "<i2", 4: "<i4"}[width]
    return (np.frombuffer(content, kind) / 2.0 ** (8 * width - 1)).astype(np.float32)
