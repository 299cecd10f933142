"""What became of each command, on disk: so that none is done twice, and each repeat is answered.

SQLite in WAL with `synchronous=FULL`, like the outbox: what was said to be stored survives a power
cut. Ids are forgotten after a day; the time of issue of the newest that was forgotten stays, and
nothing that was issued before it is ever taken again. So forgetting needs no clock to be right.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telemetry.outbox.rescue import aside, folder_errors, set_aside
from telemetry.outbox.schema import StoreCorruptError, StoreError, translated

PAGE_BYTES = 4096
MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 20_000
FULL_SHARE = 0.75  # of the bytes: then the older half is forgotten, before a command is refused

_TABLES = """
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, name TEXT NOT NULL, issued_ms INTEGER NOT NULL,
    forget_ms INTEGER NOT NULL, final INTEGER NOT NULL, told INTEGER NOT NULL, reply TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_time ON command (issued_ms);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# Told or not: an answer that the outbox could not take for a day is nothing to grow for.
_OLD = "FROM command WHERE final AND (forget_ms < ? OR issued_ms <= ?)"
_OLDEST_SURPLUS = "SELECT issued_ms FROM command ORDER BY issued_ms DESC LIMIT 1 OFFSET ?"
_SET_FACT = "INSERT OR REPLACE INTO fact VALUES (?, ?)"
_COLUMNS = ["id", "digest", "name", "issued_ms", "forget_ms", "final", "told", "reply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One command. `reply`: the members of the last reply that is due to it."""

    id: str
    digest: str  # SHA-256 of the claims: the same id with other claims is not a repeat
    name: str
    issued_ms: int  # Unix
    forget_ms: int  # not before this
    final: bool  # it is over
    told: bool  # the final reply is in the outbox
    reply: dict[str, Any]


class CommandStore:
    """The file. Any thread; every method may raise StoreError. `open` first, and after an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self.set_aside = 0  # damaged files that lie beside it

    def open(self) -> None:
        """Open or make the file; a damaged one is set aside. Raises StoreError."""
        with self._lock, folder_errors():
            if self._db is not None:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.is_dir():
                set_aside(self._path)
            try:
                self._db = _opened(self._path)
            except StoreCorruptError:
                set_aside(self._path)
                self._db = _opened(self._path)
            self.set_aside = len(aside(self._path))

    def close(self) -> None:
        """Never raises."""
        with self._lock:
            if self._db is not None:
                with suppress(sqlite3.Error):
                    self._db.close()
                self._db = None

    def find(self, command: str) -> Stored | None:
        rows = self._read("SELECT * FROM command WHERE id = ?", command)
        return _stored(rows[0]) if rows else None

    def put(self, row: Stored, journaled: int | None = None) -> None:
        """Store or replace. On the disk when it returns.

        `journaled`: the number of the journal's record of it, if it is to be done.
        """
        values = (
            row.id, row.digest, row.name, row.issued_ms, row.forget_ms, row.final, row.told,
            json.dumps(row.reply),
        )  # fmt: skip
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO command VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            if journaled is not None:
                db.execute(_SET_FACT, ("journaled", str(journaled)))

    def catch_up(self, begun: int) -> bool:
        """Whether this file is older than the journal, as a copy that was put back: then its floor
        is to be set anew. `begun`: the journal's newest record of a command that was begun."""
        with self._writing() as db:
            if begun <= int(self.fact("journaled") or 0):
                return False
            db.execute("DELETE FROM fact WHERE name = 'floor_ms'")
            db.execute(_SET_FACT, ("journaled", str(begun)))
            return True

    def told(self, commands: Sequence[str]) -> None:
        """The final replies of these are in the outbox."""
        with self._writing() as db:
            numbers = json.dumps(list(commands))
            query = "UPDATE command SET told = 1 WHERE id IN (SELECT value FROM json_each(?))"
            db.execute(query, (numbers,))

    def open_ends(self) -> list[Stored]:
        """Those that were not over, or whose end was not told, in the order of their issue."""
        rows = self._read("SELECT * FROM command WHERE NOT (final AND told) ORDER BY issued_ms")
        return [_stored(row) for row in rows]

    def forget(self, now_ms: int) -> None:
        """Forget what is over and old enough, or too much; remember up to when it was issued."""
        with self._writing() as db:
            crowd = db.execute(_OLDEST_SURPLUS, (_most_rows(db),)).fetchone()
            limits = (now_ms, -1 if crowd is None else int(crowd[0]))
            newest = db.execute(f"SELECT max(issued_ms) {_OLD}", limits).fetchone()[0]
            if newest is not None:
                floor = max(int(self.fact("floor_ms") or 0), int(newest))
                db.execute(_SET_FACT, ("floor_ms", str(floor)))
                db.execute(f"DELETE {_OLD}", limits)

    def fact(self, name: str) -> str | None:
        rows = self._read("SELECT value FROM fact WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_fact(self, name: str, value: str) -> None:
        with self._writing() as db:
            db.execute(_SET_FACT, (name, value))

    def _read(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock, self._healed():
            return self._opened().execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._healed():
            db = self._opened()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _healed(self) -> Iterator[None]:
        """After an error the file is opened anew: what its connection remembers proves nothing."""
        try:
            with translated():
                yield
        except StoreCorruptError:
            self.close()
            with folder_errors():
                set_aside(self._path)
            raise
        except StoreError:
            self.close()
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self.open()
        if self._db is None:
            raise StoreError("the file is not open")
        return self._db


def _opened(path: Path) -> sqlite3.Connection:
    with translated():
        db = sqlite3.connect(path, isolation_level=None, timeout=1, check_same_thread=False)
    try:
        with translated():
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            db.execute("PRAGMA journal_mode = WAL").fetchone()
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 250")
            db.execute(f"PRAGMA journal_size_limit = {1000 * PAGE_BYTES}")
            db.execute(f"PRAGMA max_page_count = {MAX_BYTES // PAGE_BYTES}").fetchone()
            if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()) != ("ok",):
                raise StoreCorruptError(str(verdict and verdict[0]))
            db.executescript(_TABLES)
            if [row[1] for row in db.execute("PRAGMA table_info(command)")] != _COLUMNS:
                raise StoreCorruptError("the file belongs to another program")
    except StoreError:
        db.close()
        raise
    return db


def _most_rows(db: sqlite3.Connection) -> int:
    """How many may stay: half of them where long replies have nearly filled the file."""
    (pages,), (free,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count")
    )
    if (pages - free) * PAGE_BYTES < MAX_BYTES * FULL_SHARE:
        return MAX_ROWS
    (rows,) = db.execute("SELECT count(*) FROM command").fetchone()
    return min(MAX_ROWS, int(rows) // 2)


def _stored(row: tuple[Any, ...]) -> Stored:
    try:
        command, digest, name, issued_ms, forget_ms, final, told, reply = row
        return Stored(
            id=str(command),
            digest=str(digest),
            name=str(name),
            issued_ms=int(issued_ms),
            forget_ms=int(forget_ms),
            final=bool(final),
            told=bool(told),
            reply=dict(json.loads(reply)),
        )
    except (ValueError, TypeError) as error:
        raise StoreCorruptError("a row that was never stored so") from error
