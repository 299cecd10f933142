"""`patrol-edge journal` and `control`, with a unit that runs and without one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.loading import load
from drivers.clock import SystemClock
from edge.cli.main import main
from edge.commands.commanding import Commanding
from edge.local.asking import ask
from edge.local.control import LocalControl
from edge.timebase import Timebase
from telemetry.commands.journal import journal_files
from telemetry.commands.jws import PrivateKey
from tests.commanded import Box, Commanded, Doer
from tests.e2e.unit_process import write_unit_file
from tests.unit_under_test import wait_for


def run(*words: str) -> int:
    try:
        return main(list(words))
    except SystemExit as error:
        return int(str(error.code))


@contextmanager
def commanding(folder: Path) -> Iterator[Commanding]:
    """The commanding of a unit, and its socket, without the rest of it."""
    settings = load(write_unit_file(folder, "mqtt://127.0.0.1:1")).settings
    clock, stop = SystemClock(), threading.Event()
    made = Commanding(settings, clock, Timebase(clock, synchronised=True), Box())
    local = LocalControl(settings.state_dir, clock)
    made.serve_locally(local)
    local.register("duty.set", lambda call: {"duty": call.args.get("duty")})
    local.register("duty.show", lambda _call: {"duty": "standby"})
    works = (made.work, made.work_long, local.work)
    threads = [threading.Thread(target=work, args=(lambda: None, stop)) for work in works]
    for thread in threads:
        thread.start()
    try:
        assert wait_for(lambda: local.path.exists() and made.journal.head.n)
        yield made
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def answered(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    # The unit's log, which runs in this process here, goes to the same place.
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_control_is_taken_returned_and_on_record(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--state-dir", str(state))
    with commanding(tmp_path) as unit:
        assert run("control", "take", *here, "--reason", "at the gate") == 0
        assert unit.commander == "local"
        assert "somebody on the spot" in capsys.readouterr().out
    with commanding(tmp_path) as unit:
        assert unit.commander == "local", "it outlives a restart"
        assert run("control", "status", *here, "--json") == 0
        assert answered(capsys)["commander"] == "local"
        assert run("control", "return", *here) == 0
        assert unit.commander == "hub"
        assert run("control", "trust-clock", *here) == 0
        ask(state, "duty.set", {"duty": "standby"})
        ask(state, "duty.show")
    assert run("control", "take", *here) == 1
    assert "no unit runs" in capsys.readouterr().err
    assert run("journal", "show", *here) == 0
    told = capsys.readouterr().out
    assert told.count("name=duty.") == 1, "what only looks is no record"
    for words in (
        "duty.set",
        "standby",
        "control_taken",
        "at the gate",
        "control_returned",
        "clock_trusted",
        "local:",
    ):
        assert words in told


def test_words_of_others_forge_no_line_and_no_fact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = Commanded(tmp_path)
    unit.handlers["ping"] = Doer()
    unit.pass_time(10)
    issuer = "x code=ok\x1b[2J\u202e\n     9  2026-06-01T12:00:00.000Z  refused"
    unit.send(unit.claims(issuer=issuer))
    unit.intake.close()
    assert run("journal", "show", "--state-dir", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert len(told.splitlines()) == unit.journal.head.n
    assert all(line.isprintable() for line in told.splitlines())
    assert 'issuer="x code=ok' in told


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_copy_goes_on_record_and_verifies_elsewhere(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str], running: bool
) -> None:
    copy, here = tmp_path / "copy.jsonl", ("--state-dir", str(state))
    words = ("journal", "export", str(copy), "--requester", "Wang", "--reason", "case 7", *here)
    with commanding(tmp_path) as unit:
        if running:
            assert run(*words) == 0
    if not running:
        assert run(*words) == 0
    capsys.readouterr()
    assert copy.stat().st_mode & 0o777 == 0o600
    exported = [json.loads(line) for line in copy.read_text().splitlines()]
    record = next(each for each in exported if each["what"] == "exported")
    assert (record["requester"], record["reason"]) == ("Wang", "case 7")
    key = state / "device.pub"
    assert run("journal", "verify", str(copy), "--key", str(key), "--json") == 0
    told = answered(capsys)
    assert told["whole"]
    assert told["key_proved"]
    assert unit.journal.head.n >= 2
    assert run("journal", "verify", *here) == 0
    assert "whole: records 1 to" in capsys.readouterr().out
    assert run("journal", "verify", str(copy)) == 0
    assert "give --key" in capsys.readouterr().err


def test_what_was_changed_is_named(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with commanding(tmp_path) as unit:
        for number in range(5):
            unit.journal.write("accepted", id=f"id-{number}")
    head = unit.journal.head
    here = ("--state-dir", str(state))
    assert run("journal", "verify", *here, "--head", f"{head.n}:{head.hash}") == 0
    assert run("journal", "verify", *here, "--head", f"{head.n + 9}:{head.hash}") == 1
    assert "the end is missing" in capsys.readouterr().out
    (tmp_path / "other.pub").write_text(PrivateKey.new().public.text)
    assert run("journal", "verify", *here, "--key", str(tmp_path / "other.pub")) == 1
    assert "not the device's" in capsys.readouterr().out
    (path,) = journal_files(state / "journal")
    path.write_bytes(path.read_bytes().replace(b"id-3", b"id-4"))
    assert run("journal", "verify", *here) == 1
    assert "NOT WHOLE: journal-000001.jsonl:5: changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("journal", "verify", "nothing"), 2),
        (("journal", "verify", "empty"), 1),
        (("journal", "verify", "garbage"), 1),
        (("journal", "verify", "--head", "x", "--state-dir", "."), 2),
        (("journal", "verify", "--state-dir", "."), 1),
        (("journal", "show", "--state-dir", "."), 1),
        (("journal", "export", "out", "--state-dir", "."), 2),
        (("journal", "export", "o", "--requester", " ", "--reason", "x", "--state-dir", "."), 2),
        (("journal", "export", "o", "--requester", "a", "--reason", "x", "--state-dir", "."), 1),
        (("control",), 2),
    ],
    ids=str,
)
def test_wrong_usage_and_nothing_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    Path("garbage").write_bytes(b"\xff\x00" * 100)
    assert run(*words) == code
    told = capsys.readouterr()
    assert told.err or "NOT WHOLE" in told.out
