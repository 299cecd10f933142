"""Several windows in one run of the model, or in a run each: whichever proves faster."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

ROUNDS = 3
GAIN = 0.95  # a batch must take this share of the time, or less, to be worth its memory


@dataclass(frozen=True, slots=True)
class Batching:
    """What so many windows took one by one, and all in one run: medians, in milliseconds."""

    windows: int
    one_by_one_ms: float
    batch_ms: float

    @classmethod
    def measured(
        cls, windows: int, one_by_one: Callable[[], object], batch: Callable[[], object]
    ) -> "Batching":
        """By doing both in turn. Each has been done once before, to warm up."""
        one_by_one_ms, batch_ms = [], []
        for _ in range(ROUNDS):
            start_s = time.perf_counter()
            one_by_one()
            middle_s = time.perf_counter()
            batch()
            one_by_one_ms.append((middle_s - start_s) * 1e3)
            batch_ms.append((time.perf_counter() - middle_s) * 1e3)
        return cls(windows, median(one_by_one_ms), median(batch_ms))

    @property
    def gains(self) -> bool:
        """On a CPU it hardly ever does; on a GPU it mostly does."""
        return self.batch_ms < GAIN * self.one_by_one_ms
