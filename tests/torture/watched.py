"""A driver in the unit's own loop, and when its samples came; what a process has open."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog

from drivers.base import Driver
from drivers.clock import SystemClock
from edge.running.driver_loop import DriverHealth, run_driver
from tests.torture.trials import held
from tests.unit_under_test import wait_for

T = TypeVar("T")

CLOCK = SystemClock()


class Watched:
    """One device, kept open by `run_driver` in a thread of its own."""

    def __init__(
        self,
        component: str,
        name: str,
        open_driver: Callable[[], Driver[Any]],
        retry_s: Sequence[float],
    ) -> None:
        self.name = name
        self.health = DriverHealth(name, component)
        self.came_s: list[float] = []  # time.monotonic() of each sample
        self.raised: list[BaseException] = []
        self._open = open_driver
        self._retry_s = retry_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        def emit(_: object) -> None:
            self.came_s.append(time.monotonic())

        try:
            run_driver(
                self.health, self._open, emit, self._stop, lambda: None, CLOCK, self._retry_s
            )
        except BaseException as error:
            self.raised.append(error)

    def back_after_s(self, since_s: float, within_s: float) -> float | None:
        """How long after this moment the first sample came; None if none did in time."""
        if not wait_for(lambda: bool(self.came_s) and self.came_s[-1] > since_s, within_s):
            return None
        return next(at_s for at_s in self.came_s if at_s > since_s) - since_s

    def longest_gap_s(self, from_s: float, to_s: float) -> float:
        """Between two samples, or a sample and the end."""
        times = [from_s, *(at_s for at_s in list(self.came_s) if from_s < at_s < to_s), to_s]
        return max(b - a for a, b in pairwise(times))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)


@dataclass(slots=True)
class Course(Generic[T]):
    """What became of those that were harmed, and of one that was not."""

    found: list[T]
    calm_s: float  # the longest that the unharmed one waited for a sample before, and
    gap_s: float  # while the others were harmed

    def told(self, what: str) -> str:
        return (
            f"0 crashes, 0 files, 0 threads left; another {what} waited at most {self.gap_s:.2f} s "
            f"({self.calm_s:.2f} s in calm)"
        )


def course(
    harmed: Sequence[Watched],
    unharmed: Watched,
    harm: Callable[[int], T],
    calm_s: float,
    period_s: float,
) -> Course[T]:
    """Harm all of them at a time, by number, and stop everybody. Raises Broken if a driver's thread
    ended, or the unharmed one was disturbed for a period of its own."""
    everybody = [*harmed, unharmed]
    held(wait_for(lambda: all(one.came_s for one in everybody), 30), "somebody gives nothing")
    calm_from_s = time.monotonic()
    time.sleep(calm_s)
    begun_s = time.monotonic()
    with ThreadPoolExecutor(len(harmed)) as pool:
        found = list(pool.map(harm, range(len(harmed))))
    ended_s = time.monotonic()
    for one in everybody:
        one.stop()
    raised = [error for one in everybody for error in one.raised]
    held(not raised, f"a driver's thread ended: {raised[:1]}")
    before_s = unharmed.longest_gap_s(calm_from_s, begun_s)
    gap_s = unharmed.longest_gap_s(begun_s, ended_s)
    held(gap_s <= before_s + period_s, f"another waited {gap_s:.2f} s, {before_s:.2f} before")
    return Course(found, before_s, gap_s)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Raises Broken if files or threads are left open that were not before."""
    files, tasks = open_files(), threads()
    yield
    left = wait_for(lambda: open_files() <= files and threads() <= tasks, 10)
    held(left, f"{open_files() - files} files and {threads() - tasks} threads were left open")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    """Of the process, those of libraries included."""
    return len(list(Path("/proc/self/task").iterdir()))


@contextmanager
def quiet() -> Iterator[None]:
    """Outages are meant here: the loop's log would be all that one sees."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()
