"""Whose picture is looked at next: target rates per camera, and fairness where they cannot be met.

Pure: no clock, no thread.
"""

from collections.abc import Iterable
from dataclasses import dataclass

EARLY = 0.5  # of a period: a picture may come so much before its turn, so that jitter costs none
LATE = 0.4  # of a period: so much later than its turn one may be taken at no cost to the next


@dataclass(slots=True)
class _Turn:
    period_s: float
    due_mono_s: float = float("-inf")
    took_mono_s: float = float("-inf")


class Schedule:
    """Of the cameras whose turn it is, the one that was not looked at for longest.

    Each camera has a period. Its next turn is one period after the last one; what is later than
    LATE is not caught up on. A picture may be taken EARLY, since cameras are not exact; over time
    the rate is kept all the same (the generic cell rate algorithm, ITU-T I.371 annex A, as a
    virtual schedule). Where not all rates can be met, a camera that asks for less than its share
    gets all of it, and the others share the rest evenly (max-min fairness: turns among all that
    are due, Bertsekas and Gallager, Data Networks, 6.5.2).
    """

    def __init__(self, cameras: Iterable[str], fps: float) -> None:
        self._turns = {name: _Turn(1.0 / fps) for name in cameras}

    def set_rate(self, camera: str, fps: float) -> None:
        """From the next turn on."""
        turn, period_s = self._turns[camera], 1.0 / fps
        if period_s < turn.period_s:  # no need to sit out a long one
            turn.due_mono_s -= turn.period_s - period_s
        turn.period_s = period_s

    def choose(self, waiting: Iterable[str], now_mono_s: float) -> str | None:
        """Of those waiting whose turn it is, the one looked at longest ago; None if it is nobody's.

        Names that are no cameras of the schedule never have a turn.
        """
        due = [
            name
            for name in waiting
            if name in self._turns and self._open_mono_s(name) <= now_mono_s
        ]
        return min(due, key=lambda name: self._turns[name].took_mono_s, default=None)

    def is_open(self, camera: str, now_mono_s: float) -> bool:
        """Whether its turn has come, so that a picture of it would be taken. Any thread."""
        return self._open_mono_s(camera) <= now_mono_s

    def took(self, camera: str, now_mono_s: float, rest_s: float = 0.0) -> None:
        """Its picture is taken. `rest_s`: its next turn comes no sooner."""
        turn = self._turns[camera]
        turn.took_mono_s = now_mono_s
        turn.due_mono_s = max(turn.due_mono_s, now_mono_s - LATE * turn.period_s) + turn.period_s
        turn.due_mono_s = max(turn.due_mono_s, now_mono_s + rest_s)

    def wait_s(self, now_mono_s: float, longest_s: float) -> float:
        """Until the next camera's turn, of those whose turn it is not yet; at most `longest_s`."""
        opens = (self._open_mono_s(name) - now_mono_s for name in self._turns)
        return min([wait_s for wait_s in opens if wait_s > 0] + [longest_s])

    def _open_mono_s(self, camera: str) -> float:
        turn = self._turns[camera]
        return turn.due_mono_s - EARLY * turn.period_s
