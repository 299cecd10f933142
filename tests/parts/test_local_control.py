"""Control on the spot: a real socket, and callers of all kinds."""

import json
import os
import selectors
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.language import localized, said, tell
from drivers.clock import SystemClock
from edge.local import control as local_control
from edge.local.asking import NoUnitError, ask
from edge.local.control import Call, LocalControl
from edge.local.unix_socket import address_of, listening
from telemetry.commands.handling import OrderFailedError, OrderRefusedError
from tests.unit_under_test import wait_for


@contextmanager
def serving(folder: Path, **handlers: Callable[[Call], Any]) -> Iterator[LocalControl]:
    control, stop = LocalControl(folder, SystemClock()), threading.Event()
    for name, handler in handlers.items():
        control.register(name, handler)
    thread = threading.Thread(target=control.work, args=(lambda: None, stop), daemon=True)
    thread.start()
    try:
        # The name is there a moment before anybody listens.
        assert wait_for(lambda: control.fault or _connects(control.path))
        yield control
    finally:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def _connects(path: Path) -> bool:
    if not path.exists():
        return False
    with address_of(path) as address, socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(address) == 0


def raw(path: Path, data: bytes, *, finish: bool = False) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            if finish:
                connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()
    return b""


def test_an_answer_comes_back_with_who_asked(tmp_path: Path) -> None:
    heard: list[Call] = []

    def note(call: Call) -> dict[str, Any]:
        heard.append(call)
        call.progress(50, "half")
        return {"n": call.args["n"] + 1}

    told: list[tuple[int, str]] = []
    with serving(tmp_path, note=note) as control:
        mode = control.path.stat().st_mode
        answer = ask(tmp_path, "note", {"n": 1}, progress=lambda *step: told.append(step))
    assert answer == {"n": 2}
    assert told == [(50, "half")]
    assert heard[0].issuer.startswith("local:")
    assert heard[0].uid == os.getuid()
    assert stat.S_IMODE(mode) == 0o660
    assert not control.path.exists(), "it goes with its unit"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may speak for somebody else")
def test_root_says_for_whom_it_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "li.wei")
    with serving(tmp_path, who=lambda call: {"who": call.issuer}):
        assert ask(tmp_path, "who") == {"who": "local:li.wei"}


def test_refusals_and_failures_come_with_their_code(tmp_path: Path) -> None:
    def refuse(_call: Call) -> None:
        raise OrderRefusedError("busy", "another task is on")

    def fail(_call: Call) -> None:
        raise OrderFailedError("jammed", "the lamp does not turn")

    with serving(tmp_path, refuse=refuse, fail=fail):
        for name, code in (("refuse", "busy"), ("fail", "jammed"), ("dance", "unsupported")):
            with pytest.raises(OrderRefusedError) as caught:
                ask(tmp_path, name)
            assert caught.value.code == code


def test_a_refusal_can_be_said_in_another_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_call: Call) -> None:
        why = tell("it works on a task ({state})", state="en_route")
        raise OrderRefusedError("busy", tell("the unit is active: {why}", why=why))

    monkeypatch.setenv("LANGUAGE", "zh_CN")
    with serving(tmp_path, x=refuse), pytest.raises(OrderRefusedError) as refused:
        ask(tmp_path, "x")
    assert str(refused.value) == "the unit is active: it works on a task (en_route)"
    assert localized(said(refused.value)) == "单元正在工作：正在执行任务（en_route）"  # noqa: RUF001


def test_where_no_unit_runs_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoUnitError, match="no unit runs") as caught:
        ask(tmp_path, "ping")
    assert "systemctl start" in caught.value.cure
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NoUnitError, match="no unit runs"):
        ask(tmp_path, "ping")


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with serving(tmp_path):
        assert wait_for(lambda: _answers(tmp_path))


def _answers(folder: Path) -> bool:
    with suppress(NoUnitError):
        return ask(folder, "ping")["pid"] == os.getpid()
    return False


def test_a_file_in_the_way_is_a_fault_and_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("mine")
    with serving(tmp_path) as control:
        assert wait_for(lambda: control.fault)
        assert path.read_text() == "mine"
        path.unlink()
        assert wait_for(lambda: _answers(tmp_path))
        assert control.fault is None


