"""Boards inside a unit: kept open, told of, asked through, and what their buttons do."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.boards import BoardConfig
from config.loading import load
from drivers.actuators.actuator import ActuatorReport, Output, Silence
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.clock import SystemClock
from drivers.platforms.orders import Aim
from drivers.samples import Done
from edge.acting.board_output import BoardOutput
from edge.app import App
from edge.body.board_news import MOST_WAITING, BoardNews, event_name
from edge.body.boards import Boards
from edge.reporting.health import HealthDesk
from firmware_bridge.runtime.orders import BoardIncident, BoardState
from telemetry.contract.events import BodyEvent
from telemetry.contract.unit import Health
from tests.boards import on, order, simulated
from tests.e2e.unit_process import write_unit_file
from tests.finders import Field
from tests.unit_under_test import wait_for
from tests.workers import working


def of(silent_after_s: float = 1.0, **ports: Path) -> Boards:
    configs = {
        name: BoardConfig(port=str(port), silent_after_s=silent_after_s)
        for name, port in ports.items()
    }
    return Boards(configs, SystemClock())


def codes(boards: Boards) -> dict[str, str]:
    found = boards.findings(SystemClock().mono_s())
    return {finding.component: finding.code for finding in found}


def there(boards: Boards, name: str = "payload") -> Callable[[], bool]:
    return lambda: boards.all[name].state is not None


def next_report(actuator: BoardOutput, wanted: Callable[[ActuatorReport], bool]) -> None:
    end_s = time.monotonic() + 3
    while time.monotonic() < end_s:
        sample = actuator.read()
        if isinstance(sample, ActuatorReport) and wanted(sample):
            return
    raise AssertionError("no such report came")


def answer(actuator: BoardOutput, request: Any) -> Done:
    actuator.ask(7, request)
    done = actuator.read()
    assert isinstance(done, Done)
    return done


def test_a_board_is_there_is_lost_and_is_there_again(tmp_path: Path) -> None:
    boards = of(payload=tmp_path / "board")
    with working(boards.works()):
        assert wait_for(lambda: codes(boards) == {"payload": "board_missing"}, 5)
        with simulated(tmp_path) as (_, control):
            assert wait_for(there(boards), 5)
            assert wait_for(lambda: codes(boards) == {}, 5)
            (identity,) = boards.identities()
            assert identity.serial == "SIM-0001"
            assert {each.name for each in boards.ambient()} == {
                "payload.board",
                "payload.searchlight",
            }
            order(control, "hang 3")
            assert wait_for(lambda: not there(boards)(), 3)
            assert wait_for(there(boards), 8)
            assert boards.all["payload"].health.outages >= 1
        assert wait_for(lambda: codes(boards) == {"payload": "board_missing"}, 5)


def test_what_is_wrong_with_a_board_has_its_code(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for name, options in {
            "old": ("--protocol", "1"),
            "one": (),
            "two": (),
            "hot": ("--serial", "H"),
        }.items():
            stack.enter_context(simulated(tmp_path, *options, name=name))
        boards = of(**{name: tmp_path / name for name in ("old", "one", "two", "hot")})
        with working(boards.works()):
            assert wait_for(there(boards, "hot"), 5)
            order(tmp_path / "hot.control", "fault overheat on")
            expected = {
                "old": "board_version",
                "one": "board_twin",
                "two": "board_twin",
                "hot": "board_fault",
            }
            assert wait_for(lambda: codes(boards) == expected, 8), codes(boards)
            for _ in range(40):  # while the old one is tried again and again
                time.sleep(0.05)
                assert codes(boards) == expected
            told = {each.component: each.text for each in boards.findings(time.monotonic())}
            assert "so has two" in told["one"]


def test_a_line_that_is_bad_is_said(tmp_path: Path) -> None:
    from firmware_bridge.runtime.orders import SetChannel

    boards = of(silent_after_s=10, payload=tmp_path / "board")
    with simulated(tmp_path) as (_, control), working(boards.works()):
        board = boards.all["payload"]
        assert wait_for(there(boards), 10)
        order(control, "flip 0.004")
        for _ in range(120):
            board.requests.ask(SetChannel(channel="beacon", level=0.5), 2.0)
        assert wait_for(lambda: codes(boards).get("payload") == "board_line_bad", 5)
        assert boards.round_trips()["board.payload"].resent > 5


def test_an_actuator_behind_a_board_closes_the_loop(tmp_path: Path) -> None:
    boards = of(payload=tmp_path / "board")
    board, clock = boards.all["payload"], SystemClock()
    with pytest.raises(DeviceUnavailableError, match="payload is not there"):
        BoardOutput.open(board, "siren", clock)
    with working(boards.works()):
        with simulated(tmp_path) as (_, control):
            assert wait_for(there(boards), 5)
            with pytest.raises(DeviceUnavailableError, match="no channel 'horn'; it has: search"):
                BoardOutput.open(board, "horn", clock)
            light = BoardOutput.open(board, "searchlight", clock)
            next_report(light, lambda report: report.measured and report.celsius == 25.0)
            began_s = time.monotonic()
            assert answer(light, Output(level=0.4, pattern="strobe")).ok
            next_report(light, lambda report: (report.level, report.pattern) == (0.4, "strobe"))
            assert time.monotonic() - began_s < 0.3
            assert "no pattern 'purr'" in answer(light, Output(level=1, pattern="purr")).text
            assert "no sound of its own" in answer(light, Silence()).text
            head = BoardOutput.open(board, "head", clock)
            assert answer(head, Aim(pan_deg=30)).ok
            next_report(head, lambda report: (report.pan_deg, report.tilt_deg) == (30, 0))
            assert "neither zoom nor presets" in answer(head, Aim(zoom=0.5)).text
            order(control, "fault overheat on")
            next_report(light, lambda report: report.level == 0 and report.fault == "overheat")
            assert "a fault of the board" in answer(light, Output(level=1)).text
            order(control, "fault overheat off")
            next_report(light, lambda report: report.fault is None)
            assert answer(light, Output(level=1)).ok
            light.close()
            assert wait_for(lambda: "searchlight" not in on(control), 3)
        with pytest.raises(DeviceLostError, match="payload has gone"):
            next_report(light, lambda _report: False)


def app_with(folder: Path, port: Path) -> App:
    sections = {"perception": {"enabled": False}, "boards": {"payload": {"port": str(port)}}}
    return App(load(write_unit_file(folder, "mqtt://127.0.0.1:1", **sections), {}))


def test_the_button_calls_for_help_and_the_stop_stops_all(tmp_path: Path) -> None:
    stop = threading.Event()
    with simulated(tmp_path) as (port, control):
        app = app_with(tmp_path, port)
        app.start()
        watcher = threading.Thread(target=app.watch, args=(stop.wait,))
        watcher.start()
        try:
            assert wait_for(there(app.parts.body.boards), 10)
            order(control, "press sos")
            assert wait_for(lambda: app.parts.office.sos.book.call is not None, 5)
            call = app.parts.office.sos.book.call
            assert call is not None
            assert (call.cause, call.issuer) == ("button", "board payload")
            order(control, "press estop")
            assert wait_for(lambda: app.parts.moving.missions.book.stopped_by is not None, 5)
            assert wait_for(lambda: '"events": []' in order(control, "state"), 5)
            draft = HealthDesk(app.parts).due()
            assert draft is not None
            assert isinstance(draft.data, Health)
            (rate,) = [each for each in draft.data.rates if each.name == "board.payload"]
            assert rate.p99_ms is not None
        finally:
            stop.set()
            watcher.join(10)
            assert app.stop() == []


def incident(what: Any, kind: str = "", number: int = 1) -> BoardIncident:
    return BoardIncident(
        mono_s=time.monotonic(),
        boot=1,
        number=number,
        what=what,
        subject="it",
        input_kind=kind,
        text="x",
    )


def test_what_the_hub_is_told_of_a_board(tmp_path: Path) -> None:
    field, calls, stops = Field(tmp_path), list[str](), list[str]()
    news = BoardNews(
        lambda cause, who, _words: calls.append(f"{cause} {who}"), stops.append, field.witness
    )
    news.hear("payload", incident("pressed", "sos"))
    assert calls == ["button board payload"]
    for each in (
        incident("dead_man"),
        incident("pressed", "emergency_stop"),
        incident("released", "emergency_stop"),
        incident("pressed", "light_bar"),
        incident("released", "siren"),
        incident("pressed", "cover"),
        incident("released", "sos"),
        incident("boot"),
    ):
        news.hear("payload", each)
    news.tell()
    assert stops == ["the button it of board payload"]
    boards = of(payload=tmp_path / "x").all
    boards["payload"].state = BoardState(mono_s=1.0, uptime_s=1.0, inputs={"it": True})
    assert news.stop_held(boards) == stops[0]
    boards["payload"].state = BoardState(mono_s=2.0, uptime_s=2.0, inputs={"it": False})
    assert news.stop_held(boards) is None
    boards["payload"].state = None
    assert news.stop_held(boards) is None, "it is away"
    assert [each.what for each in field.told(BodyEvent)] == [
        *("dead_man", "estop", "estop_released", "light_bar_on", "siren_off"),
        *("cover_open", "board_started"),
    ]
    assert event_name(incident("other")) is None


def test_an_emergency_stop_waits_for_nothing_that_is_to_be_told(tmp_path: Path) -> None:
    field, order = Field(tmp_path), list[str]()
    news = BoardNews(lambda *_: None, lambda by: order.append(f"stopped by {by}"), field.witness)
    for number in range(MOST_WAITING + 1):
        news.hear("payload", incident("dead_man", number=number))
    news.hear("payload", incident("pressed", "emergency_stop"))
    assert news.overflow == 2, "one too many, and the word of the stop; not the stop"
    news.tell()
    assert order == ["stopped by the button it of board payload"]
    assert len(field.told(BodyEvent)) == MOST_WAITING


def test_an_incident_that_comes_again_is_told_once(tmp_path: Path) -> None:
    board, first = of(payload=tmp_path / "x").all["payload"], incident("pressed", "sos")
    assert board.is_news(first)
    assert not board.is_news(replace(first, mono_s=first.mono_s + 0.2))
    assert board.is_news(replace(first, number=2))
    assert board.is_news(replace(first, mono_s=first.mono_s + 5)), "of another start, badly counted"
