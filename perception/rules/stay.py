"""How long somebody stays in a zone, and whether they get anywhere meanwhile."""

import math
from collections import deque
from dataclasses import dataclass, field

STEP_M = 0.5  # a shorter step is swaying,
STEP_SIGMA = 2.0  # and so is one within the error of the position
MAX_STEPS = 2000


@dataclass(frozen=True, slots=True)
class _Step:
    """A place where somebody had really moved on, and the way to there."""

    mono_s: float
    place: tuple[float, float]
    way: float  # from the first step on


@dataclass(slots=True)
class Stay:
    """One subject's way through a zone."""

    begun_s: float
    seen_s: float
    steps: deque[_Step] = field(default_factory=lambda: deque(maxlen=MAX_STEPS))

    def go(self, x: float, y: float, error: float, mono_s: float, metre: float = 1.0) -> None:
        """Take a position with its error (1 sigma); `metre`: in the unit of x and y.

        Steps within the error are not counted, so that noise makes nobody walk: the length of a
        noisy track grows with the number of its points, not with the way.
        """
        self.seen_s = mono_s
        if not self.steps:
            self.steps.append(_Step(mono_s, (x, y), 0.0))
            return
        last = self.steps[-1]
        moved = math.dist(last.place, (x, y))
        if moved > max(STEP_M * metre, STEP_SIGMA * error):
            self.steps.append(_Step(mono_s, (x, y), last.way + moved))

    def efficiency(self, window_s: float, near: float) -> float:
        """Distance won per distance walked in the newest window, 0..1; who ends within `near` of
        where the window began has won nothing."""
        begin_s = self.seen_s - window_s
        while len(self.steps) > 1 and self.steps[1].mono_s <= begin_s:
            self.steps.popleft()
        if len(self.steps) < 2:
            return 0.0
        first, last = self.steps[0], self.steps[-1]
        won = max(math.dist(first.place, last.place) - near, 0.0)
        return won / (last.way - first.way)


class Stays:
    """The stays of all subjects in one zone."""

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s  # unseen or outside for longer, a stay is over
        self._stays: dict[int, Stay] = {}

    def of(self, subject: int, mono_s: float, *, inside: bool) -> Stay | None:
        """The subject's stay, begun or gone on with where it is inside; None without one."""
        stay = self._stays.get(subject)
        if stay is not None and mono_s - stay.seen_s > self._gap_s:
            stay = None
            del self._stays[subject]
        if stay is None and inside:
            stay = self._stays[subject] = Stay(mono_s, mono_s)
        return stay

    def forget_before(self, mono_s: float) -> None:
        """Those that are over."""
        self._stays = {
            key: stay for key, stay in self._stays.items() if mono_s - stay.seen_s <= self._gap_s
        }
