"""How loud it is: dBFS, and dB(A) where the microphone is calibrated."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

FLOOR_DBFS = -120.0  # below the noise of any converter; the level of digital silence

# IEC 61672-1:2013, annex E: pole frequencies of the A weighting, Hz.
POLES_HZ = (20.598997, 107.65265, 737.86223, 12194.217)
A1000_DB = 2.0  # what makes it 0 dB at 1 kHz; eq. E.9 gives 1.9997


@dataclass(frozen=True, slots=True)
class Level:
    """One block's level."""

    dbfs: float  # of all frequencies, RMS against a full-scale sine
    dbfs_a: float  # the same, A-weighted
    peak_dbfs: float  # of the largest sample, against full scale
    clipped: bool  # several samples in a row at full scale: the level is a lower bound

    def dba(self, full_scale_dba: float | None) -> float | None:
        """Sound pressure level, A-weighted, re 20 µPa; None for an uncalibrated microphone."""
        return None if full_scale_dba is None else self.dbfs_a + full_scale_dba


def level(samples: Samples, rate_hz: int) -> Level:
    """The level of a block (N,) of float32 -1..1; N >= 1. 0 dBFS is a full-scale sine (AES17),
    whose mean square is half its peak's.

    The weighting is applied to the block's power spectrum, so it is exact at every frequency, where
    a digital filter bends near half the rate. By Parseval the sum is the mean square. A Hann window
    keeps the block's edges from leaking low frequencies into the rest.
    """
    values = samples.astype(np.float64)
    mean_square = float(np.mean(values**2))
    largest = float(np.abs(values).max())
    window = np.hanning(len(values) + 2)[1:-1]
    power = np.abs(np.fft.rfft(values * window)) ** 2
    weighted = power * a_weight(np.fft.rfftfreq(len(values), 1 / rate_hz))
    total = float(power.sum())
    share = float(weighted.sum()) / total if total > 0 else 0.0
    return Level(
        dbfs=_db(2 * mean_square),
        dbfs_a=_db(2 * mean_square * share),
        peak_dbfs=_db(largest**2),
        clipped=_clipped(samples),
    )


def a_weight(frequency_hz: NDArray[Any]) -> NDArray[np.float64]:
    """The A weighting as a factor of power, 1 at 1 kHz. IEC 61672-1:2013, eq. E.6."""
    f1, f2, f3, f4 = (pole**2 for pole in POLES_HZ)
    square = frequency_hz**2
    gain = (f4 * square**2) / (
        (square + f1) * np.sqrt((square + f2) * (square + f3)) * (square + f4)
    )
    weight: NDArray[np.float64] = gain**2 * 10 ** (A1000_DB / 10)
    return weight


def _db(power: float) -> float:
    return max(10 * math.log10(power), FLOOR_DBFS) if power > 0 else FLOOR_DBFS


def _clipped(samples: Samples) -> bool:
    full = np.abs(samples) >= 0.999
    return bool((full[1:] & full[:-1]).any())
