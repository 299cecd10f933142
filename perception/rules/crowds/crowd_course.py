"""How the density of a crowd goes on: its level with hysteresis, and its trend."""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from config.rules import CrowdLevel

SMOOTH_S = 4.0  # density is the mean of so long a time
BIN_S = 5.0  # the trend is fitted to means of so long, which are nearly independent
FEWEST_BINS = 4
BACK_S = 5.0  # pictures of two cameras may be that much out of order; more is another time
OVER_S = 3.0  # below its limit for so long, a level is over
# Upper limits of A to E, Fruin's levels of service on walkways (Pedestrian Planning and Design,
# 1971, ch. 4), persons per m².
SERVICE = ((0.31, "A"), (0.43, "B"), (0.72, "C"), (1.08, "D"), (2.17, "E"))


def level_of_service(per_m2: float) -> str:
    """Fruin's letter."""
    return next((letter for limit, letter in SERVICE if per_m2 < limit), "F")


class Course:
    """The densities of one zone over time. What was reached before a longer gap than `gap_s`, or
    before the stamps went back, says nothing of now: it begins anew."""

    def __init__(
        self, levels: Sequence[CrowdLevel], clear_share: float, trend_s: float, gap_s: float
    ) -> None:
        self._levels = levels
        self._clear_share = clear_share
        self._trend_s = trend_s
        self._gap_s = gap_s
        self._begin()

    def _begin(self) -> None:
        self._recent: deque[tuple[float, float]] = deque()
        self._bins: deque[tuple[float, float, int]] = deque()  # begun, mean, number
        self._above_s: list[float | None] = [None] * len(self._levels)
        self._below_s: list[float | None] = [None] * len(self._levels)
        self._held = [False] * len(self._levels)

    @property
    def density(self) -> float:
        """Persons per m², smoothed."""
        values = [value for _, value in self._recent]
        return sum(values) / len(values) if values else 0.0

    @property
    def since_s(self) -> float | None:
        """When the first level that holds, or is about to, was reached."""
        return self._above_s[0]

    def level(self) -> int:
        """How many levels hold: 0..4."""
        return max((number for number, held in enumerate(self._held, 1) if held), default=0)

    def add(self, per_m2: float, mono_s: float) -> None:
        """One more density."""
        if self._recent and not -BACK_S <= mono_s - self._recent[-1][0] <= self._gap_s:
            self._begin()
        self._recent.append((mono_s, per_m2))
        while mono_s - self._recent[0][0] > SMOOTH_S:
            self._recent.popleft()
        self._bin(per_m2, mono_s)
        lag_s = (mono_s - self._recent[0][0]) / 2
        for number, level in enumerate(self._levels):
            self._step(number, level, mono_s, lag_s)

    def _step(self, number: int, level: CrowdLevel, mono_s: float, lag_s: float) -> None:
        """A level begins after its time above its density, and ends below a share of it."""
        density = self.density
        if density >= level.per_m2:
            above_s = self._above_s[number]
            self._above_s[number] = above_s = mono_s - lag_s if above_s is None else above_s
            self._held[number] = self._held[number] or mono_s - above_s >= level.sustained_s
        if density >= self._clear_share * level.per_m2:
            self._below_s[number] = None
            return
        below_s = self._below_s[number]
        self._below_s[number] = below_s = mono_s if below_s is None else below_s
        if not self._held[number] or mono_s - below_s >= OVER_S:
            self._held[number], self._above_s[number] = False, None

    def _bin(self, per_m2: float, mono_s: float) -> None:
        if self._bins and mono_s - self._bins[-1][0] < BIN_S:
            begun_s, mean, number = self._bins[-1]
            self._bins[-1] = begun_s, mean + (per_m2 - mean) / (number + 1), number + 1
        else:
            self._bins.append((mono_s, per_m2, 1))
        while mono_s - self._bins[0][0] > self._trend_s:
            self._bins.popleft()

    def trend(self) -> tuple[float, float] | None:
        """Slope and its standard error, persons per m² and minute, by least squares (Draper and
        Smith, Applied Regression Analysis, 3rd ed., eq. 1.2.9 and 1.4.2); None of too few."""
        if len(self._bins) < FEWEST_BINS:
            return None
        x = np.array([begun_s for begun_s, _, _ in self._bins])
        y = np.array([mean for _, mean, _ in self._bins])
        x = (x - x.mean()) / 60.0
        spread = float(x @ x)
        slope = float(x @ (y - y.mean())) / spread
        rest = y - y.mean() - slope * x
        return slope, math.sqrt(float(rest @ rest) / (len(x) - 2) / spread)
