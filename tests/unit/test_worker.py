"""What becomes of a worker whose work raises, returns or hangs."""

import threading

import pytest

import edge.running.worker
from drivers.clock import SystemClock
from edge.running.worker import Beat, Worker, WorkerState
from tests.fakes import ManualClock
from tests.unit_under_test import wait_for


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.running.worker, "RETRY_S", (0.01, 0.01))


def boom(beat: Beat) -> None:
    raise RuntimeError("broken")


def test_an_essential_worker_that_raises_has_failed_at_once() -> None:
    worker = Worker("w", boom, threading.Event(), SystemClock(), essential=True)
    worker.start()
    assert worker.join(5.0)

    assert (worker.state, worker.crashes) == (WorkerState.FAILED, 1)
    assert worker.last_error == "RuntimeError: broken"


def test_an_optional_worker_is_tried_again_and_then_stays_off() -> None:
    worker = Worker("w", boom, threading.Event(), SystemClock(), essential=False)
    worker.start()
    assert worker.join(5.0)

    assert (worker.state, worker.crashes) == (WorkerState.FAILED, edge.running.worker.GIVE_UP_AFTER)


def test_an_optional_worker_recovers() -> None:
    stop = threading.Event()
    runs = []

    def twice_broken(beat: Beat) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError("not yet")
        stop.wait(5.0)

    worker = Worker("w", twice_broken, stop, SystemClock(), essential=False)
    worker.start()
    assert wait_for(lambda: len(runs) == 3 and worker.state is WorkerState.RUNNING)
    stop.set()
    assert worker.join(5.0)
    assert worker.state is WorkerState.DONE


def test_a_worker_that_does_not_beat_is_seen_as_stuck() -> None:
    clock, stop = ManualClock(), threading.Event()
    worker = Worker("w", lambda beat: stop.wait(5.0) and None, stop, clock, essential=True)
    worker.start()
    assert wait_for(lambda: worker.state is WorkerState.RUNNING)
    clock.advance(12.0)
    assert worker.stuck_for_s() == pytest.approx(12.0)
    stop.set()
    assert worker.join(5.0)
    assert worker.stuck_for_s() == 0.0
