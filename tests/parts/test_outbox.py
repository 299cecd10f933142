"""The outbox on real files: durable, in order, bounded, and never beaten by a damaged disk."""

import contextlib
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.clock import SystemClock
from telemetry.contract.envelope import Sender
from telemetry.outbox.facts import Outgoing
from telemetry.outbox.outbox import Outbox
from telemetry.outbox.rescue import aside
from tests.fakes import ManualClock
from tests.unit_under_test import position, state, wait_for

MIB = 2**20


class Worked:
    """An outbox with its worker thread; what a publisher does is done by the test."""

    def __init__(self, path: Path, max_bytes: int = 64 * MIB, unit: str = "dog-1") -> None:
        sender = Sender(unit=unit, boot_id="boot")
        self.outbox = Outbox(path, sender, SystemClock(), max_bytes)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stop.is_set():
            self.outbox.work(0.05)

    def put(self, number: int, priority: int = 1, *, durable: bool = True) -> int | None:
        return self.outbox.put(position(number, priority), durable=durable).sequence

    def take_all(self, *, step: int = 50) -> list[Outgoing]:
        assert wait_for(lambda: self.outbox.stats().size_bytes > 0)  # the file is open
        self.outbox.begin_session()
        taken: list[Outgoing] = []
        expected = self.outbox.stats().depth
        wait_for(lambda: taken.extend(self.outbox.take(step)) or len(taken) >= expected, 5)
        return taken

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()
        self.outbox.close()


@contextlib.contextmanager
def worked(path: Path, max_bytes: int = 64 * MIB, unit: str = "dog-1") -> Iterator[Worked]:
    it = Worked(path, max_bytes, unit)
    try:
        yield it
    finally:
        it.stop()


def numbers(taken: list[Outgoing]) -> list[int]:
    return [outgoing.row.sequence for outgoing in taken]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def test_a_durable_put_is_in_the_file_when_it_returns(path: Path) -> None:
    with worked(path) as it:
        sequence = it.put(1)

        with contextlib.closing(sqlite3.connect(path)) as reader:
            assert reader.execute("SELECT sequence FROM priority_1").fetchall() == [(sequence,)]


def test_a_quick_put_is_on_the_disk_within_its_group_time(path: Path) -> None:
    with worked(path) as it:
        it.put(0)
        receipt = it.outbox.put(position(), durable=False)

        assert not receipt.stored
        assert wait_for(lambda: receipt.stored, 5.0)


def test_sequences_have_no_gap_over_restarts_and_empty_tables(path: Path) -> None:
    seen = []
    for start in range(3):
        with worked(path) as it:
            seen += [it.put(n) for n in range(5)]
            if start == 1:  # the table is empty when it is opened next
                it.outbox.acked(numbers(it.take_all()))
    assert seen == list(range(1, 16))


def test_rows_come_back_after_a_restart_until_they_are_acknowledged(path: Path) -> None:
    with worked(path) as it:
        for n in range(10):
            it.put(n)
        it.outbox.acked(numbers(it.take_all())[:4])
    with worked(path) as it:
        again = it.take_all()
        assert numbers(again) == [5, 6, 7, 8, 9, 10]
        assert not any(outgoing.live for outgoing in again)
        assert it.outbox.pending() == 6


def test_nothing_that_was_not_taken_can_be_acknowledged_away(path: Path) -> None:
    with worked(path) as it:
        it.put(1)
        it.outbox.acked([1, 2, 2**63])
        it.put(2)
        assert it.outbox.pending() == 2


def test_live_first_then_the_backlog_each_by_priority(path: Path) -> None:
    with worked(path) as it:
        for priority in (4, 3, 1, 3, 0):
            it.put(0, priority)
        it.outbox.begin_session()
        assert wait_for(lambda: it.outbox.stats().fault is None)
        assert wait_for(lambda: it.outbox._desk.lanes is not None)
        for priority in (3, 1):
            it.put(0, priority)

        taken: list[Outgoing] = []
        assert wait_for(lambda: taken.extend(it.outbox.take(20)) or len(taken) == 7)

        assert [(t.live, t.row.priority) for t in taken[:2]] == [(True, 1), (True, 3)]
        assert [t.row.priority for t in taken[2:]] == [0, 1, 3, 3, 4]
        assert numbers(taken)[4:6] == [2, 4]


