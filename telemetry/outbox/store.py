"""The queue on disk: one SQLite file, used by one thread.

WAL with `synchronous=FULL`: a commit that returned survives a power cut (with NORMAL, each of 15
simulated cuts lost rows). `max_page_count` and a short write-ahead log keep the file below its
limit, and leave the log's own, already allocated pages for deletes when the disk is full: without
them a full disk could neither insert nor delete.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Self

from telemetry.contract.topics import RETAINED_LEAVES, Leaf
from telemetry.outbox.guard import guarded, unguarded
from telemetry.outbox.rows import (
    DIAGNOSTICS,
    POSITIONS,
    PRIORITIES,
    Change,
    Done,
    NewRow,
    Parking,
    RawParked,
    RawRow,
    Row,
)
from telemetry.outbox.schema import (
    PAGE_BYTES,
    StoreCorruptError,
    StoreError,
    each,
    prepare,
    translated,
    whole,
)

WAL_RESERVE_BYTES = 3 * 1024 * 1024  # of the limit, for the log beside the table

_INSERT = each("INSERT INTO {} VALUES (?, ?, ?, ?, ?)")
_SAVE = each("INSERT OR IGNORE INTO {} VALUES (?, ?, ?, ?, ?)")
_DELETE = each("DELETE FROM {} WHERE sequence IN (SELECT value FROM json_each(?))")
_TAKE_ONE = each("DELETE FROM {} WHERE sequence = ? RETURNING *")
_TAKE_OUT = each("DELETE FROM {} WHERE sequence BETWEEN ? AND ? RETURNING *")
_READ = each("SELECT sequence, kind, id, body FROM {} WHERE sequence > ? ORDER BY sequence LIMIT ?")
_ID_AT = each("SELECT id FROM {} WHERE sequence = ?")
_SIZE = each("SELECT count(*), total(length(body)) FROM {}")
_OLDEST = each("SELECT sequence, put_ms FROM {} ORDER BY sequence LIMIT 1")
_OLDER = each("SELECT sequence FROM {} WHERE kind IS NOT ? ORDER BY sequence LIMIT ?")
_PARK = "INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UNPARK = "DELETE FROM parked WHERE sequence = ? RETURNING *"
_DROP_PARKED = """
DELETE FROM parked WHERE sequence IN
    (SELECT sequence FROM parked WHERE priority IN (?, ?) ORDER BY sequence LIMIT ?)
