"""The tables of the queue's file, and SQLite's errors in our words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from telemetry.outbox.guard import guarded
from telemetry.outbox.rows import PRIORITIES

PAGE_BYTES = 4096
WAL_PAGES = 256  # checkpoint at 1 MiB

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
_PARKED = """
CREATE TABLE IF NOT EXISTS parked (
    sequence  INTEGER PRIMARY KEY,
    priority  INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    put_ms    INTEGER NOT NULL,
    body      BLOB    NOT NULL,
    cause     TEXT    NOT NULL,
    refusals  INTEGER NOT NULL,
    parked_ms INTEGER NOT NULL
)
"""
_COUNTERS = "CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
_COLUMNS = ["sequence", "kind", "id", "put_ms", "body"]
_PARKED_COLUMNS = [
    *("sequence", "priority", "kind", "id", "put_ms"),
    *("body", "cause", "refusals", "parked_ms"),
]

_CORRUPT_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNREAD_CODES = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}


class StoreError(Exception):
    """The disk did not do what it should. Trying again later may help."""


class StoreFullError(StoreError):
    """The limit, or the disk itself, is full."""


class StoreUnreadError(StoreError):
    """The disk does not give back what was written. Where that lasts, it is damage."""


class StoreCorruptError(StoreError):
    """The file is not, or no longer, a sound database."""


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Extended codes carry the primary one in the low byte (SQLite result codes, section 2).
        extended = getattr(error, "sqlite_errorcode", None) or 0
        code = extended & 0xFF
        if extended in _UNREAD_CODES:
            raise StoreUnreadError(str(error)) from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreFullError(str(error)) from error
        # Text that is no UTF-8 comes without a code: the module finds it, not SQLite.
        if code in _CORRUPT_CODES or "decode" in str(error):
            raise StoreCorruptError(str(error)) from error
        raise StoreError(str(error)) from error


def whole(value: object) -> int:
    """A number as it was stored. Raises StoreCorruptError for anything else in its place."""
    if not isinstance(value, int):
        raise StoreCorruptError(f"{type(value).__name__} where a number was stored")
    return value


def each(text: str) -> tuple[str, ...]:
    """The statement once for each priority's table."""
    return tuple(text.format(table) for table in TABLES)


def prepare(db: sqlite3.Connection, max_pages: int) -> None:
    """Make what is missing, and check what is there. Raises StoreCorruptError."""
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
        _expect(db, table, _COLUMNS)
    db.execute(_PARKED)
    _expect(db, "parked", _PARKED_COLUMNS)
    _guard_all(db)


def _guard_all(db: sqlite3.Connection) -> None:
    """Give the messages of a file of version 0, which had no check sums, theirs."""
    if db.execute("PRAGMA user_version").fetchone() != (0,):
        return
    db.create_function("guarded", 4, guarded, deterministic=True)
    db.execute("BEGIN IMMEDIATE")
    for table in (*TABLES, "parked"):
        db.execute(f"UPDATE {table} SET body = guarded(sequence, kind, id, body)")  # noqa: S608 - own
    db.execute("PRAGMA user_version = 1")
    db.execute("COMMIT")


def _expect(db: sqlite3.Connection, table: str, columns: list[str]) -> None:
    if [row[1] for row in db.execute(f"PRAGMA table_info({table})")] != columns:
        raise StoreCorruptError("the file belongs to another program")
