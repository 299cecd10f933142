"""The shared loop with a driver that plays a script."""

import threading

from drivers.base import (
    BadDataError,
    DeviceLostError,
    DeviceUnavailableError,
    EndOfRecordingError,
)
from edge.running.driver_loop import DriverHealth, run_driver
from tests.fakes import ManualClock


class ScriptedDriver:
    """Reads a script of samples and errors; reading past its end ends the test's loop."""

    def __init__(self, script: list[object], stop: threading.Event) -> None:
        self._script = script
        self._stop = stop
        self.closed = False

    def read(self) -> object | None:
        if not self._script:
            self._stop.set()
            return None
        item = self._script.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed = True

    def counters(self) -> dict[str, int]:
        return {"lines": 10}


class Openers:
    """Opens the scripted drivers one after the other; an exception stands for a failed open."""

    def __init__(self, *sessions: list[object] | Exception) -> None:
        self.stop = threading.Event()
        self._sessions = list(sessions)
        self.opened: list[ScriptedDriver] = []

    def __call__(self) -> ScriptedDriver:
        session = self._sessions.pop(0)
        if isinstance(session, Exception):
            raise session
        self.opened.append(ScriptedDriver(session, self.stop))
        return self.opened[-1]


def play(openers: Openers) -> tuple[list[object], DriverHealth]:
    health = DriverHealth("main", "gnss")
    samples: list[object] = []
    run_driver(
        health, openers, samples.append, openers.stop, lambda: None, ManualClock(), retry_s=(0.0,)
    )
    return samples, health


def test_damaged_readings_are_counted_and_the_device_stays_open() -> None:
    openers = Openers([1, BadDataError("x"), None, 2])
    samples, health = play(openers)

    assert samples == [1, 2]
    assert (health.bad, health.samples, health.outages) == (1, 2, 0)
    assert len(openers.opened) == 1


def test_a_pulled_plug_is_closed_and_opened_again() -> None:
    openers = Openers([1, DeviceLostError("gone")], DeviceUnavailableError("not there"), [2, 3])
    samples, health = play(openers)

    assert samples == [1, 2, 3]
    assert all(driver.closed for driver in openers.opened)
    assert (health.outages, health.last_error) == (1, "")
    assert health.totals() == {"lines": 20}, "counts of closed sessions are kept"


def test_a_device_that_is_missing_is_told_once_and_tried_for_ever() -> None:
    away = [DeviceUnavailableError("not there") for _ in range(20)]
    openers = Openers(*away, [1])
    samples, health = play(openers)

    assert samples == [1]
    assert health.outages == 1


def test_the_end_of_a_recording_ends_the_loop() -> None:
    samples, health = play(Openers([1, EndOfRecordingError("end")]))

    assert samples == [1]
    assert health.ended


def test_what_nobody_wants_is_a_sign_of_life_and_no_loss() -> None:
    class Unwanted(ScriptedDriver):
        passed_over = 0

        def read(self) -> object | None:
            self.passed_over += 1
            return super().read()

        def counters(self) -> dict[str, int]:
            return {"not_wanted": self.passed_over}

    stop, clock, health = threading.Event(), ManualClock(), DriverHealth("front", "camera")
    driver = Unwanted([None] * 4, stop)
    run_driver(health, lambda: driver, lambda _: None, stop, lambda: None, clock)

    assert health.samples == driver.passed_over == 5
    assert health.silent_s(clock.mono_s() + 1) == 1.0
    assert health.drops() == {"bad_reading": 0}
    assert health.not_wanted == 5
