"""What is usual here, and what rises above it: loud sound, and impulses."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

MEMORY_S = 30.0  # the background is what was heard in this time
QUIET_SHARE = 0.5  # ... in its middle: half of it was quieter
START_S = 2.0  # before that nothing is known of the background
HOP_S = 0.005  # impulses are looked for in steps of this
ATTACK_HOPS = 4  # within 20 ms from the background to the peak
LOOK_BACK_HOPS = 20  # the level just before an impulse is the loudest of these 100 ms
FLOOR_DBFS = -100.0


class Background:
    """The level that is usual here: the median of the last half minute."""

    def __init__(self) -> None:
        self._heard: deque[tuple[float, float]] = deque()  # stamp, level

    def note(self, mono_s: float, level_db: float) -> None:
        """Take a block's level in."""
        self._heard.append((mono_s, level_db))
        while self._heard[0][0] < mono_s - MEMORY_S or self._heard[0][0] > mono_s:
            self._heard.popleft()

    def usual_db(self) -> float | None:
        """The level of the background; None while it is not known."""
        if not self._heard or self._heard[-1][0] - self._heard[0][0] < START_S:
            return None
        return float(np.quantile([db for _, db in self._heard], QUIET_SHARE))


class Impulses:
    """Rises within 20 ms: a bang, a slap, something that falls; a shot too.

    A level that climbs by `over_db` above the loudest of the 100 ms before it. Speech and engines
    rise by 10 to 20 dB in that time, a hand clap at two metres by 30 and more. Where it was dead
    silent just before, a word rises as much: so the level must be unusual for the place, too.
    """

    def __init__(self, over_db: float, rate_hz: int) -> None:
        self._over_db = over_db
        self._hop = max(1, round(rate_hz * HOP_S))
        self._rest = np.zeros(0, np.float32)
        self._levels = np.full(LOOK_BACK_HOPS + ATTACK_HOPS, 0.0)  # nothing rises above full scale

    def feed(self, samples: NDArray[np.float32], least_db: float) -> float:
        """The strongest rise in a block to at least `least_db`, dB; 0 if there was no impulse."""
        line = np.concatenate([self._rest, samples])
        hops = len(line) // self._hop
        self._rest = line[hops * self._hop :]
        if not hops:
            return 0.0
        pieces = line[: hops * self._hop].reshape(hops, self._hop).astype(np.float64)
        levels = 10 * np.log10(np.maximum((pieces**2).mean(axis=1), 10 ** (FLOOR_DBFS / 10)))
        history = np.concatenate([self._levels, levels])
        self._levels = history[len(history) - len(self._levels) :]
        before = np.lib.stride_tricks.sliding_window_view(history, LOOK_BACK_HOPS).max(axis=1)
        rises = levels - before[:hops]
        rises[levels < least_db] = 0.0
        strongest = float(rises.max())
        return strongest if strongest >= self._over_db else 0.0
