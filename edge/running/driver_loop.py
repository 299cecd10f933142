"""The one loop that all drivers share: open, read, hand over; on loss close, wait, open again."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from config.language import said
from drivers.base import (
    NOT_WANTED,
    PROGRESS_COUNTERS,
    BadDataError,
    Driver,
    DriverError,
    EndOfRecordingError,
)
from drivers.clock import Clock
from edge.running.worker import RETRY_S, Beat

S = TypeVar("S")

# Devices of this computer, what carries it and what it drives: a look costs next to nothing, and
# whatever was plugged in again shall be back within 3 s, however long it was away, the first words
# of a receiver that speaks once a second included.
PLUGGED_RETRY_S = (0.5, 1.0, 1.5)


@dataclass(slots=True)
class DriverHealth:
    """How one device fares. Written by its own thread only; read by the health report."""

    name: str
    component: str  # "gnss" or "camera"
    open: bool = False
    opened: int = 0  # how often
    samples: int = 0  # that came, whether anybody wanted them or not
    bad: int = 0
    outages: int = 0
    started_mono_s: float = 0.0
    last_sample_mono_s: float | None = None
    last_error: str = ""
    last_bad: str = ""  # what was wrong with the newest reading that was damaged
    ended: bool = False  # a recording was played to its end
    resting: bool = False  # closed while the unit sleeps
    counters: Counter[str] = field(default_factory=Counter)  # of closed sessions
    session: dict[str, int] = field(default_factory=dict)  # of the open one

    def totals(self) -> dict[str, int]:
        """What the driver counted since the start, over all its sessions, by cause."""
        return dict(self.counters + Counter(self.session))

    @property
    def not_wanted(self) -> int:
        """Pictures that were passed over, since nobody would have looked at them."""
        return self.totals().get(NOT_WANTED, 0)

    def drops(self) -> dict[str, int]:
        """What was lost in the device's own driver, by cause."""
        lost = {cause: n for cause, n in self.totals().items() if cause not in PROGRESS_COUNTERS}
        return lost | {"bad_reading": self.bad}

    def silent_s(self, now_mono_s: float) -> float:
        """Seconds without a sample."""
        last = self.last_sample_mono_s
        return now_mono_s - (self.started_mono_s if last is None else last)


def run_driver(
    health: DriverHealth,
    open_driver: Callable[[], Driver[S]],
    emit: Callable[[S], None],
    stop: threading.Event,
    beat: Beat,
    clock: Clock,
    retry_s: Sequence[float] = RETRY_S,
) -> None:
    """Keep one device open and pass its samples on until `stop` is set.

    `emit` must not block. An outage is logged when it starts and when it ends, not between.
    """
    log = structlog.get_logger().bind(component=health.component, name=health.name)
    health.started_mono_s = clock.mono_s()
    failures = 0
    while not stop.is_set():
        beat()
        before = health.samples
        try:
            _one_session(health, open_driver, emit, stop, beat, clock)
        except EndOfRecordingError:
            health.ended = True
            log.info("recording_ended", samples=health.samples)
            return
        except DriverError as error:
            failures = 1 if health.samples > before else failures + 1
            _note_outage(health, log, said(error), failures)
            _wait(retry_s[min(failures, len(retry_s)) - 1], stop, beat)


def _note_outage(
    health: DriverHealth, log: structlog.typing.FilteringBoundLogger, error: str, failures: int
) -> None:
    health.last_error = error
    if failures == 1:
        health.outages += 1
        log.warning("device_lost" if health.samples else "device_missing", error=error)


def _one_session(
    health: DriverHealth,
    open_driver: Callable[[], Driver[S]],
    emit: Callable[[S], None],
    stop: threading.Event,
    beat: Beat,
    clock: Clock,
) -> None:
    """From opening to closing. Raises what the driver raises, except BadDataError."""
    with closing(open_driver()) as driver:
        health.open = True
        health.opened += 1
        try:
            while not stop.is_set():
                beat()
                sample, before = _read(driver, health), health.session
                health.session = driver.counters()
                passed_over = health.session.get(NOT_WANTED, 0) - before.get(NOT_WANTED, 0)
                if sample is not None or passed_over > 0:
                    _note_samples(health, passed_over + (sample is not None), clock)
                if sample is not None:
                    emit(sample)
        finally:
            health.open = False
            # Replaced, never changed in place: the health report reads them from its own thread.
            health.counters, health.session = health.counters + Counter(driver.counters()), {}


def _read(driver: Driver[S], health: DriverHealth) -> S | None:
    try:
        return driver.read()
    except BadDataError as error:
        health.bad += 1
        health.last_bad = str(error)
        return None


def _note_samples(health: DriverHealth, count: int, clock: Clock) -> None:
    if health.last_error or not health.samples:
        log = structlog.get_logger().bind(component=health.component, name=health.name)
        log.info("device_back" if health.samples else "device_speaks")
        health.last_error = ""
    health.last_bad = ""
    health.samples += count
    health.last_sample_mono_s = clock.mono_s()


def _wait(seconds: float, stop: threading.Event, beat: Beat) -> None:
    """Wait, but keep showing signs of life."""
    while seconds > 0 and not stop.wait(min(0.5, seconds)):
        seconds -= 0.5
        beat()
