"""The queue on disk: one SQLite file, used by one thread. The only module that knows SQLite.

WAL with `synchronous=FULL`: a commit that returned survives a power cut (with NORMAL, each of 15
simulated cuts lost rows). `max_page_count` and a short write-ahead log keep the file below its
limit, and leave the log's own, already allocated pages for deletes when the disk is full: without
them a full disk could neither insert nor delete.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

from telemetry.contract.topics import RETAINED_LEAVES, Leaf

PAGE_BYTES = 4096
WAL_PAGES = 256  # checkpoint at 1 MiB
WAL_RESERVE_BYTES = 3 * 1024 * 1024  # of the limit, for the log beside the table
PRIORITIES = 5

# One table per priority: each is written at its end and emptied from its start, so that what is
# given up sets whole pages free, whatever lies between.
TABLES = tuple(f"priority_{number}" for number in range(PRIORITIES))

_TABLE = """
CREATE TABLE IF NOT EXISTS {} (
    sequence INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    put_ms   INTEGER NOT NULL,
    body     BLOB    NOT NULL
)
"""
_COUNTERS = "CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
_COLUMNS = ["sequence", "kind", "id", "put_ms", "body"]

_CORRUPT_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class StoreError(Exception):
    """The disk did not do what it should. Trying again later may help."""


class StoreFullError(StoreError):
    """The limit, or the disk itself, is full."""


class StoreCorruptError(StoreError):
    """The file is not, or no longer, a sound database."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A message on its way to the disk."""

    priority: int
    kind: Leaf
    id: str
    put_ms: int  # for its age: the Unix milliseconds at which its run began, and those since
    body: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A message that is on the disk."""

    sequence: int
    priority: int
    kind: Leaf
    id: str
    body: bytes


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Extended codes carry the primary one in the low byte (SQLite result codes, section 2).
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StoreFullError(str(error)) from error
        if code in _CORRUPT_CODES:
            raise StoreCorruptError(str(error)) from error
        raise StoreError(str(error)) from error


RawRow = tuple[int, str, str, int, bytes]  # as in the tables


def batched(rows: Iterable[RawRow], size: int) -> Iterator[list[RawRow]]:
    """Lists of at most `size` (itertools has it from Python 3.12)."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def _each(text: str) -> dict[str, str]:
    return {table: text.format(table) for table in TABLES}


_INSERT = _each("INSERT INTO {} VALUES (?, ?, ?, ?, ?)")
_SAVE = _each("INSERT OR IGNORE INTO {} VALUES (?, ?, ?, ?, ?)")
_DELETE = _each("DELETE FROM {} WHERE sequence IN (SELECT value FROM json_each(?))")
_TAKE_OUT = _each("DELETE FROM {} WHERE sequence BETWEEN ? AND ? RETURNING *")
_READ = _each(
    "SELECT sequence, kind, id, body FROM {} WHERE sequence > ? ORDER BY sequence LIMIT ?"
)
_ID_AT = _each("SELECT id FROM {} WHERE sequence = ?")
_COUNT = _each("SELECT count(*) FROM {}")
_OLDEST = _each("SELECT sequence, put_ms FROM {} ORDER BY sequence LIMIT 1")
_SEQUENCES = _each("SELECT sequence FROM {} ORDER BY sequence LIMIT ?")


