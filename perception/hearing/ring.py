"""The last seconds of sound, in memory only."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Ring:
    """Blocks of one rate with their stamps, at most `seconds` of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rate_hz = 0
        self._blocks: deque[tuple[float, Samples]] = deque()

    def add(self, mono_s: float, samples: Samples, rate_hz: int) -> None:
        """The newest block. Another rate, or a stamp that goes back, begins anew."""
        if rate_hz != self._rate_hz or (self._blocks and mono_s < self._blocks[-1][0]):
            self._blocks.clear()
            self._rate_hz = rate_hz
        self._blocks.append((mono_s, samples))
        while mono_s - self._blocks[0][0] > self._seconds:
            self._blocks.popleft()

    def cut(self, begin_s: float, end_s: float) -> tuple[float, Samples] | None:
        """What there is between two stamps, and when it begins; None if there is nothing."""
        inside = [
            (start_s, samples)
            for start_s, samples in self._blocks
            if start_s < end_s and start_s + len(samples) / self._rate_hz > begin_s
        ]
        if not inside:
            return None
        first_s = inside[0][0]
        line = np.concatenate([samples for _, samples in inside])
        skip = max(0, round((begin_s - first_s) * self._rate_hz))
        length = max(1, round((end_s - max(begin_s, first_s)) * self._rate_hz))
        return max(begin_s, first_s), line[skip : skip + length]
