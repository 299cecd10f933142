"""The simulated battery, and the lies that an autopilot may tell of it."""

from dataclasses import dataclass
from itertools import pairwise

# Volts of a lithium polymer cell at rest, by the share of its charge.
CURVE = ((0.0, 3.2), (0.1, 3.6), (0.2, 3.7), (0.5, 3.82), (0.8, 4.0), (1.0, 4.18))
SAG_OHM = 0.004  # of a cell


@dataclass(slots=True)
class SimulatedBattery:
    capacity_mah: float = 5000.0
    cells: int = 4
    used_mah: float = 0.0
    current_a: float = 0.0
    drain: float = 1.0  # times as fast as a real one
    told_percent: float | None = None  # a lie: it always says this
    told_volts: float | None = None

    def step(self, current_a: float, seconds: float) -> None:
        self.current_a = current_a
        self.used_mah += current_a * seconds / 3.6 * self.drain
        self.used_mah = min(self.used_mah, self.capacity_mah)

    @property
    def percent(self) -> float:
        if self.told_percent is not None:
            return self.told_percent
        return 100.0 * (1.0 - self.used_mah / self.capacity_mah)

    @property
    def cell_v(self) -> float:
        if self.told_volts is not None:
            return self.told_volts / self.cells
        share = 1.0 - self.used_mah / self.capacity_mah
        for (low, low_v), (high, high_v) in pairwise(CURVE):
            if share <= high:
                rest_v = low_v + (share - low) / (high - low) * (high_v - low_v)
                return rest_v - SAG_OHM * self.current_a
        return CURVE[-1][1]
