"""Made sounds and WAV files for tests. Everything is seeded."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE_HZ = 16_000


def noise(seconds: float, dbfs: float, seed: int = 1, rate_hz: int = RATE_HZ) -> Samples:
    """White noise of this RMS level against a full-scale sine."""
    values = np.random.default_rng(seed).normal(0, 1, round(seconds * rate_hz))
    return (values * 10 ** (dbfs / 20) / np.sqrt(2)).astype(np.float32)


def sine(seconds: float, hz: float, peak: float = 1.0, rate_hz: int = RATE_HZ) -> Samples:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (peak * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def bang(sound: Samples, at_s: float, peak: float = 0.8, rate_hz: int = RATE_HZ) -> Samples:
    """The sound with a burst of noise in it that dies away within a third of a second."""
    length = rate_hz // 3
    burst = np.random.default_rng(2).normal(0, 1, length)
    burst *= np.exp(-np.arange(length) / rate_hz * 18)
    start = round(at_s * rate_hz)
    louder = sound.copy()
    louder[start : start + length] += (peak * burst / np.abs(burst).max()).astype(np.float32)
    return louder


def write_wav(
    path: Path, samples: Samples, rate_hz: int = RATE_HZ, width: int = 2, channels: int = 1
) -> Path:
    """PCM of `width` bytes; further channels are silent."""
    full = 2.0 ** (8 * width - 1) - 1
    table = np.zeros((len(samples), channels))
    table[:, 0] = np.clip(samples, -1, 1)
    whole = np.rint(table * full).astype(np.int64).reshape(-1)
    if width == 1:
        content = (whole + 128).astype(np.uint8).tobytes()
    else:
        content = whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(content)
    return path