def test_where_the_disk_takes_no_socket_it_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that has gone read-only keeps nobody from calling for help."""
    monkeypatch.setattr("edge.local.unix_socket.SPARE_FOLDER", tmp_path / "run")
    (tmp_path / "card").write_text("no folder can be made here")
    state, other = tmp_path / "card" / "state", tmp_path / "card" / "other"
    control, stop = LocalControl(state, SystemClock()), threading.Event()
    thread = threading.Thread(target=control.work, args=(lambda: None, stop), daemon=True)
    thread.start()
    try:
        assert wait_for(lambda: _answers(state))
        assert control.fault is None
        with pytest.raises(NoUnitError, match="no unit runs"):
            ask(other, "ping")  # each folder has a name of its own there
        (spare,) = (tmp_path / "run").iterdir()
        assert spare.stat().st_mode & 0o777 == 0o660
    finally:
        stop.set()
        thread.join(5)
    assert not list((tmp_path / "run").iterdir())


def test_a_second_unit_does_not_take_the_socket_away(tmp_path: Path) -> None:
    with serving(tmp_path), serving(tmp_path) as second:
        assert wait_for(lambda: second.fault)
        assert "another process" in str(second.fault)
        assert _answers(tmp_path)


def test_a_busy_unit_does_not_lose_its_socket_to_a_second_one(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path, 0), socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(path))  # and nobody accepts: the queue is full
        with pytest.raises(OSError, match="another process answers"), listening(path, 0):
            pass
        assert path.exists()


def test_a_socket_that_was_deleted_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_control, "LOOK_AT_NAME_S", 0.1)
    with serving(tmp_path) as control:
        control.path.unlink()
        assert wait_for(lambda: _answers(tmp_path))


def test_a_long_path_will_do(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / "state"
    folder.mkdir(parents=True)
    with serving(folder):
        assert _answers(folder)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b'{"name":1}\n',
        b'{"name":"ping","args":[]}\n',
        b'{"name":"ping","name":"ping"}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b"x" * 70_000,
        b"x" * 70_000 + b"\n",
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_request_is_refused(tmp_path: Path, line: bytes) -> None:
    with serving(tmp_path) as control:
        answer = raw(control.path, line)
        assert not answer or json.loads(answer)["code"] == "malformed"
        assert _answers(tmp_path)


def test_whoever_says_nothing_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_control, "REQUEST_WITHIN_S", 0.3)
    with serving(tmp_path) as control:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(30)]
        for each in silent:
            each.settimeout(10)
            with suppress(BlockingIOError):
                each.connect(str(control.path))
        assert wait_for(lambda: _answers(tmp_path))
        for each in silent:
            each.close()
        assert b"no line came in time" in raw(control.path, b'{"name":')


def test_who_had_to_leave_in_the_round_in_which_it_spoke_ends_nothing(tmp_path: Path) -> None:
    """The selector tells of a newcomer and of the oldest caller at once; the newcomer is first."""
    control = LocalControl(tmp_path, SystemClock())
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as ears:
        gone = listener.fileno() + 100
        control._hear(gone, listener, ears)
    assert not control._callers


def test_whoever_does_not_read_holds_nobody_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_control, "WRITE_WITHIN_S", 0.2)
    much = {"x": "y" * 4_000_000}
    with (
        serving(tmp_path, much=lambda _call: much) as control,
        socket.socket(socket.AF_UNIX) as deaf,
    ):
        deaf.connect(str(control.path))
        deaf.sendall(b'{"name":"much"}\n')
        time.sleep(0.3)
        assert wait_for(lambda: _answers(tmp_path))


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_line_gets_an_answer_or_none(data: bytes) -> None:
    answer = raw(_shared_control().path, data + b"\n")
    assert not answer or b"ok" in answer


_SHARED: list[LocalControl] = []


def _shared_control() -> LocalControl:
    return _SHARED[0]


@pytest.fixture(autouse=True, scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with serving(tmp_path_factory.mktemp("shared")) as control:
        _SHARED.append(control)
        yield
        _SHARED.clear()