"""
_PARKED_FOR = "SELECT count(*) FROM parked WHERE cause = ? OR cause GLOB ?"
_SET = "INSERT OR REPLACE INTO counter VALUES (?, ?)"


class Store:
    """The open file. Every method may raise StoreError or one of its kinds."""

    def __init__(self, connection: sqlite3.Connection, max_pages: int) -> None:
        self._db = connection
        self.max_pages = max_pages
        self.last_sequence = self.counters().get("sequence", 0)

    @classmethod
    def open(cls, path: Path, max_bytes: int) -> Self:
        """Open or make the file, and check it. A file of another program counts as corrupt."""
        with translated():
            # Autocommit: transactions are begun and ended by name. Closing may happen in the
            # thread that stops the worker, hence no thread check.
            db = sqlite3.connect(path, isolation_level=None, timeout=1, check_same_thread=False)
        try:
            max_pages = max((max_bytes - WAL_RESERVE_BYTES) // PAGE_BYTES, 64)
            with translated():
                prepare(db, max_pages)
            return cls(db, max_pages)
        except StoreError:
            db.close()
            raise

    # --- writing ---

    def commit(self, change: Change) -> Done:
        """All of the change, or nothing; on the disk when it returns."""
        first = self.last_sequence + 1
        stored = [
            Row(sequence, row.priority, row.kind, row.id, row.body)
            for sequence, row in enumerate(change.put, first)
        ]
        with self._transaction():
            parked = self._park(change.parked)
            deleted = self._delete(change.gone)
            unparked = self._unpark(change.unparked)
            self._insert(change.put, first)
            self._db.executemany(_SET, change.counters.items())
            self._db.executemany(_SET, _newest(stored).items())
        self.last_sequence += len(stored)
        return Done(stored=stored, deleted=deleted, parked=parked, unparked=unparked)

    def _insert(self, rows: Sequence[NewRow], first: int) -> None:
        lanes: dict[int, list[RawRow]] = {}
        for sequence, row in enumerate(rows, first):
            body = guarded(sequence, row.kind, row.id, row.body)
            values = (sequence, row.kind, row.id, row.put_ms, body)
            lanes.setdefault(row.priority, []).append(values)
        for priority, lane in lanes.items():
            self._db.executemany(_INSERT[priority], lane)

    def _delete(self, gone: Mapping[int, Sequence[int]]) -> Counter[int]:
        deleted: Counter[int] = Counter()
        for priority, numbers in gone.items():
            if numbers:
                found = self._db.execute(_DELETE[priority], (json.dumps(list(numbers)),))
                deleted[priority] = found.rowcount
        return deleted

    def _park(self, parked: Sequence[Parking]) -> Counter[int]:
        moved: Counter[int] = Counter()
        for parking in parked:
            why = (parking.cause, parking.refusals, parking.parked_ms)
            for priority, statement in enumerate(_TAKE_ONE):
                found = self._db.execute(statement, (parking.sequence,)).fetchone()
                if found is not None:
                    self._db.execute(_PARK, (found[0], priority, *found[1:], *why))
                    moved[priority] += 1
        return moved

    def _unpark(self, sequences: Sequence[int]) -> Counter[int]:
        moved: Counter[int] = Counter()
        for number in sequences:
            found = self._db.execute(_UNPARK, (number,)).fetchone()
            if found is not None:
                sequence, priority, kind, message_id, put_ms, body, *_ = found
                if priority not in range(PRIORITIES):
                    raise StoreCorruptError("a priority that there is not")
                self._db.execute(_SAVE[priority], (sequence, kind, message_id, put_ms, body))
                moved[priority] += 1
        return moved

    def drop_parked(self, count: int) -> int:
        """Give up so many parked rows, the oldest that are not urgent. Returns how many went."""
        with self._transaction():
            return int(self._db.execute(_DROP_PARKED, (DIAGNOSTICS, POSITIONS, count)).rowcount)

    def take_over(self, priority: int, rows: Iterable[RawRow]) -> None:
        """Store rows saved from another file, under the numbers they had."""
        self._take_over(_SAVE[priority], rows)

    def take_over_parked(self, rows: Iterable[RawParked]) -> None:
        """The same for parked rows."""
        self._take_over(_PARK, rows)

    def _take_over(self, statement: str, rows: Iterable[RawRow | RawParked]) -> None:
        source = iter(rows)
        while batch := list(islice(source, 1000)):
            highest = max(self.last_sequence, *(row[0] for row in batch))
            with self._transaction():
                self._db.executemany(statement, batch)
                self._db.execute(_SET, ("sequence", highest))
            self.last_sequence = highest

    def start_after(self, sequence: int) -> None:
        """Number the rows to come from sequence + 1."""
        self.commit(Change(counters={"sequence": sequence}))
        self.last_sequence = sequence

    def repack(self, priority: int, first: int, last: int) -> None:
        """Write the rows of one priority in this range anew, so that they fill whole pages."""
        with self._transaction():
            rows = self._db.execute(_TAKE_OUT[priority], (first, last)).fetchall()
            self._db.executemany(_INSERT[priority], sorted(rows))

    def limit(self, pages: int) -> None:
        """The file may have so many pages, and those that it has."""
        self._one(f"PRAGMA max_page_count = {pages}")

    def checkpoint(self) -> None:
        """Move the log into the table, so that the log's own pages can be written again."""
        with translated():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def empty_log(self) -> None:
        """Move all of the log into the table, and sync that."""
        busy, *_ = self._one("PRAGMA wal_checkpoint(TRUNCATE)") or (1,)
        if busy:
            raise StoreError("another process reads the file, and its log cannot be emptied")

    # --- reading ---

    def read(self, priority: int, after: int, up_to: int, limit: int) -> list[Row]:
        """The next rows of one priority, in the order of their sequence."""
        with translated():
            found = self._db.execute(_READ[priority], (after, limit)).fetchall()
        # A damaged page may hold any number. Asked for a range, SQLite would take a wild one for
        # the end of it, and say that there is no more.
        if any(sequence > self.last_sequence for sequence, *_ in found):
            raise StoreCorruptError("a sequence that was never given out")
        rows = []
        for sequence, kind, message_id, stored in found:
            if sequence > up_to:
                break
            body = unguarded(sequence, kind, message_id, stored)
            if body is None:
                raise StoreCorruptError(f"message {sequence} is not what was stored")
            rows.append(Row(sequence, priority, kind, message_id, body))
        return rows

    def id_at(self, sequence: int) -> str | None:
        for statement in _ID_AT:
            found = self._one(statement, sequence)
            if found is not None:
                return str(found[0])
        return None

    def sizes(self) -> list[tuple[int, int]]:
        """How many rows there are of each priority, and the bytes of their bodies."""
        found = [self._one(statement) or (0, 0) for statement in _SIZE]
        return [(whole(count), int(size)) for count, size in found]

    def counters(self) -> dict[str, int]:
        with translated():
            rows = self._db.execute("SELECT name, value FROM counter").fetchall()
        return {str(name): whole(value) for name, value in rows}

    def parked_counts(self) -> list[int]:
        """How many rows of each priority are laid aside."""
        with translated():
            rows = self._db.execute("SELECT priority, count(*) FROM parked GROUP BY priority")
            found = {whole(priority): whole(count) for priority, count in rows}
        return [found.get(priority, 0) for priority in range(PRIORITIES)]

    def parked_for(self, cause: str) -> int:
        """How many rows are laid aside for this cause, or one that begins so and a colon."""
        found = self._one(_PARKED_FOR, cause, f"{cause}:*")
        return 0 if found is None else whole(found[0])

    def oldest(self) -> list[tuple[int, int] | None]:
        """For each priority, sequence and `put_ms` of the row that was stored first."""
        found = [self._one(statement) for statement in _OLDEST]
        return [None if row is None else (whole(row[0]), whole(row[1])) for row in found]

    def oldest_sequences(self, priority: int, limit: int, but: Leaf | None = None) -> list[int]:
        """The first rows of one priority that are not of the kind `but`."""
        with translated():
            rows = self._db.execute(_OLDER[priority], (but, limit)).fetchall()
        return [int(row[0]) for row in rows]

    def used_pages(self) -> int:
        """Pages that hold something; those set free by deletes are used again and do not count."""
        return self._pragma("page_count") - self._pragma("freelist_count")

    def file_pages(self) -> int:
        return self._pragma("page_count")

    def file_bytes(self) -> int:
        return self.file_pages() * PAGE_BYTES

    def close(self) -> None:
        """Close the file. Never raises."""
        with suppress(sqlite3.Error):
            self._db.close()

    def _pragma(self, name: str) -> int:
        found = self._one(f"PRAGMA {name}")
        return 0 if found is None else int(found[0])

    def _one(self, statement: str, *values: int | str) -> tuple[int | str | bytes, ...] | None:
        with translated():
            found: tuple[int | str | bytes, ...] | None
            found = self._db.execute(statement, values).fetchone()
        return found

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except (sqlite3.DatabaseError, StoreError):
                # After some errors SQLite has already rolled back, and says so.
                with suppress(sqlite3.DatabaseError):
                    self._db.execute("ROLLBACK")
                raise


def _newest(stored: Sequence[Row]) -> dict[str, int]:
    """The counters that a commit of these rows moves on."""
    found = {f"newest.{row.kind}": row.sequence for row in stored if row.kind in RETAINED_LEAVES}
    return found | {"sequence": stored[-1].sequence} if stored else {}
