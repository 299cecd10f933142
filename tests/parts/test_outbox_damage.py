"""Whatever a bad card does to the queue's files: it boots, tells no false message, numbers on."""

import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.cli.main import main
from telemetry.outbox.guard import guarded, unguarded
from telemetry.outbox.look import Look
from tests.fakes import ManualClock
from tests.torture.scribe import outbox_in
from tests.unit_under_test import position

ROWS = 600
FILES = ("outbox.db", "outbox.db-wal")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, tuple[str, bytes]]]:
    """A folder as a killed unit leaves it, and what its rows hold, by sequence."""
    folder = tmp_path_factory.mktemp("sound")
    outbox = outbox_in(folder, ManualClock())
    outbox.work(0)
    for number in range(ROWS):
        outbox.put(position(number, number % 5), durable=False)
        if number % 20 == 0:
            outbox.work(0)
    outbox.work(0)
    outbox.begin_session()
    outbox.work(0)
    outbox.park([each.row.sequence for each in outbox.take(20)], "refused", 8)
    outbox.work(0)
    home = tmp_path_factory.mktemp("killed")
    for name in (*FILES, "outbox.db.sequence", "outbox.db.sequence.last"):
        shutil.copy(folder / name, home / name)
    outbox.close()
    with Look.open(folder / "outbox.db") as look:
        rows = {row.sequence: (row.id, row.stored) for row in (*look.waiting(), *look.parked())}
    assert len(rows) == ROWS
    return home, rows


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that is possible: it is not the disk's speed that is tried."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def damage(path: Path, chance: random.Random) -> str:
    """One of the things that happen to files. Returns which."""
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    what = chance.choice(("flip", "flip", "truncate", "zeros", "noise", "page moved", "tail lost"))
    if what == "flip":
        for _ in range(chance.choice((1, 1, 8, 100))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif what == "truncate":
        del data[at:]
    elif what in ("zeros", "noise"):
        size = min(chance.choice((16, 512, 4096, 40_000)), len(data) - at)
        data[at : at + size] = bytes(size) if what == "zeros" else chance.randbytes(size)
    elif what == "page moved":
        one, other = (chance.randrange(len(data) // 4096) * 4096 for _ in range(2))
        data[one : one + 4096] = data[other : other + 4096]
    else:
        del data[-min(chance.choice((1, 4096, 9000)), len(data)) :]
    path.write_bytes(data)
    return what


def test_500_damages_never_a_crash_never_a_false_message_never_a_number_twice(
    sound: tuple[Path, dict[int, tuple[str, bytes]]], quick_folder: Path
) -> None:
    home, rows = sound
    chance = random.Random(2026)
    set_aside = found = 0
    for number in range(500):
        folder = quick_folder / str(number)
        shutil.copytree(home, folder)
        what = damage(folder / chance.choice(FILES), chance)
        where = f"{number}: {what}"

        left, aside, fresh = boots(folder, where)

        assert fresh > ROWS, where
        for sequence, row in left.items():
            assert row == rows.get(sequence), f"{where}: {sequence} is not what was stored"
        set_aside += aside
        found += len(left)
        shutil.rmtree(folder)
    assert set_aside > 100, "the damage is too small to prove anything"
    assert found > 500 * ROWS / 3, "too little is saved"


def boots(folder: Path, where: str) -> tuple[dict[int, tuple[str, bytes]], bool, int]:
    """Start on these files, send all that is there, put one. What there was; was it set aside."""
    clock = ManualClock()
    outbox = outbox_in(folder, clock)
    outbox.begin_session()
    left: dict[int, tuple[str, bytes]] = {}
    receipt = outbox.put(position(0, 0), durable=False)
    for _ in range(60):
        outbox.work(0)
        taken = [each.row for each in outbox.take(100)]
        for row in taken:
            stored = guarded(row.sequence, row.kind, row.id, row.body)
            assert left.setdefault(row.sequence, (row.id, stored)) == (row.id, stored), where
        outbox.acked(row.sequence for row in taken)
        if not taken and receipt.stored and not outbox.pending():
            break
        clock.advance(0.6)
    stats = outbox.stats()
    assert stats.fault is None, f"{where}: {stats.fault}"
    assert receipt.sequence is not None, where
    left.pop(receipt.sequence, None)
    outbox.close()
    return left, stats.set_aside > 0, receipt.sequence


def test_a_sequence_file_that_is_damaged_stops_nothing(
    sound: tuple[Path, dict[int, tuple[str, bytes]]], tmp_path: Path
) -> None:
    for number, content in enumerate((b"", b"x", b"\xff" * 99, b"9" * 400, b"-5", b"12\x00")):
        for name in ("outbox.db.sequence", "outbox.db.sequence.last"):
            folder = tmp_path / f"{number}-{name}"
            shutil.copytree(sound[0], folder)
            (folder / name).write_bytes(content)
            left, aside, fresh = boots(folder, str(content))
            assert (len(left), aside, fresh) == (ROWS - 20, False, ROWS + 1)


def test_a_flipped_bit_in_a_body_is_noticed() -> None:
    stored = guarded(7, "event", "id", b'"a":1')
    assert unguarded(7, "event", "id", stored) == b'"a":1'
    for index in range(len(stored)):
        wrong = stored[:index] + bytes([stored[index] ^ 1]) + stored[index + 1 :]
        assert unguarded(7, "event", "id", wrong) is None
    assert unguarded(8, "event", "id", stored) is None
    assert unguarded(7, "event", "other", stored) is None
    assert unguarded(7, "event", "id", "text") is None


def test_a_file_of_the_time_before_check_sums_is_taken_over(
    sound: tuple[Path, dict[int, tuple[str, bytes]]], tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    shutil.copytree(sound[0], folder)
    with closing(sqlite3.connect(folder / "outbox.db")) as db:
        for table in ("priority_0", "priority_1", "priority_2", "priority_3", "priority_4"):
            db.execute(f"UPDATE {table} SET body = substr(body, 1, length(body) - 4)")
        db.execute("PRAGMA user_version = 0")
        db.execute("DROP TABLE parked")
        db.commit()
    left, aside, _ = boots(folder, "old")
    assert not aside
    assert left == {n: row for n, row in sound[1].items() if n in left}
    assert len(left) == ROWS - 20


def test_a_technician_who_looks_at_damaged_files_gets_an_answer_or_a_clear_error(
    sound: tuple[Path, dict[int, tuple[str, bytes]]],
    quick_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home, _ = sound
    chance = random.Random(7)
    codes = set()
    for number in range(60):
        folder = quick_folder / str(number)
        shutil.copytree(home, folder)
        damage(folder / chance.choice(FILES), chance)
        for verb, *more in (["status"], ["peek"], ["export", str(folder / "x")], ["park", "9"]):
            code = main(["outbox", verb, "--state-dir", str(folder), *more])
            told = capsys.readouterr()
            codes.add(code)
            assert code in (0, 1)
            assert code == 0 or told.err.startswith("error: ")
        shutil.rmtree(folder)
    assert codes == {0, 1}
