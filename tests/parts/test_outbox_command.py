"""`patrol-edge outbox` as a technician uses it: while the unit runs, and when it does not."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from edge.cli.main import main
from edge.local.control import Call, LocalControl
from edge.local.outbox import outbox_controls
from edge.running.state_lock import lock_state
from telemetry.commands.handling import OrderRefusedError
from tests.parts.test_outbox import Worked, numbers, worked
from tests.unit_under_test import position, wait_for

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The exit code, the lines of the result, and the lines beside it."""

    def call(verb: str, *args: object) -> tuple[int, list[str], list[str]]:
        code = main(["outbox", verb, "--state-dir", str(tmp_path), *map(str, args)])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return call


def filled(folder: Path) -> Worked:
    it = Worked(folder / "outbox.db")
    for n in range(20):
        it.put(n, (3, 1)[n % 2], durable=n == 19)
    it.outbox.park(numbers(it.take_all())[:2], "the broker refused it with code 0x99", 8)
    assert wait_for(lambda: it.outbox.stats().parked == 2)
    return it


def test_status_peek_and_export_while_the_unit_works(tmp_path: Path, run: Run) -> None:
    it = filled(tmp_path)
    try:
        code, out, _ = run("status", "--json")
        told = json.loads(out[0])
        assert (code, told["depth"], told["last_sequence"]) == (0, 18, 20)
        assert [lane["depth"] for lane in told["by_priority"]] == [0, 8, 0, 10, 0]
        assert told["by_priority"][1]["oldest_age_s"] < 60
        assert [(row["sequence"], row["refusals"]) for row in told["parked"]] == [(2, 8), (4, 8)]
        _, out, _ = run("status")
        assert any("0x99, 8 times" in line for line in out)

        code, out, _ = run("peek", "--limit", 9, "--json")
        rows = [json.loads(line) for line in out]
        assert [row["priority"] for row in rows] == [1] * 8 + [3]
        assert rows[0]["message"]["type"] == "patrol.position.v1"

        code, out, _ = run("export", tmp_path / "all.jsonl")
        assert (code, out) == (0, [f"18 messages are in {tmp_path / 'all.jsonl'}"])
        assert stat.S_IMODE((tmp_path / "all.jsonl").stat().st_mode) == 0o600
        assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 18
        assert it.put(1) == 21  # nobody was disturbed
    finally:
        it.stop()


def test_rows_are_laid_aside_and_back_while_no_unit_runs(tmp_path: Path, run: Run) -> None:
    filled(tmp_path).stop()
    assert run("park", 6, 8, 99)[:2] == (0, ["2 messages are laid aside"])
    assert run("unpark", "--all")[:2] == (0, ["4 messages are to be sent again"])
    assert run("unpark", "--all")[0] == 2
    code, _, err = run("unpark", 7)
    assert (code, err[0]) == (1, "error: none of 7 is laid aside")
    with worked(tmp_path / "outbox.db") as it:
        assert sorted(numbers(it.take_all())) == list(range(1, 21))


def test_what_a_killed_unit_left_in_its_log_is_seen(tmp_path: Path, run: Run) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from tests.parts.test_outbox import Worked\n"
        "it = Worked(pathlib.Path(sys.argv[1]) / 'outbox.db')\n"
        "assert [it.put(n) for n in range(5)][-1] == 5\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    assert (tmp_path / "outbox.db-wal").exists()
    code_told, out, _ = run("status", "--json")
    assert (code_told, json.loads(out[0])["depth"]) == (0, 5)
    assert len(run("peek")[1]) == 5


def test_a_running_unit_moves_its_rows_itself(tmp_path: Path, run: Run) -> None:
    it = filled(tmp_path)
    control, stop = LocalControl(tmp_path, SystemClock()), threading.Event()
    for name, handler in outbox_controls(it.outbox, tmp_path / "outbox.db").items():
        control.register(name, handler)
    serving = threading.Thread(target=control.work, args=(lambda: None, stop))
    handle = lock_state(tmp_path)
    assert handle is not None
    serving.start()
    try:
        assert wait_for((tmp_path / "control.sock").exists)
        assert json.loads(run("status", "--json")[1][0])["running"] is True
        code, out, _ = run("park", 6, 8, 99)  # the lines before are the unit's own journal
        assert (code, out[-1]) == (0, "2 messages are laid aside")
        assert it.outbox.stats().parked == 4
        told = json.loads(run("unpark", 2, 99, "--json")[1][-1])
        assert told == {"moved": [2], "missing": [99]}
        causes = {row["cause"] for row in json.loads(run("status", "--json")[1][0])["parked"]}
        assert any(cause.startswith("laid aside by hand: local:") for cause in causes)
    finally:
        stop.set()
        serving.join()
        os.close(handle)
        it.stop()


