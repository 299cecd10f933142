"""The office inside a whole unit: its bugs stay its own, and its faults are told."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from edge.app import App
from edge.local.asking import ask
from edge.reporting.health import HealthDesk
from edge.running.worker import Worker, WorkerState
from edge.tasks import moves
from edge.timebase import Timebase
from telemetry.contract.tasks import TaskAssign
from telemetry.contract.unit import Health
from telemetry.contract.uuid7 import uuid7
from tests.e2e.unit_process import write_unit_file
from tests.fakes import ManualClock
from tests.unit_under_test import wait_for


def app_in(folder: Path, **sections: Any) -> App:
    sections = {"perception": {"enabled": False}} | sections
    return App(load(write_unit_file(folder, "mqtt://127.0.0.1:1", **sections), {}))


def worker(app: App, name: str) -> Worker:
    return next(one for one in app.parts.workers() if one.name == name)


def faults(app: App) -> set[tuple[str, str]]:
    draft = HealthDesk(app.parts).due()
    assert draft is not None
    assert isinstance(draft.data, Health)
    return {(fault.code, fault.component) for fault in draft.data.faults}


def test_a_bug_in_the_worker_for_tasks_costs_neither_the_run_nor_the_call_for_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_in(tmp_path)
    office = app.parts.office

    def broken(_position: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(office.desk, "tick", broken)
    stop = threading.Event()
    app.start()
    watcher = threading.Thread(target=app.watch, args=(stop.wait,))
    watcher.start()
    try:
        assert wait_for(lambda: worker(app, "tasks").crashes >= 1, 20)
        assert wait_for(lambda: (tmp_path / "state" / "control.sock").exists(), 20)
        episode = ask(tmp_path / "state", "sos.call", {"cause": "fall"})["episode"]
        assert episode
        assert app.parts.outbox.stats().by_priority[0] >= 1
        for name in ("reporter", "outbox", "publisher", "sos"):
            assert worker(app, name).state is WorkerState.RUNNING
        assert watcher.is_alive(), "the unit goes on"
        told = wait_for(
            lambda: {("worker_crashed", "tasks"), ("worker_off", "tasks")} & faults(app)
        )
        assert told, "and says what is wrong"
    finally:
        stop.set()
        watcher.join(10)
        app.stop()


def test_what_is_wrong_with_its_files_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "orders.json").write_bytes(b"\0" * 100)
    app = app_in(tmp_path)
    app.parts.office.sos.memory.fault = "sos.json cannot be written: No space left on device"
    app.parts.office.tuning.fault = "there is no mode carnival"
    draft = HealthDesk(app.parts).due()
    assert draft is not None
    assert isinstance(draft.data, Health)
    found = {(fault.code, fault.component): fault for fault in draft.data.faults}
    assert "set aside as orders.json.damaged" in found["orders_lost", "tasks"].text
    assert "No space left" in found["orders_not_stored", "sos"].text
    assert found["mode_refused", "mode"].severity == "warning"


def test_the_longest_route_is_taken_at_once(tmp_path: Path) -> None:
    """5,000 points, the most the contract allows: written, matched and told in good time."""
    office = app_in(tmp_path).parts.office
    route = [{"lat_deg": 52.5 + n / 1e5, "lon_deg": 13.4 + n % 2 / 1e5} for n in range(5000)]
    order = TaskAssign.model_validate(
        {"task": uuid7(office._now(None).utc), "place": route[-1], "route": route}
    )
    office.desk._teller.tell = lambda events: None  # type: ignore[method-assign]
    begun_s = office._clock.mono_s()
    office.desk.do(lambda page: moves.assign(page, office._config, order, order.task))
    office.desk.do(lambda page: moves.act(page, None, "acknowledge"))
    took_s = office._clock.mono_s() - begun_s
    assert took_s < 2.0, "some tens of milliseconds each, on an idle machine"
    assert (tmp_path / "state" / "orders.json").stat().st_size < 400_000


def test_a_suspension_does_not_put_deadlines_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The monotonic clock stands still; what was due meanwhile is told when the unit wakes."""
    slept = {"s": 0.0}
    monkeypatch.setattr("edge.tasks.office.asleep_s", lambda: slept["s"])
    app = app_in(tmp_path)
    office, clock = app.parts.office, ManualClock()
    office._clock = clock
    office._timebase = Timebase(clock, synchronised=True)
    at = clock.utc() + timedelta(seconds=300)
    place = {"lat_deg": 52.5, "lon_deg": 13.4}
    deadline = {"state": "acknowledged", "at": at, "remind_before_s": 0}
    order = TaskAssign.model_validate(
        {"task": uuid7(clock.utc()), "place": place, "deadlines": [deadline]}
    )
    office.desk.do(lambda page: moves.assign(page, office._config, order, order.task))
    office.desk.tick(None)
    clock.jump_utc(400)
    slept["s"] = 400.0
    office.desk.tick(None)
    task = office.desk.book.current
    assert task is not None
    assert [due.overdue for due in task.deadlines] == [True]
    assert office.desk.would(lambda page: page.now.since_s(task.received)) is None
