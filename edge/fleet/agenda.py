"""What happens when: activities that do something, say how long to wait, and are asked again."""

import heapq
from collections.abc import Generator
from random import Random

Activity = Generator[float, None, None]  # yields the seconds until it wants to go on
SOON_S = 1e-6  # closer than this is now


def about(dice: Random, mean_s: float) -> float:
    """Some time, exponentially distributed: of what happens at random, at this rate."""
    return dice.expovariate(1 / mean_s)


class Agenda:
    """All activities of a fleet, on one clock that only `run_until` moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Activity]] = []
        self._count = 0

    def add(self, activity: Activity, after_s: float = 0.0) -> None:
        """It begins after so many seconds; what is due at the same time goes in this order."""
        self._count += 1
        heapq.heappush(self._heap, (self.now_s + max(0.0, after_s), self._count, activity))

    @property
    def next_s(self) -> float | None:
        """When there is something to do; None if never again."""
        return self._heap[0][0] if self._heap else None

    def run_until(self, end_s: float, at_most: int = 1_000_000) -> int:
        """Do what is due until then, each at its own time; at most so many steps.

        Returns how many it were. The clock stands at `end_s` then, unless there were too many.
        """
        steps = 0
        while self._heap and self._heap[0][0] <= end_s:
            if steps >= at_most:
                return steps
            due_s, _, activity = heapq.heappop(self._heap)
            self.now_s = max(self.now_s, due_s)
            wait_s = next(activity, None)
            if wait_s is not None:
                self.add(activity, wait_s)
            steps += 1
        self.now_s = max(self.now_s, end_s)
        return steps
