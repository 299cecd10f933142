"""A named thread and what becomes of it when its work raises."""

import threading
from collections.abc import Callable
from enum import StrEnum

import structlog

from drivers.clock import Clock

RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
GIVE_UP_AFTER = 5  # crashes in a row
WELL_AFTER_S = 60.0  # a run this long ends the row
OPENING_S = 600.0  # until the first beat: a provider may compile a model for minutes

Beat = Callable[[], None]
WorkOf = Callable[[Beat, threading.Event], None]  # until the event is set


class WorkerState(StrEnum):
    NEW = "new"
    RUNNING = "running"
    WAITING = "waiting"  # crashed, will be tried again
    FAILED = "failed"  # crashed too often (optional) or once (essential)
    DONE = "done"


class Worker:
    """Runs `work(beat)` in its own thread until it returns.

    `work` returns when `stop` is set, and calls `beat()` at least once a second, so that a hang
    can be told from patience. An essential worker that raises is FAILED at once; an optional one
    is started again with back-off, and stays off after GIVE_UP_AFTER crashes in a row.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Beat], None],
        stop: threading.Event,
        clock: Clock,
        *,
        essential: bool,
        stuck_after_s: float = 10.0,
    ) -> None:
        self.name = name
        self.essential = essential
        self.state = WorkerState.NEW
        self.crashes = 0
        self.last_error = ""
        self._work = work
        self._stop = stop
        self._clock = clock
        self._stuck_after_s = stuck_after_s
        self._moved_mono_s = clock.mono_s()
        self._beaten = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end. False if it still runs."""
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def stuck_for_s(self) -> float:
        """Seconds since the work last showed a sign of life; 0 when it is not running."""
        if self.state is not WorkerState.RUNNING:
            return 0.0
        return self._clock.mono_s() - self._moved_mono_s

    @property
    def stuck(self) -> bool:
        """Whether it has given no sign of life for so long that only a restart can help.

        Before its first sign of life it may take OPENING_S.
        """
        limit_s = self._stuck_after_s if self._beaten else OPENING_S
        return self.stuck_for_s() > limit_s

    @property
    def opening(self) -> bool:
        """Whether it runs, but has not shown its first sign of life."""
        return self.state is WorkerState.RUNNING and not self._beaten

    def _beat(self) -> None:
        self._beaten = True
        self._moved_mono_s = self._clock.mono_s()

    def _run(self) -> None:
        row = 0
        while not self._stop.is_set():
            began = self._clock.mono_s()
            if self._finished():
                return
            row = 1 if self._clock.mono_s() - began >= WELL_AFTER_S else row + 1
            if self.essential or row >= GIVE_UP_AFTER:
                self.state = WorkerState.FAILED
                return
            self.state = WorkerState.WAITING
            self._stop.wait(RETRY_S[min(row, len(RETRY_S)) - 1])
        self.state = WorkerState.DONE

    def _finished(self) -> bool:
        """Run the work once. True when it returned, False when it raised."""
        self._beaten, self._moved_mono_s = False, self._clock.mono_s()
        self.state = WorkerState.RUNNING
        try:
            self._work(self._beat)
        except Exception as error:  # noqa: BLE001 - the one place where our own bugs end
            self.crashes += 1
            self.last_error = f"{type(error).__name__}: {error}"
            structlog.get_logger().exception("worker_crashed", worker=self.name)
            return False
        self.state = WorkerState.DONE
        return True
