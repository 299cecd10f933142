"""The crew's commands against a desk behind a real socket: what they say, and how they end."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.loading import load
from drivers.clock import SystemClock
from drivers.gnss.route import moved
from edge.cli.main import main
from edge.local.control import LocalControl
from edge.tasks import moves
from edge.tasks.local import controls
from edge.tasks.memory import Memory
from edge.tasks.modes import Tuning
from edge.tasks.sos import SosBook, SosDesk
from edge.tasks.teller import Teller
from telemetry.contract.uuid7 import uuid7
from tests.duty_desk import TOWN, World, wire_place
from tests.e2e.unit_process import write_unit_file
from tests.unit_under_test import wait_for


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[World]:
    """A unit with a task 500 m away, and its socket."""
    world = World(tmp_path)
    sos = SosDesk(
        Memory(tmp_path / "sos.json", SosBook),
        Teller(world.outbox),  # type: ignore[arg-type]
        world.now,
        lambda draft: None,
    )
    settings = load(write_unit_file(tmp_path, "mqtt://127.0.0.1:1"), {}).settings
    local, stop = LocalControl(tmp_path, SystemClock()), threading.Event()
    for name, control in controls(
        world.desk, sos, Tuning(settings, "routine"), world.config
    ).items():
        local.register(name, control)
    thread = threading.Thread(target=local.work, args=(lambda: None, stop))
    with capture_logs():  # what the unit logs does not belong to what the command says
        thread.start()
        assert wait_for(local.path.exists)
        yield world
        stop.set()
        thread.join(5)


def dispatched(world: World, **changes: object) -> str:
    world.be_at(TOWN, 0.0)
    changes = {"place": wire_place(moved(TOWN, 500, 0)), "title": "shop alarm"} | changes
    order = world.order(**changes)
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))
    return order.task


def told(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main([*words, "--state-dir", str(world.folder)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_a_task_from_the_list_to_its_end(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    task = dispatched(unit)
    code, out, _ = told(unit, capsys, "task", "list")
    assert code == 0
    assert out == (
        f"at work  {task}  shop alarm, priority 2: assigned, 650 m to go, there in 1 min 18 s\n"
    )
    assert told(unit, capsys, "task", "ack")[1].startswith(f"{task}: acknowledged, 650 m to go")
    assert told(unit, capsys, "task", "enroute", task[-4:])[1].startswith(f"{task}: en route")
    assert told(unit, capsys, "task", "arrive")[:2] == (0, f"{task}: arrived\n")
    assert told(unit, capsys, "task", "handle")[0] == 0
    code, out, _ = told(unit, capsys, "task", "close", "--disposition", "settled")
    assert (code, out) == (0, f"{task}: closed\n")
    code, out, err = told(unit, capsys, "task", "list")
    assert "ended    " in out
    assert "closed, settled" in out
    assert err == "no open task\n"
    code, out, _ = told(unit, capsys, "task", "show", task)
    assert "  arrived    2026-06-01T" in out
    assert ", after 0 s" in out


def test_a_title_is_one_line_whatever_the_hub_writes(
    unit: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(unit, title="shop\x1b[2J\nended    nothing", handover_from="car\r-1")
    for words in (("task", "list"), ("task", "show")):
        code, out, _ = told(unit, capsys, *words)
        assert code == 0
        assert all(line.isprintable() for line in out.removesuffix("\n").split("\n"))
    assert len(told(unit, capsys, "task", "list")[1].splitlines()) == 1


def test_what_cannot_be_is_told_with_its_cure(
    unit: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(unit)
    code, out, err = told(unit, capsys, "task", "handle")
    assert (code, out) == (1, "")
    assert err == (
        "error: a task that is assigned cannot be handled; it can be acknowledged, refused, "
        "cancelled\n  → `patrol-edge task list` shows them all\n"
    )
    code, _, err = told(unit, capsys, "task", "ack", "zzz")
    assert code == 2
    assert "no task's id ends with zzz" in err
    code, _, err = told(unit, capsys, "duty", "set", "standby")
    assert code == 1
    assert "close it, hand it over or refuse it first" in err


def test_a_hand_over_says_that_it_is_an_offer(
    unit: World, capsys: pytest.CaptureFixture[str]
) -> None:
    task = dispatched(unit)
    told(unit, capsys, "task", "ack")
    code, out, err = told(unit, capsys, "task", "handover", "--to", "car-08")
    assert code == 0
    assert out.startswith(f"{task}: acknowledged")
    assert (
        err == "offered to car-08: this unit keeps it until that one accepts, within 2 min 00 s\n"
    )
    assert "offered to car-08" in told(unit, capsys, "task", "list")[1]
    code, _, err = told(unit, capsys, "task", "handover", "--to", "car-09")
    assert code == 1
    assert "offered to car-08 already" in err


def test_refusing_gives_the_reason_to_the_hub(
    unit: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatched(unit)
    assert told(unit, capsys, "task", "refuse", "--reason", "flat tyre")[0] == 0
    last = unit.outbox.tasks[-1]
    assert (last.state, last.reason) == ("refused", "flat tyre")


def test_machines_get_json(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    task = dispatched(unit)
    for words in (("task", "list"), ("task", "show"), ("task", "ack"), ("duty",), ("sos",)):
        code, out, _ = told(unit, capsys, *words, "--json")
        assert code == 0
        assert json.loads(out)
    code, out, _ = told(unit, capsys, "duty", "--json")
    answer = json.loads(out)
    assert (answer["duty"], answer["task"]) == ("dispatched", task)
    assert "sos" in answer


def test_duty_and_the_call_for_help(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(unit, capsys, "duty")[1] == "on patrol, mode routine\n"
    assert told(unit, capsys, "duty", "set", "standby")[1] == "standby, was on patrol\n"
    assert told(unit, capsys, "duty", "set", "standby")[1] == "standby already\n"
    code, out, _ = told(unit, capsys, "sos", "--cause", "fall", "--text", "on the stairs")
    assert code == 0
    assert out.startswith("calling for help since 2026-06-01T12:00:00.000Z")
    assert "CALL FOR HELP since" in told(unit, capsys, "duty")[1]
    assert told(unit, capsys, "sos", "cancel", "--reason", "up again")[0] == 0
    code, _, err = told(unit, capsys, "sos", "cancel")
    assert (code, err.splitlines()[0]) == (1, "error: there is no call for help")


def test_a_text_that_is_too_long_is_wrong_usage(
    unit: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = told(unit, capsys, "sos", "--text", "x" * 501)
    assert code == 2
    assert "text" in err


def test_without_a_unit_the_cure_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["task", "list", "--state-dir", str(tmp_path)]) == 1
    assert "systemctl start patrol-edge" in capsys.readouterr().err


def test_whoever_calls_for_help_in_vain_is_sent_to_the_radio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sos", "--state-dir", str(tmp_path)]) == 1
    told_so = capsys.readouterr().err
    assert "do not count on help, no unit runs" in told_so
    assert "→ use the radio; then: start it" in told_so
