"""Several threads that live and die as one worker."""

import threading
import time
from collections.abc import Callable

import pytest

from drivers.clock import SystemClock
from edge.running import stages
from edge.running.slot import Slot
from edge.running.stages import run_stages
from edge.running.worker import Beat, Worker, WorkerState
from tests.unit_under_test import wait_for

CLOCK = SystemClock()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(stages, "MOVES_WITHIN_S", 0.1)
    monkeypatch.setattr(stages, "ENDS_WITHIN_S", 0.1)


def lively(beat: Beat, stop: threading.Event) -> None:
    while not stop.wait(0.01):
        beat()


def test_when_one_stage_raises_the_others_end_and_it_is_raised_again() -> None:
    ended = threading.Event()

    def raises(beat: Beat, stop: threading.Event) -> None:
        raise RuntimeError("broken")

    def other(beat: Beat, stop: threading.Event) -> None:
        lively(beat, stop)
        ended.set()

    with pytest.raises(RuntimeError, match="broken"):
        run_stages({"a": raises, "b": other}, lambda: None, threading.Event(), CLOCK)
    assert ended.is_set()


def test_all_end_when_the_worker_is_told_to() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()

    assert run_stages({"a": lively, "b": lively}, lambda: None, stop, CLOCK)
    assert not {"a", "b"} & {thread.name for thread in threading.enumerate()}


def test_a_stage_that_hangs_is_seen_as_a_worker_that_hangs_and_left_behind_in_the_end() -> None:
    let_go = threading.Event()

    def hangs(beat: Beat, stop: threading.Event) -> None:
        let_go.wait(20)

    beats: list[float] = []
    stop = threading.Event()
    ended: list[bool] = []

    def work(beat: Callable[[], None]) -> None:
        def counted() -> None:
            beats.append(time.monotonic())
            beat()

        ended.append(run_stages({"a": lively, "b": hangs}, counted, stop, CLOCK))

    worker = Worker("w", work, stop, CLOCK, essential=False)
    worker.start()
    assert wait_for(lambda: worker.state is WorkerState.RUNNING and worker.stuck_for_s() > 0.3)
    stop.set()
    assert worker.join(5)
    let_go.set()

    assert ended == [False]
    assert not beats or time.monotonic() - beats[-1] > 0.1


def test_a_slot_gives_back_what_nobody_took() -> None:
    slot: Slot[int] = Slot()

    assert slot.put(1) is None
    assert slot.put(2) == 1
    assert slot.peek() == 2
    assert slot.take(0) == 2
    assert slot.take(0) is None
