"""Pictures that are wanted, between those who want them and the one who makes them."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from edge.seeing.look import Look
from telemetry.pictures.picture import Picture, Rank

MOST_WAITING = 4  # each holds a whole frame


@dataclass(slots=True, eq=False)
class Job:
    """One picture to be made. Whoever wants it may wait for `done`."""

    look: Look
    rank: Rank
    episode: str
    unredacted: bool = False  # wanted so; made so only while the camera is unlocked
    picture: Picture | None = None
    error: str = ""
    done: threading.Event = field(default_factory=threading.Event)


class JobBoard:
    """Bounded; where it is full, the least wanted is given up. Any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: list[Job] = []
        self.drops: Counter[str] = Counter()

    def put(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            if len(self._jobs) > MOST_WAITING:
                least = max(self._jobs, key=lambda each: each.rank)  # of equals the oldest
                self._jobs.remove(least)
                self.drops["busy"] += 1
                least.error = "too many pictures are wanted at once"
                least.done.set()
            self._changed.notify()

    def take(self, timeout_s: float) -> Job | None:
        """The most wanted, waiting at most so long; of equals the oldest."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs, timeout_s)
            if not self._jobs:
                return None
            job = min(self._jobs, key=lambda each: each.rank)
            self._jobs.remove(job)
            return job