class Store:
    """The open file. Every method may raise StoreError or one of its kinds."""

    def __init__(self, connection: sqlite3.Connection, max_pages: int) -> None:
        self._db = connection
        self._max_pages = max_pages
        self.last_sequence = self._counter("sequence")

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
                _prepare(db, max_pages)
            return cls(db, max_pages)
        except StoreError:
            db.close()
            raise

    def append(
        self, rows: Sequence[NewRow], acked: Sequence[int]
    ) -> tuple[list[Row], Counter[int]]:
        """Store rows and delete acknowledged ones in one commit; on the disk when it returns.

        Returns what was stored, and how many rows of each priority were deleted.
        """
        first = self.last_sequence + 1
        stored = [
            Row(sequence, row.priority, row.kind, row.id, row.body)
            for sequence, row in enumerate(rows, first)
        ]
        numbers = json.dumps(list(acked))
        deleted: Counter[int] = Counter()
        with self._transaction():
            for priority, table in enumerate(TABLES):
                if acked:
                    deleted[priority] = self._db.execute(_DELETE[table], (numbers,)).rowcount
                self._db.executemany(
                    _INSERT[table],
                    (
                        (sequence, row.kind, row.id, row.put_ms, row.body)
                        for sequence, row in enumerate(rows, first)
                        if row.priority == priority
                    ),
                )
            if stored:
                self._set_counter("sequence", stored[-1].sequence)
            for row in stored:
                if row.kind in RETAINED_LEAVES:
                    self._set_counter(f"newest.{row.kind}", row.sequence)
        self.last_sequence += len(rows)
        return stored, deleted

    def take_over(self, priority: int, rows: Iterable[RawRow]) -> int:
        """Store rows saved from another file, under the numbers they had. Returns how many."""
        taken = 0
        for batch in batched(rows, 1000):
            with self._transaction():
                self._db.executemany(_SAVE[TABLES[priority]], batch)
            self.last_sequence = max(self.last_sequence, *(row[0] for row in batch))
            taken += len(batch)
        self.start_after(self.last_sequence)
        return taken

    def start_after(self, sequence: int) -> None:
        """Number the rows to come from sequence + 1."""
        with self._transaction():
            self._set_counter("sequence", sequence)
        self.last_sequence = sequence

    def read(self, priority: int, after: int, up_to: int, limit: int) -> list[Row]:
        """The next rows of one priority, in the order of their sequence."""
        with translated():
            found = self._db.execute(_READ[TABLES[priority]], (after, limit)).fetchall()
        # A damaged page may hold any number. Asked for a range, SQLite would take a wild one for
        # the end of it, and say that there is no more.
        if any(sequence > self.last_sequence for sequence, *_ in found):
            raise StoreCorruptError("a sequence that was never given out")
        return [
            Row(sequence, priority, kind, each, body)
            for sequence, kind, each, body in found
            if sequence <= up_to
        ]

    def id_at(self, sequence: int) -> str | None:
        with translated():
            for table in TABLES:
                found = self._db.execute(_ID_AT[table], (sequence,)).fetchone()
                if found is not None:
                    return str(found[0])
        return None

    def counts(self) -> list[int]:
        """How many rows there are of each priority."""
        with translated():
            return [int(self._db.execute(_COUNT[table]).fetchone()[0]) for table in TABLES]

    def newest(self) -> dict[Leaf, int]:
        """The sequence of the newest row ever stored, for each retained kind."""
        return {kind: self._counter(f"newest.{kind}") for kind in RETAINED_LEAVES}

    def oldest(self) -> tuple[int, int] | None:
        """Sequence and `put_ms` of the row that was stored first."""
        with translated():
            found = [self._db.execute(_OLDEST[table]).fetchone() for table in TABLES]
        return min(((int(row[0]), int(row[1])) for row in found if row is not None), default=None)

    def used_pages(self) -> int:
        """Pages that hold something; those set free by deletes are used again and do not count."""
        return self._pragma("page_count") - self._pragma("freelist_count")

    @property
    def max_pages(self) -> int:
        return self._max_pages

    def file_bytes(self) -> int:
        return self._pragma("page_count") * PAGE_BYTES

    def sequences(self, priority: int, limit: int | None) -> list[int]:
        """The oldest of one priority; all of them without a limit."""
        with translated():
            rows = self._db.execute(
                _SEQUENCES[TABLES[priority]], (-1 if limit is None else limit,)
            ).fetchall()
        return [int(row[0]) for row in rows]

    def repack(self, priority: int, first: int, last: int) -> None:
        """Write the rows of one priority in this range anew, so that they fill whole pages."""
        table = TABLES[priority]
        with self._transaction():
            rows = self._db.execute(_TAKE_OUT[table], (first, last)).fetchall()
            self._db.executemany(_INSERT[table], sorted(rows))

    def checkpoint(self) -> None:
        """Move the log into the table, so that the log's own pages can be written again."""
        with translated():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Close the file. Never raises."""
        with suppress(sqlite3.Error):
            self._db.close()

    def _pragma(self, name: str) -> int:
        with translated():
            return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def _counter(self, name: str) -> int:
        with translated():
            found = self._db.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
        return 0 if found is None else int(found[0])

    def _set_counter(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, value))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except sqlite3.DatabaseError:
                # After some errors SQLite has already rolled back, and says so.
                with suppress(sqlite3.DatabaseError):
                    self._db.execute("ROLLBACK")
                raise


def _prepare(db: sqlite3.Connection, max_pages: int) -> None:
    db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    db.execute(f"PRAGMA journal_size_limit = {4 * WAL_PAGES * PAGE_BYTES}")
    db.execute(f"PRAGMA max_page_count = {max_pages}").fetchone()
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != ("ok",):
        raise StoreCorruptError(str(verdict[0]) if verdict else "no answer to quick_check")
    db.execute(_COUNTERS)
    for table in TABLES:
        db.execute(_TABLE.format(table))
        if [row[1] for row in db.execute(f"PRAGMA table_info({table})")] != _COLUMNS:
            raise StoreCorruptError("the file belongs to another program")
