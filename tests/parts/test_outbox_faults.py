"""The outbox on a disk that fails at one exact statement, and at the worst moment."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.outbox.look import Look
from telemetry.outbox.outbox import Outbox
from telemetry.outbox.rescue import HighWater
from tests.fakes import ManualClock
from tests.parts.test_outbox import MIB, numbers, worked
from tests.torture.scribe import outbox_in
from tests.torture.trial_disk import small_disk
from tests.torture.trials import NotRun
from tests.unit_under_test import position, wait_for


class Failing:
    """A connection of which the statements that begin so fail, perhaps after they were done."""

    def __init__(self, db: Any, begin: str, code: int, *, done: bool = False) -> None:
        self._db = db
        self._begin = begin
        self._done = done
        self._error = sqlite3.OperationalError("disk I/O error")
        self._error.sqlite_errorcode = code
        self.failures = 0

    def execute(self, statement: str, *values: Any) -> Any:
        if not statement.startswith(self._begin):
            return self._db.execute(statement, *values)
        if self._done:
            self._db.execute(statement, *values)
        self.failures += 1
        raise self._error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


def let_fail(outbox: Outbox, begin: str, code: int, *, done: bool = False) -> Failing:
    """Until the file is opened again."""
    store = outbox._keeper._opened()
    failing = Failing(store._db, begin, code, done=done)
    store._db = failing  # type: ignore[assignment]
    return failing


def stored(folder: Path) -> list[tuple[int, str]]:
    with Look.open(folder / "outbox.db") as look:
        return [(row.sequence, row.id) for row in look.waiting()]


@contextlib.contextmanager
def by_hand(folder: Path) -> Iterator[tuple[Outbox, ManualClock]]:
    clock = ManualClock()
    outbox = outbox_in(folder, clock)
    outbox.work(0)
    yield outbox, clock
    outbox.close()


def test_a_commit_in_doubt_whose_check_fails_too_is_not_stored_twice(tmp_path: Path) -> None:
    with by_hand(tmp_path) as (outbox, clock):
        with contextlib.closing(sqlite3.connect(tmp_path / "outbox.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM priority_3").fetchall()
            receipt = outbox.put(position(1), durable=False)
            let_fail(outbox, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC, done=True)
            outbox.work(0)
            clock.advance(1.1)
            outbox.work(0)  # the commit is found, and its log cannot be emptied: somebody reads
            assert not receipt.stored
        clock.advance(1.1)
        outbox.work(0)

        assert receipt.sequence == 1
        assert stored(tmp_path) == [(1, receipt.id)]


def test_what_came_while_a_commit_was_in_doubt_is_done_too(tmp_path: Path) -> None:
    with by_hand(tmp_path) as (outbox, clock):
        for number in range(3):
            outbox.put(position(number), durable=False)
        outbox.work(0)
        outbox.begin_session()
        outbox.work(0)
        assert numbers(outbox.take(9)) == [1, 2, 3]
        outbox.put(position(4), durable=False)
        let_fail(outbox, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC, done=True)
        outbox.work(0)
        outbox.acked([1])
        outbox.park([2], "refused")
        clock.advance(1.1)
        outbox.work(0)

        assert [number for number, _ in stored(tmp_path)] == [3, 4]
        assert outbox.stats().parked == 1


def test_a_row_that_is_being_parked_is_not_given_out_again(tmp_path: Path) -> None:
    with by_hand(tmp_path) as (outbox, _):
        outbox.put(position(1), durable=False)
        outbox.work(0)
        outbox.begin_session()
        outbox.work(0)
        assert numbers(outbox.take(9)) == [1]
        outbox.begin_session()
        outbox._clerk._commit()
        outbox.park([1], "refused")  # the publisher's thread, between the worker's two steps
        outbox._clerk._read_ahead()

        assert outbox.take(9) == []
        outbox.work(0)
        assert outbox.stats().parked == 1


def test_a_page_that_cannot_be_read_is_damage_and_no_busy_loop(tmp_path: Path) -> None:
    with worked(tmp_path / "outbox.db") as it:
        it.put(1, 1)
        it.put(2, 3)
        failing = let_fail(
            it.outbox, "SELECT sequence, kind, id, body FROM priority_1", sqlite3.SQLITE_IOERR_READ
        )
        it.outbox.begin_session()
        assert wait_for(lambda: it.outbox.stats().fault is not None, 5)
        time.sleep(1.5)  # an hour of it must not cost a whole core
        assert failing.failures <= 3

        taken: list[int] = []
        assert wait_for(lambda: taken.extend(numbers(it.outbox.take(9))) or len(taken) == 2, 20)
        assert it.outbox.stats().set_aside == 1


def test_room_that_cannot_be_made_keeps_nobody_from_sending(tmp_path: Path) -> None:
    with worked(tmp_path / "outbox.db", 4 * MIB) as it:
        it.put(1, 1)
        failing = let_fail(it.outbox, "DELETE FROM priority_3", sqlite3.SQLITE_FULL)
        for number in range(8000):
            it.put(number, 3, durable=number % 500 == 499)
            if failing.failures:
                break
        assert failing.failures
        it.outbox.begin_session()
        assert wait_for(lambda: 1 in numbers(it.outbox.take(9)), 5)
        before = failing.failures
        time.sleep(1.5)
        assert failing.failures - before <= 3


def test_a_rescue_that_has_no_room_for_all_saves_the_urgent_and_starts(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with worked(path) as it:
        for number in range(20_000):
            it.put(number, 1 if number % 40 == 0 else 3, durable=number % 500 == 499)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 3 // 4)
        file.write(b"\xa5" * 4096 * 3)

    with worked(path, 4 * MIB) as it:
        assert wait_for(lambda: it.outbox.stats().set_aside == 1, 20)
        assert wait_for(lambda: it.outbox.stats().fault is None, 5)
        stats = it.outbox.stats()
        assert it.put(1, 1) is not None
    assert stats.by_priority[1] > 400
    assert stats.by_priority[3] > 0
    assert stats.drops["corrupt_file"] > 0


def test_the_numbers_given_out_are_written_as_soon_as_the_disk_lets_them(tmp_path: Path) -> None:
    in_the_way = tmp_path / "q.sequence.new"
    in_the_way.mkdir()
    high_water = HighWater(tmp_path / "q.sequence")
    high_water.ensure(5)
    in_the_way.rmdir()
    high_water.ensure(6)

    assert HighWater(tmp_path / "q.sequence").read() > 6


def test_a_rescue_on_a_disk_too_small_for_two_files_starts_all_the_same(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", mib=7) as disk:
            _rescued_in_little_room(disk / "outbox.db")
    except NotRun as error:
        pytest.skip(str(error))


def _rescued_in_little_room(path: Path) -> None:
    with worked(path) as it:
        for number in range(9000):
            it.put(number, 1 if number % 20 == 0 else 3, durable=number % 500 == 499)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size * 3 // 4)
        file.write(b"\xa5" * 4096 * 3)

    with worked(path) as it:
        assert wait_for(lambda: it.outbox.stats().set_aside == 1, 20), it.outbox.stats()
        assert it.outbox.stats().drops["corrupt_file"] > 100, "there was room for all"
        it.outbox.begin_session()
        taken: list[int] = []

        def drained() -> bool:
            found = numbers(it.outbox.take(50))
            taken.extend(found)
            it.outbox.acked(found)
            return len(taken) > 440

        assert wait_for(drained, 10), f"{len(taken)} came, of 450 urgent ones"
        it.outbox.put(position(1, 0), durable=False)
        assert wait_for(lambda: it.outbox.stats().in_memory == 0, 10), it.outbox.stats()
