"""What to do when the store's file is damaged: set it aside, save what can be read, number on."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from telemetry.contract.topics import UP_LEAVES
from telemetry.outbox.guard import unguarded
from telemetry.outbox.rows import POSITIONS, PRIORITIES, Change, RawParked, RawRow
from telemetry.outbox.schema import TABLES, StoreError, StoreFullError
from telemetry.outbox.store import Store

KEPT_ASIDE = 3
STEP = 10_000  # numbers that are reserved at once
HIGHEST = 2**53  # no unit ever gets there: a larger number is damage


@contextmanager
def folder_errors() -> Iterator[None]:
    """A missing or read-only folder is the store's trouble too: OSError becomes StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(str(error)) from error


def set_aside(path: Path) -> Path:
    """Move a corrupt file out of the way, with its log, for whoever may want to look at it.

    Returns its new name, `.corrupt-N`. Only the newest few are kept, or they would fill the disk.
    Raises OSError.
    """
    number = 1 + max((_aside_number(old) for old in aside(path)), default=0)
    target = path.with_name(f"{path.name}.corrupt-{number}")
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
    with suppress(FileNotFoundError):
        path.rename(target)
    sync_folder(path.parent)
    for old in aside(path)[:-KEPT_ASIDE]:
        for ending in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                old.with_name(old.name + ending).unlink()
    return target


def put_in_place(new: Path, path: Path) -> None:
    """Give a whole file, whose log is empty, its name. Raises OSError."""
    new.rename(path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """A file that was begun and not finished, with its log. Raises OSError."""
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def aside(path: Path) -> list[Path]:
    """The files set aside so far, oldest first."""
    found = (p for p in path.parent.glob(f"{path.name}.corrupt-*") if _aside_number(p))
    return sorted(found, key=_aside_number)


def _aside_number(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def rescue(old: Path, new: Path, max_bytes: int, make_room: Callable[[], None]) -> tuple[int, int]:
    """Write what is sound in a damaged file into a new one, whole and with an empty log.

    Where the limit or the disk has no room for all, the most urgent come first, and the rest stays
    in the damaged file: `make_room` is called then, for the log. Returns how many messages wait in
    the new one, and how many stayed in the other. Raises StoreError.
    """
    with folder_errors():
        remove(new)
    store = Store.open(new, max_bytes)
    sound = 0
    try:
        store.commit(Change(counters=salvage_counters(old)))
        try:
            for number in range(PRIORITIES):
                if number == POSITIONS:
                    store.take_over_parked(salvage_parked(old))
                store.take_over(number, salvage(old, number))
        except StoreFullError:
            make_room()
            sound = sum(1 for number in range(PRIORITIES) for _ in salvage(old, number))
        store.empty_log()
        saved = sum(count for count, _ in store.sizes())
        return saved, max(0, sound - saved)
    finally:
        store.close()


def salvage(path: Path, priority: int) -> Iterator[RawRow]:
    """The sound rows of a damaged file: from its start to the damage, and from its end back to it.

    Never raises for what the file contains.
    """
    read_to = 0
    table = TABLES[priority]
    with suppress(sqlite3.DatabaseError), closing(_read_only(path)) as db:
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(f"SELECT * FROM {table} ORDER BY sequence"):  # noqa: S608 - own
                if _sound(row):
                    read_to = row[0]
                    yield row
        query = f"SELECT * FROM {table} WHERE sequence > ? ORDER BY sequence DESC"  # noqa: S608
        yield from (row for row in db.execute(query, (read_to,)) if _sound(row))


def salvage_parked(path: Path) -> Iterator[RawParked]:
    """The sound rows that were laid aside, up to the damage. Never raises for what it reads."""
    with suppress(sqlite3.DatabaseError), closing(_read_only(path)) as db:
        for row in db.execute("SELECT * FROM parked ORDER BY sequence"):
            sequence, priority, kind, message_id, put_ms, body, *why = row
            if _sound((sequence, kind, message_id, put_ms, body)) and _sound_reason(priority, why):
                yield row


def salvage_counters(path: Path) -> dict[str, int]:
    """What the file has counted, as far as it can be read. Never raises for what it reads."""
    found: dict[str, int] = {}
    with suppress(sqlite3.DatabaseError), closing(_read_only(path)) as db:
        for name, value in db.execute("SELECT name, value FROM counter"):
            if isinstance(name, str) and isinstance(value, int) and 0 <= value < HIGHEST:
                found[name] = value
    return found


def readable(text: bytes) -> str:
    """A text column, whatever damage has made of it."""
    return text.decode("utf-8", "replace")


def _read_only(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    db.text_factory = readable
    return db


def _sound(row: tuple[object, ...]) -> bool:
    """Is this really a row that was stored?"""
    match row:
        case (int() as sequence, str() as kind, str() as message_id, int(), bytes() as stored):
            whole = unguarded(sequence, kind, message_id, stored) is not None
            return whole and 0 < sequence < HIGHEST and kind in UP_LEAVES
    return False


def _sound_reason(priority: object, why: list[object]) -> bool:
    match (priority, *why):
        case (int() as number, str(), int(), int()):
            return 0 <= number < PRIORITIES
    return False


class HighWater:
    """What numbers were given out, told outside the database: the same (unit, sequence) must never
    name two messages, even if the database or the end of its log is lost.

    `read` is a number no smaller than any given out, written ahead in steps and synced, so that it
    costs nothing per message. `last` is the last one given out: written with each commit, not
    synced, it may lag after a power cut, but it is never ahead of a sound database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reserved = 0

    def read(self) -> int:
        """The number; 0 where there is none, or none that can be read."""
        self._reserved = _number_in(self.path)
        return self._reserved

    def ensure(self, sequence: int) -> None:
        """See that this one may be given out. Never raises."""
        if sequence > self._reserved:
            # Without the file all goes on; only a lost database would then start at 1.
            with suppress(OSError):
                self._write(sequence + STEP)
                self._reserved = sequence + STEP

    def _write(self, value: int) -> None:
        """Replace the number, power-cut safe: file synced, renamed, folder synced."""
        new = self.path.with_name(self.path.name + ".new")
        with new.open("w") as file:
            file.write(f"{value}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        sync_folder(self.path.parent)

    def last(self) -> int:
        """The last number given out, as far as is known; one that cannot be true is 0."""
        found = _number_in(self._last)
        return found if found <= _number_in(self.path) else 0

    def note(self, sequence: int) -> None:
        """This was given out. Never raises."""
        with suppress(OSError):
            handle = os.open(self._last, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(handle, f"{sequence:020}\n".encode(), 0)
            finally:
                os.close(handle)

    @property
    def _last(self) -> Path:
        return self.path.with_name(self.path.name + ".last")


def _number_in(path: Path) -> int:
    try:
        text = path.read_bytes()[:32].decode("ascii").strip()
        return int(text) if text.isdigit() else 0
    except (OSError, UnicodeDecodeError):
        return 0
