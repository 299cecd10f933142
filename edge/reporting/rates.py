"""Figures of the health report: rates from counts, percentiles of times."""

from collections.abc import Sequence

from drivers.clock import Clock


class RateMeter:
    """Turns counts that only grow into rates per second, since the last time it was asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, int] = {}
        self._asked_mono_s = clock.mono_s()

    def rates(self, counts: dict[str, int]) -> dict[str, float]:
        now_mono_s = self._clock.mono_s()
        passed_s = max(1e-3, now_mono_s - self._asked_mono_s)
        rates = {
            name: max(0, count - self._last.get(name, 0)) / passed_s
            for name, count in counts.items()
        }
        self._last, self._asked_mono_s = counts, now_mono_s
        return rates


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile, or None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 2)