def test_a_new_session_gives_everything_but_what_is_still_held(path: Path) -> None:
    with worked(path) as it:
        for n in range(300):
            it.put(n, durable=n == 299)
        assert wait_for(lambda: it.outbox.stats().depth == 300)
        it.outbox.begin_session()
        held: list[Outgoing] = []
        assert wait_for(lambda: held.extend(it.outbox.take(7)) or len(held) >= 70)
        it.outbox.release(numbers(held)[:3])

        rest: set[int] = set()
        it.outbox.begin_session()
        assert wait_for(lambda: rest.update(numbers(it.outbox.take(50))) or len(rest) >= 233)

        assert rest == set(range(1, 301)) - set(numbers(held)[3:])


def test_only_the_newest_state_may_replace_the_retained_one(path: Path) -> None:
    with worked(path) as it:
        for _ in range(3):
            it.outbox.put(state(), durable=True)
        assert [outgoing.newest for outgoing in it.take_all()] == [False, False, True]
        it.outbox.acked([3])
        it.put(1)
    with worked(path) as it:  # the newest is delivered and gone; the older ones stay old
        newest = {t.row.sequence: t.newest for t in it.take_all() if t.row.kind == "state"}
        assert newest == {1: False, 2: False}


def test_many_threads_get_different_sequences(path: Path) -> None:
    found: list[int | None] = []
    with worked(path) as it:
        threads = [
            threading.Thread(target=lambda: found.extend(it.put(n) for n in range(25)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(n for n in found if n) == list(range(1, 201))


# --- full ---


def test_a_full_queue_thins_positions_and_keeps_every_alert(path: Path) -> None:
    """5 MiB for about 9 MB: diagnostics go first, then positions by geometry, alerts never."""
    with worked(path, 5 * MIB) as it:
        alerts = 0
        for n in range(20_000):
            priority = (3, 3, 3, 4, 3, 3, 3, 4, 3, 1)[n % 10] if n < 19_500 else 1
            alerts += priority == 1
            it.put(n, priority, durable=n % 500 == 0)
        assert wait_for(lambda: it.outbox.stats().in_memory == 0)
        assert wait_for(lambda: not it.outbox._desk.disk.trimming)
        stats = it.outbox.stats()
        taken = it.take_all()
        files = sum(p.stat().st_size for p in path.parent.glob("outbox.db*"))

    assert files <= 5 * MIB
    assert stats.by_priority[1] == alerts
    assert stats.fault is None
    assert {"full_diagnostics", "full_positions_thinned"} >= set(stats.drops)
    assert stats.drops["full_positions_thinned"] > 1000
    assert sum(stats.drops.values()) + stats.depth == 20_000
    assert stats.tolerance_m >= 10
    assert stats.dropped_s is not None
    # Thinned, not cut off: what is left still spans the whole time.
    positions = sorted(t.row.sequence for t in taken if t.row.priority == 3)
    assert positions[0] == 1
    assert positions[-1] > 19_000
    assert len(taken) == stats.depth
    with worked(path, 5 * MIB) as it:  # what was dropped is not forgotten
        assert wait_for(lambda: it.outbox.stats().size_bytes > 0)
        assert it.outbox.stats().drops == {}
        assert it.outbox.stats().drops_ever == stats.drops
        assert it.outbox.stats().tolerance_m == stats.tolerance_m


def test_a_flood_of_alerts_leaves_room_for_a_call_for_help(path: Path) -> None:
    with worked(path, 4 * MIB) as it:
        for n in range(4000):
            it.put(n, 1, durable=False)
        assert wait_for(lambda: "priority 0" in (it.outbox.stats().fault or ""), 20)
        assert it.put(0, 1) is None  # at once: nobody waits for room that there is not
        assert it.put(0, 0) is not None  # it has a reserve
        assert it.put(0, 3) is None


# --- parked ---


def test_what_is_parked_blocks_nobody_and_comes_back_when_asked(path: Path) -> None:
    with worked(path) as it:
        for n in range(10):
            it.put(n)
        taken = numbers(it.take_all())
        it.outbox.park(taken[:3], "the broker refused it (0x99)", 8)
        assert wait_for(lambda: it.outbox.stats().parked == 3)
        it.outbox.acked(taken)  # too late for those three: they are not with the publisher
        assert wait_for(lambda: it.outbox.stats().depth == 0)
        assert it.outbox.pending() == 0
    with contextlib.closing(sqlite3.connect(path)) as reader:
        told = reader.execute("SELECT sequence, priority, cause, refusals FROM parked").fetchall()
    assert told == [(n, 1, "the broker refused it (0x99)", 8) for n in (1, 2, 3)]
    with worked(path) as it:
        assert it.take_all() == []
        assert it.outbox.stats().parked == 3
        it.outbox.unpark([2, 3, 99])
        back: list[Outgoing] = []
        assert wait_for(lambda: back.extend(it.outbox.take(9)) or len(back) == 2)
        assert numbers(back) == [2, 3]
        assert it.outbox.stats().parked == 1
        it.outbox.acked([2, 3])
        assert wait_for(lambda: it.outbox.pending() == 0)


def test_a_renamed_unit_lays_aside_what_it_stored_under_its_old_name(path: Path) -> None:
    with worked(path) as it:
        for n in range(1500):
            it.put(n, 3, durable=False)
        it.put(1500, 0)
    with worked(path, unit="dog-2") as it:
        ours = it.put(1501)
        it.outbox.begin_session()
        assert wait_for(lambda: it.outbox.stats().other_unit == 1501, 20), it.outbox.stats()
        assert it.outbox.stats().drops == {}, "all of it is kept"
        assert wait_for(lambda: it.outbox.stats().depth == 1)
        it.outbox.begin_session()
        assert numbers(it.take_all()) == [ours]
        with contextlib.closing(sqlite3.connect(path)) as reader:
            causes = {row[0] for row in reader.execute("SELECT cause FROM parked")}
        assert causes == {"other_unit: it was stored as dog-1"}
    with worked(path) as it:  # its old name again
        assert it.outbox.stats().other_unit in (0, 1501)  # the file may not be open yet
        it.outbox.unpark(range(1, 1502))
        assert wait_for(lambda: it.outbox.stats().depth == 1502, 20)
        assert set(numbers(it.take_all(step=2000))) == set(range(1, 1502))
        assert wait_for(lambda: it.outbox.stats().other_unit == 1), "dog-2's, now"


def test_those_of_another_unit_give_way_where_there_is_no_room(path: Path) -> None:
    with worked(path, 5 * MIB) as it:
        for n in range(4000):
            it.put(n, 3, durable=n % 100 == 0)
    with worked(path, 5 * MIB, unit="dog-2") as it:
        assert wait_for(lambda: it.outbox.stats().size_bytes > 0)
        it.outbox.begin_session()
        assert wait_for(lambda: it.outbox.stats().other_unit >= 1000, 20)
        for n in range(6000):
            it.put(n, 3, durable=n % 100 == 0)
        assert wait_for(lambda: it.outbox.stats().fault is None, 10), it.outbox.stats()
        assert it.outbox.stats().other_unit <= 1000
        assert it.outbox.stats().drops.get("parked_full", 0) > 0


def test_parked_positions_do_not_fill_the_disk_and_alerts_are_all_kept(path: Path) -> None:
    with worked(path) as it:
        for n in range(1300):
            it.put(n, 1 if n < 200 else 3, durable=n == 1299)
        taken = numbers(it.take_all())
        it.outbox.park(taken, "not authorized", 8)
        assert wait_for(lambda: it.outbox.stats().depth == 0)
        assert wait_for(lambda: it.outbox.stats().parked == 1200)
        assert it.outbox.stats().drops == {"parked_full": 100}


def test_parked_rows_survive_a_damaged_file(path: Path) -> None:
    with worked(path) as it:
        for n in range(3000):
            it.put(n, durable=n == 2999)
        it.outbox.park(numbers(it.take_all())[:2], "too large", 1)
        assert wait_for(lambda: it.outbox.stats().parked == 2)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 6000)
    with worked(path) as it:
        assert it.put(1) is not None
        assert it.outbox.stats().set_aside == 1
        assert it.outbox.stats().parked == 2


def test_alerts_beyond_the_limit_wait_in_memory_and_recover(path: Path) -> None:
    with worked(path, 4 * MIB) as it:
        receipts = []
        for n in range(12_000):
            receipts.append(it.outbox.put(position(n, 1), durable=False))
        assert wait_for(lambda: "full" in (it.outbox.stats().fault or ""), 20)
        assert not it.put(0, 1)  # at once, and not stored: nobody waits on a full disk
        stats = it.outbox.stats()
        assert stats.depth + stats.in_memory == 12_001

        it.outbox.begin_session()
        taken: list[int] = []
        for _ in range(400):
            got = numbers(it.outbox.take(100))
            it.outbox.acked(got)
            taken += got
            if len(taken) == 12_001:
                break
            threading.Event().wait(0.02)
        assert wait_for(lambda: it.outbox.pending() == 0, 5)
        assert sorted(taken) == list(range(1, 12_002))
        assert it.outbox.stats().drops == {}


def test_a_full_filesystem_is_survived(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs root, to mount a small filesystem")
    ballast = tmp_path / "ballast"
    try:
        with worked(tmp_path / "outbox.db", 64 * MIB) as it:
            for n in range(200):
                assert it.put(n)
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            for n in range(3000):
                it.put(n, durable=False)
            assert wait_for(lambda: it.outbox.stats().fault is not None, 5)
            ballast.unlink()
            assert wait_for(lambda: it.outbox.stats().fault is None, 10), it.outbox.stats()
            assert wait_for(lambda: it.outbox.stats().in_memory == 0, 10)
            assert sorted(numbers(it.take_all())) == list(range(1, 3201))
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


# --- damaged ---


@pytest.mark.parametrize(
    ("damage", "expected"),
    [(b"", 0), (b"not a database, but long enough to look like one" * 100, 1), (bytes(8192), 1)],
    ids=["empty", "text", "zeros"],
)
def test_a_file_that_is_no_database_is_set_aside(path: Path, damage: bytes, expected: int) -> None:
    path.write_bytes(damage)
    with worked(path) as it:
        assert it.put(1) == 1
        assert it.outbox.stats().set_aside == expected


def test_after_damage_the_numbering_goes_on_and_sound_rows_are_saved(path: Path) -> None:
    with worked(path) as it:
        for n in range(2000):
            it.put(n, 1 + n % 3, durable=n == 1999)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xa5" * 6000)

    with worked(path) as it:
        fresh = it.put(1)
        saved = numbers(it.take_all())
        stats = it.outbox.stats()

    assert fresh is not None
    assert fresh > 2000
    assert stats.set_aside == 1
    assert len(aside(path)) == 1
    assert 1000 < len(saved) < 2001
    assert len(set(saved)) == len(saved)


def test_numbering_goes_on_when_the_file_is_gone(path: Path) -> None:
    with worked(path) as it:
        assert [it.put(n) for n in range(3)] == [1, 2, 3]
    for file in path.parent.glob("outbox.db*"):
        if not file.name.endswith(".sequence"):
            file.unlink()
    with worked(path) as it:
        sequence = it.put(1)
        assert sequence is not None
        assert sequence > 3


def test_damage_while_it_runs_is_noticed_and_survived(path: Path) -> None:
    with worked(path) as it:
        for n in range(12_000):  # more than SQLite keeps in its own memory
            it.put(n, durable=n == 11_999)
        assert wait_for(lambda: it.outbox.stats().in_memory == 0)
        with path.open("r+b") as file:
            size = path.stat().st_size
            file.seek(size // 8)
            file.write(b"\xa5" * (size // 4))
        it.outbox.begin_session()
        assert wait_for(lambda: (it.outbox.take(100), it.outbox.stats().set_aside)[1] == 1)
        assert wait_for(lambda: it.put(7), 5)
        stats = it.outbox.stats()
        assert stats.fault is None
        assert stats.depth + stats.drops["corrupt_file"] >= 12_000


def test_a_folder_in_place_of_the_file_is_moved_aside(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("y")
    with worked(path) as it:
        assert it.put(1) == 1


def test_a_database_of_another_program_is_set_aside_not_used(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE priority_1 (text TEXT)")
        other.execute("INSERT INTO priority_1 VALUES ('precious')")
        other.commit()
    with worked(path) as it:
        assert it.put(1) == 1
    (kept,) = aside(path)
    with contextlib.closing(sqlite3.connect(kept)) as other:
        assert other.execute("SELECT text FROM priority_1").fetchall() == [("precious",)]


def test_without_a_usable_folder_nothing_crashes_and_the_fault_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with worked(blocker / "state" / "outbox.db") as it:
        assert it.put(1) is None
        assert "disk refuses" in (it.outbox.stats().fault or "")
        assert it.outbox.stats().in_memory == 1
        assert it.outbox.pending() >= 1

        blocker.unlink()
        assert wait_for(lambda: it.outbox.stats().depth == 1, 5)


def test_only_the_newest_damaged_files_are_kept(path: Path) -> None:
    for _ in range(6):
        path.write_bytes(b"rubbish" * 1000)
        with worked(path) as it:
            assert it.put(1) is not None
        path.unlink()
    assert [p.name.rpartition("-")[2] for p in aside(path)] == ["4", "5", "6"]


def test_after_close_a_put_is_counted_not_lost_silently(path: Path) -> None:
    it = Worked(path)
    it.stop()

    receipt = it.outbox.put(position(), durable=True)

    assert receipt.dropped
    assert it.outbox.stats().drops == {"put_after_close": 1}


# --- ages ---


class Handled:
    """An outbox without a thread, on a clock that the test moves."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        self.outbox = Outbox(path, Sender(unit="dog-1", boot_id="boot"), clock, 64 * MIB)
        self.outbox.work(0)

    def put(self) -> None:
        self.outbox.put(position(), durable=False)
        self.outbox.work(0)
        self.outbox.close()

    def age_s(self) -> float | None:
        return self.outbox.stats().oldest_age_s


def test_a_clock_that_is_set_makes_no_message_older(path: Path) -> None:
    clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    it = Handled(path, clock)
    it.put()
    clock.advance(5)
    clock.jump_utc(56 * 365 * 86_400)
    assert it.age_s() == pytest.approx(5, abs=0.01)
    clock.jump_utc(-99 * 365 * 86_400)
    assert it.age_s() == pytest.approx(5, abs=0.01)


def test_the_age_goes_on_over_a_restart(path: Path) -> None:
    clock = ManualClock()
    Handled(path, clock).put()
    clock.advance(100)

    assert Handled(path, clock).age_s() == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(("before", "after"), [(1970, 2026), (2026, 1970)])
def test_a_clock_set_between_two_runs_leaves_what_is_certain(
    path: Path, before: int, after: int
) -> None:
    Handled(path, ManualClock(datetime(before, 1, 1, tzinfo=UTC))).put()
    clock = ManualClock(datetime(after, 1, 1, tzinfo=UTC))
    it = Handled(path, clock)
    clock.advance(7)

    assert it.age_s() == pytest.approx(7, abs=0.01)  # at least as old as this run


def test_a_smaller_limit_loses_nothing_urgent(path: Path) -> None:
    with worked(path, 16 * MIB) as it:
        for n in range(12_000):
            it.put(n, n % 4, durable=n == 11_999)
        assert wait_for(lambda: it.outbox.stats().depth == 12_000)
    with worked(path, 4 * MIB) as it:
        assert wait_for(lambda: it.outbox.stats().size_bytes > 0)
        assert wait_for(lambda: not it.outbox._desk.disk.trimming, 30)
        assert it.outbox.stats().by_priority[:3] == (3000, 3000, 3000)
        assert it.put(1, 0) is not None, it.outbox.stats()
        it.outbox.begin_session()
        taken: list[int] = []
        for _ in range(1000):
            got = numbers(it.outbox.take(100))
            it.outbox.acked(got)
            taken += got
            if it.outbox.pending() == 0:
                break
            threading.Event().wait(0.01)
        assert len([n for n in taken if n <= 12_000 and (n - 1) % 4 < 3]) == 9000
        assert it.put(1) is not None
