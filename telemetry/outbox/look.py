"""Looking into the queue's file from another process, while the unit runs or when it does not.

Nothing is changed, and nothing is held for long: each question is a read of its own, so that the
unit's log can be moved into the table meanwhile.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from telemetry.outbox.guard import unguarded
from telemetry.outbox.quota import Sweep
from telemetry.outbox.rescue import aside, readable
from telemetry.outbox.rows import PRIORITIES
from telemetry.outbox.schema import TABLES, each

CHUNK = 500

_COUNT = each("SELECT count(*), total(length(body)) FROM {}")
_OLDEST = each("SELECT put_ms FROM {} ORDER BY sequence LIMIT 1")
_READ = each("SELECT sequence, kind, id, put_ms, body FROM {} WHERE sequence > ? "
             "ORDER BY sequence LIMIT ?")  # fmt: skip


class LookError(Exception):
    """The file cannot be looked into. The text says why, `cure` what to do."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One message that waits, or is laid aside."""

    sequence: int
    priority: int
    kind: str
    id: str
    put_ms: int
    stored: bytes  # the body with its check sum

    def message(self) -> Any:
        """What it says: the members of its envelope; None where it is damaged."""
        body = unguarded(self.sequence, self.kind, self.id, self.stored)
        return None if body is None else json.loads(b"{" + body + b"}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenParked(Seen):
    cause: str
    refusals: int
    parked_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The queue as it lies on the disk."""

    depth: tuple[int, ...]  # by priority
    body_bytes: tuple[int, ...]
    oldest_put_ms: tuple[int | None, ...]
    parked: int
    drops: dict[str, int]  # by cause, ever
    sweep: Sweep  # how far the stored track was thinned
    last_sequence: int
    file_bytes: int
    log_bytes: int
    set_aside: tuple[Path, ...]


class Look:
    """The open file, for reading. Every method may raise LookError."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._db = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        with _told(path):
            with path.open("rb"):  # so that the error is the plain one
                pass
            if not path.stat().st_size and not _log(path).exists():
                raise LookError(f"{path} is empty", "the unit makes a new one when it starts")
            return cls(path, _connect(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def overview(self) -> Overview:
        with _told(self._path):
            counts = [self._db.execute(statement).fetchone() for statement in _COUNT]
            oldest = [self._db.execute(statement).fetchone() for statement in _OLDEST]
            counters = dict(self._db.execute("SELECT name, value FROM counter"))
            log = _log(self._path)
            return Overview(
                depth=tuple(int(count) for count, _ in counts),
                body_bytes=tuple(int(size) for _, size in counts),
                oldest_put_ms=tuple(None if row is None else int(row[0]) for row in oldest),
                parked=len(self._db.execute(_parked_columns(self._db)).fetchall()),
                drops={n[6:]: v for n, v in sorted(counters.items()) if n.startswith("drops.")},
                sweep=Sweep.of(counters),
                last_sequence=counters.get("sequence", 0),
                file_bytes=self._path.stat().st_size,
                log_bytes=log.stat().st_size if log.exists() else 0,
                set_aside=tuple(aside(self._path)),
            )

    def waiting(self) -> Iterator[Seen]:
        """What waits, the most urgent first, the oldest first within a priority."""
        for priority in range(PRIORITIES):
            after, more = 0, True
            while more:
                with _told(self._path):
                    rows = self._db.execute(_READ[priority], (after, CHUNK)).fetchall()
                for sequence, kind, message_id, put_ms, body in rows:
                    yield Seen(sequence=sequence, priority=priority, kind=kind, id=message_id,
                               put_ms=put_ms, stored=body)  # fmt: skip
                more = len(rows) == CHUNK
                after = rows[-1][0] if rows else after

    def parked(self) -> list[SeenParked]:
        """What is laid aside, the oldest first."""
        with _told(self._path):
            rows = self._db.execute(f"{_parked_columns(self._db)} ORDER BY sequence").fetchall()
        names = ("sequence", "priority", "kind", "id", "put_ms", "stored", "cause", "refusals",
                 "parked_ms")  # fmt: skip
        return [SeenParked(**dict(zip(names, row, strict=True))) for row in rows]


def _parked_columns(db: sqlite3.Connection) -> str:
    """The question for parked rows; a queue of an early version has no table for them."""
    known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'parked'").fetchone()
    nothing = "SELECT 0 AS sequence, 0, 0, 0, 0, 0, 0, 0, 0 WHERE 0"
    return "SELECT * FROM parked" if known else nothing


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _connect(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.Error, LookError."""
    uri = path.absolute().as_uri()
    try:
        return _opened(f"{uri}?mode=ro", path)
    except sqlite3.OperationalError:
        if _log(path).exists():
            raise
        # The unit does not run and has left no log; whoever may not write in the folder cannot
        # make the index that goes with one, and does not need it.
        return _opened(f"{uri}?mode=ro&immutable=1", path)


def _opened(uri: str, path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=2)
    db.text_factory = readable
    try:
        _check(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    found = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {*TABLES, "counter"} <= found:
        raise LookError(f"{path} is a database of another program", "give the unit's own state_dir")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the disk and SQLite say, in words for a technician."""
    try:
        yield
    except FileNotFoundError as error:
        raise LookError(
            f"there is no queue at {path}",
            "the unit has not run with this state_dir yet: give --config or --state-dir",
        ) from error
    except PermissionError as error:
        raise LookError(
            f"{path} may not be read by this user", "ask with sudo, or as the service's user"
        ) from error
    except IsADirectoryError as error:
        raise LookError(f"{path} is a folder", "give the folder that it lies in") from error
    except OSError as error:
        raise LookError(f"{path} cannot be read: {error.strerror}", "check the disk") from error
    except sqlite3.DatabaseError as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code == sqlite3.SQLITE_NOTADB:
            raise LookError(
                f"{path} is no queue of patrol-edge", "the unit sets it aside when it starts"
            ) from error
        if code == sqlite3.SQLITE_CORRUPT:
            raise LookError(
                f"{path} is damaged: {error}",
                "restart the unit: it saves what can be read, and sets the file aside",
            ) from error
        raise LookError(
            f"{path} cannot be read now: {error}", "ask again, with sudo if that does not help"
        ) from error
