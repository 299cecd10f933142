"""Starts the workers, watches them, and stops them in order."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from drivers.clock import Clock, SystemClock
from edge.running.sdnotify import SystemdNotifier
from edge.running.worker import Worker, WorkerState

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK_EVERY_S = 1.0
LOOK_FOR_STOP_EVERY_S = 0.1


def block_stop_signals() -> None:
    """To be called before any thread starts: threads inherit the mask."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def allow_stop_signals() -> None:
    """In this thread only, and in programs that it starts from here on."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def wait_for_stop_signal(timeout_s: float) -> bool:
    """True when the process is asked to stop, False after `timeout_s`.

    A handler that sets an Event can deadlock when it interrupts that Event's own lock, so the
    signals are blocked and looked for instead of handled. Not by sigtimedwait(2): once interrupted
    (the process was frozen and goes on), CPython's takes the end of its time for a signal.
    """
    clock = SystemClock()
    ends_s = clock.mono_s() + timeout_s
    while not signal.sigpending().intersection(STOP_SIGNALS):
        left_s = ends_s - clock.mono_s()
        if left_s <= 0:
            return False
        time.sleep(min(left_s, LOOK_FOR_STOP_EVERY_S))
    signal.sigwait(STOP_SIGNALS)  # it is fetched
    return True


@dataclass(slots=True)
class Crew:
    """Workers that start together and stop together."""

    stop_within_s: float
    stop: threading.Event = field(default_factory=threading.Event)
    workers: list[Worker] = field(default_factory=list)

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def end(self, clock: Clock) -> list[str]:
        """Ask all to stop and wait for them. Returns the names of those that did not."""
        self.stop.set()
        deadline = clock.mono_s() + self.stop_within_s
        return [w.name for w in self.workers if not w.join(deadline - clock.mono_s())]


class Supervisor:
    """Crews start in the order given and stop in the reverse: what delivers is last to go."""

    def __init__(self, crews: Sequence[Crew], notifier: SystemdNotifier, clock: Clock) -> None:
        self._crews = crews
        self._notifier = notifier
        self._clock = clock
        self._log = structlog.get_logger()

    @property
    def workers(self) -> list[Worker]:
        return [worker for crew in self._crews for worker in crew.workers]

    def start(self) -> None:
        for crew in self._crews:
            crew.start()
        self._notifier.ready(f"{len(self.workers)} workers")

    def watch(self, wait: Callable[[float], bool]) -> int:
        """Return 0 when `wait` says stop, 1 when an essential worker died."""
        period_s = min(LOOK_EVERY_S, (self._notifier.watchdog_s or 60.0) / 3)
        while not wait(period_s):
            dead = [w for w in self.workers if w.essential and w.state is WorkerState.FAILED]
            if dead:
                self._log.error("essential_worker_died", worker=dead[0].name)
                return 1
            if not self.stuck():
                self._notifier.alive()
        return 0

    def stuck(self) -> list[Worker]:
        """Workers without a sign of life for so long that only a restart can help."""
        return [worker for worker in self.workers if worker.stuck]

    def stop(self, *, anew: bool = False) -> list[str]:
        """Stop all; `anew`: to start again at once in the same process.

        Returns the names of workers that hang and were left behind.
        """
        if anew:
            self._notifier.reloading(self._clock.mono_s())
        else:
            self._notifier.stopping()
        left = [name for crew in reversed(self._crews) for name in crew.end(self._clock)]
        if left:
            self._log.warning("workers_left_behind", workers=left)
        return left