def test_a_running_unit_that_does_not_answer_keeps_its_file(tmp_path: Path, run: Run) -> None:
    filled(tmp_path).stop()
    handle = lock_state(tmp_path)
    assert handle is not None
    try:
        code, _, err = run("park", 6)
        assert code == 1
        assert len(err) == 2
    finally:
        os.close(handle)
    assert run("park", 6)[0] == 0


@pytest.mark.parametrize(
    "sequences", [None, [], "6", [0], [True], [1.5], [2**60], list(range(1, 10_002))]
)
def test_what_is_no_sequence_is_refused(tmp_path: Path, sequences: object) -> None:
    it = filled(tmp_path)
    handler = outbox_controls(it.outbox, tmp_path / "outbox.db")["outbox.park"]
    call = Call(
        name="outbox.park",
        args={"sequences": sequences},
        issuer="local:root",
        uid=0,
        progress=lambda *_: None,
    )
    with pytest.raises(OrderRefusedError):
        handler(call)
    it.stop()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no queue at"),
        (b"", "is empty"),
        (b"no database" * 1000, "is no queue of patrol-edge"),
    ],
)
def test_a_file_that_is_no_queue_is_told(
    tmp_path: Path, run: Run, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "outbox.db").write_bytes(content)
    for verb, *args in (["status"], ["peek"], ["export", tmp_path / "x"], ["park", 1]):
        code, out, err = run(verb, *args)
        assert (code, out) == (1, [])
        assert told in err[0]
        assert err[1].startswith("  → ")
    assert not (tmp_path / "x").exists()


def test_a_database_of_another_program_is_told(tmp_path: Path, run: Run) -> None:
    other = sqlite3.connect(tmp_path / "outbox.db")
    other.execute("CREATE TABLE letters (text)")
    other.commit()
    other.close()
    code, _, err = run("status")
    assert code == 1
    assert "another program" in err[0]


def test_damage_inside_the_file_is_told(tmp_path: Path, run: Run) -> None:
    with worked(tmp_path / "outbox.db") as it:
        for n in range(3000):
            it.put(n, durable=n == 2999)
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek(100_000)
        file.write(b"\xa5" * 400_000)
    code, _, err = run("export", tmp_path / "x")
    assert code == 1
    assert "is damaged" in err[0]
    assert not (tmp_path / "x").exists()


def test_an_export_that_cannot_be_written_leaves_nothing(tmp_path: Path, run: Run) -> None:
    filled(tmp_path).stop()
    code, _, err = run("export", tmp_path / "no" / "folder" / "x")
    assert code == 1
    assert "cannot write" in err[0]
    assert run("export", tmp_path)[0] == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_user_without_rights_is_told(tmp_path: Path) -> None:
    filled(tmp_path).stop()
    (tmp_path / "outbox.db").chmod(0o600)
    code = (
        "import os, sys\n"
        "from edge.cli.main import build_parser, main\n"
        "build_parser()\n"
        "import config.operations, drivers.clock, telemetry.outbox.look\n"
        "import importlib.readers, edge.cli.unit.outbox_words, edge.running.state_lock\n"
        "os.setgid(65534); os.setuid(65534)  # who may not read the interpreter's own folder\n"
        "sys.exit(main(['outbox', 'status', '--state-dir', sys.argv[1]]))\n"
    )
    for parent in (tmp_path, *tmp_path.parents):
        if "pytest-" not in str(parent):  # not the folder for all
            break
        parent.chmod(0o755)
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert told.returncode == 1
    assert "may not be read by this user" in told.stderr
    (tmp_path / "outbox.db").chmod(0o644)  # readable, in a folder where nothing can be made
    (tmp_path / "lock").touch(0o600)
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert "18 messages wait" in told.stdout
    assert "whether the unit runs cannot be seen: ask with sudo" in told.stdout


def test_messages_of_an_earlier_version_without_parked_rows_are_seen(
    tmp_path: Path, run: Run
) -> None:
    filled(tmp_path).stop()
    db = sqlite3.connect(tmp_path / "outbox.db")
    db.execute("DROP TABLE parked")
    db.commit()
    db.close()
    assert json.loads(run("status", "--json")[1][0])["parked"] == []
    with worked(tmp_path / "outbox.db") as it:
        assert it.outbox.put(position(), durable=True).stored
