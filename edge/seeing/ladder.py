"""What perception gives up under heat, load or a low battery, and takes back: one step at a time.

Pure: no clock, no thread. Position, the call for help, commands and the queue of events are not on
it: they are never given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

LONGEST_UP_S = 3600.0
CALM_TIMES = 4  # so many times the usual wait without a step: what was learnt of setbacks is over


class Step(StrEnum):
    """What is given up, in this order. Persons are looked for to the last."""

    HALF_RATE = "half the pictures"
    QUARTER_RATE = "a quarter of the pictures"
    COARSE = "smaller pictures, no parts"
    PERSONS_ONLY = "persons only"
    NO_EXTRAS = "no plates, no searches"


class Pressure(Enum):
    EASED = 0
    BETWEEN = 1  # neither so high that more must go, nor so low that something may come back
    HIGH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """One thing that may be too much for the unit."""

    cause: str  # heat, load, battery, time
    pressure: Pressure
    text: str  # for people: "cpu-thermal at 88 °C"


class Ladder:
    """How many steps have been taken, by how long something was too much.

    Down: one step after `down_after_s` of high pressure, and not sooner after the last one. Up: one
    after `up_after_s` in which everything was eased; where that had to be taken back at once, the
    next try waits twice as long, up to an hour, so that nothing swings to and fro.
    """

    def __init__(self, down_after_s: float, up_after_s: float) -> None:
        self.steps: tuple[Step, ...] = tuple(Step)
        self.taken = 0  # of `steps`, from the first
        self.causes: tuple[Strain, ...] = ()  # of the last step down
        self._down_after_s = down_after_s
        self._usual_up_s = up_after_s
        self._up_after_s = up_after_s
        self._pressure: Pressure | None = None
        self._since_s = 0.0  # that pressure stands
        self._changed_s = float("-inf")
        self._tried = False  # the last step was one up

    @property
    def standing(self) -> tuple[Step, ...]:
        """What is given up now."""
        return self.steps[: self.taken]

    def without(self, step: Step) -> None:
        """It is no use here: the next one takes its place."""
        self.steps = tuple(one for one in self.steps if one is not step)
        self.taken = min(self.taken, len(self.steps))

    def update(self, strains: Sequence[Strain], mono_s: float) -> bool:
        """Take note of how things are. Returns whether a step was taken."""
        pressure = max((one.pressure for one in strains), key=_rank, default=Pressure.EASED)
        if pressure is not self._pressure:
            self._pressure, self._since_s = pressure, mono_s
        lasts_s = mono_s - max(self._since_s, self._changed_s)
        if self._quiet_s(mono_s) >= CALM_TIMES * self._up_after_s:
            self._up_after_s = self._usual_up_s
        if pressure is Pressure.HIGH and self.taken < len(self.steps):
            self.causes = tuple(one for one in strains if one.pressure is Pressure.HIGH)
            return lasts_s >= self._down_after_s and self._step(1, mono_s)
        if pressure is Pressure.EASED and self.taken:
            return lasts_s >= self._up_after_s and self._step(-1, mono_s)
        return False

    def _quiet_s(self, mono_s: float) -> float:
        return mono_s - self._changed_s if self.taken == 0 else 0.0

    def _step(self, by: int, mono_s: float) -> bool:
        setback = by > 0 and self._tried and mono_s - self._changed_s < self._up_after_s
        if setback:
            self._up_after_s = min(LONGEST_UP_S, 2 * self._up_after_s)
        self.taken += by
        self._tried, self._changed_s = by < 0, mono_s
        return True


def _rank(pressure: Pressure) -> int:
    return int(pressure.value)


def pressure_of(value: float | None, high: float, eased: float) -> Pressure:
    """Of a figure that is bad when it is large, or, with `high` below `eased`, when it is small.

    What is not known is no pressure.
    """
    if value is None:
        return Pressure.EASED
    sign = 1.0 if high >= eased else -1.0
    if sign * value >= sign * high:
        return Pressure.HIGH
    return Pressure.EASED if sign * value <= sign * eased else Pressure.BETWEEN
