"""The command journal: who asked for what, and what came of it. Append-only, chained, sealed.

Its form, and how it is checked: journal_check.py. A record that is said to be written is on the
disk. Any thread may write.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from drivers.clock import Clock
from telemetry.commands.files import sync_folder
from telemetry.commands.journal_check import (
    MAX_LINE_BYTES,
    SEAL_TYPE,
    START,
    Checker,
    Deeds,
    Head,
    line_of,
)
from telemetry.commands.jws import PrivateKey, sign
from telemetry.contract.wire_types import TimeQuality, rfc3339_ms

FILE_BYTES = 4 * 1024 * 1024  # then the next file is begun
KEPT_FILES = 16
ARGS_BYTES = 2048  # longer arguments are journaled by their digest
SEAL_EVERY = 100  # records
SEAL_AFTER_S = 60.0  # and at the latest so long after a record


class JournalError(Exception):
    """The record is not on the disk, and nobody may act on it."""


def journal_files(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("journal-*.jsonl"))


class Journal:
    """The journal of one unit. Making one touches no disk; the first record opens it."""

    def __init__(
        self,
        folder: Path,
        unit: str,
        key: Callable[[], PrivateKey],
        now: Callable[[], tuple[datetime, TimeQuality]],
        clock: Clock,
    ) -> None:
        """`key` gives the device's key when it is first needed; it raises OSError."""
        self._folder = folder
        self._unit = unit
        self._find_key = key
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._head = Head()
        self._handle: int | None = None
        self._path = folder / "journal-000001.jsonl"
        self._size = 0
        self._unsealed = 0
        self._unsealed_s: float | None = None  # when the oldest record without a seal was written
        self._unsynced = False
        self._deeds = Deeds()
        self._key_named: str | None = None  # whose seals the journal says that it has
        self.new = False  # no command was accepted or refused before this run
        self.broken: str | None = None  # what was found wrong with what was there before
        self.fault: str | None = None  # why the disk takes no record now, or it cannot be sealed
        self._no_seal: str | None = None  # why the key cannot be used; a record does not end that

    @property
    def head(self) -> Head:
        return self._head

    @property
    def begun(self) -> int:
        """Number of the newest record by which a command was taken that was then begun."""
        return self._deeds.newest

    def write(self, what: str, *, sync: bool = True, **facts: Any) -> Head:
        """Append one record; None facts are left out. Returns the head that covers it.

        With `sync`, it is on the disk when this returns; else with the next that is, or `tend`.
        Raises JournalError.
        """
        with self._lock, self._guarded():
            self._open()
            self._append(what, {name: v for name, v in facts.items() if v is not None})
            if sync:
                self._sync()
            if self._unsealed >= SEAL_EVERY:
                self._seal()
            return self._head

    def tend(self) -> None:
        """What is due by the clock: call it about once a second. Never raises.

        The first call reads what an earlier run has left, so that damage is known at once.
        """
        with self._lock, suppress(JournalError), self._guarded():
            self._open()
            if self._unsynced:
                self._sync()
            due_s = self._unsealed_s
            if due_s is not None and self._clock.mono_s() - due_s >= SEAL_AFTER_S:
                self._seal()

    def close(self) -> None:
        """Seal what is not sealed. Never raises."""
        with self._lock, suppress(JournalError), self._guarded():
            if self._handle is not None:
                if self._unsealed:
                    self._seal()
                self._drop_handle()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What reached the disk is not known: read it again before going on.
            self._drop_handle()
            self.fault = error.strerror or str(error)
            raise JournalError(f"the command journal cannot be written: {self.fault}") from error
        self.fault = self._no_seal

    def _drop_handle(self) -> None:
        if self._handle is not None:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = None

    # --- opening ---

    def _open(self) -> None:
        if self._handle is not None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = journal_files(self._folder)
        if not files:
            self.new = True
            self._begin(1, Head(), "begun")
            return
        checker = Checker()
        checker.read(files[-1], last=True)
        verdict = checker.finish()
        number, self._deeds = _number(files[-1]), checker.deeds
        self._key_named = checker.key_named
        if verdict.bad is None and verdict.first is None:
            files[-1].unlink()  # the power went before its first record was whole
            self._open()
            return
        if verdict.bad is not None:
            self.broken = verdict.bad
            # The old files stay as they are: they are evidence. The chain says where it broke.
            self._begin(number + 1, Head(verdict.head.n, verdict.head.hash), "broken")
            return
        self.new = len(files) == 1 and not (verdict.accepted or verdict.refused)
        self._resume(files[-1], verdict.head, verdict.torn_bytes)

    def _resume(self, path: Path, head: Head, torn_bytes: int) -> None:
        self._path, self._head = path, head
        self._size = path.stat().st_size - torn_bytes
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if torn_bytes:
            os.ftruncate(self._handle, self._size)
            self._append("torn", {"bytes": torn_bytes})
        self._unsealed = max(self._unsealed, 1)
        self._unsealed_s = self._clock.mono_s()

    def _begin(self, number: int, head: Head, what: str) -> None:
        """The next file. Its first record repeats the last hash, so that it can stand alone."""
        self._drop_handle()
        self._path = self._folder / f"journal-{number:06d}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._handle = os.open(self._path, flags, 0o600)
        self._head, self._size = head, 0
        facts: dict[str, Any] = {"unit": self._unit} | self._named(self._find_key())
        if head.hash != START:
            facts |= {"before": head.hash, "begun": self.begun}
        if self.broken is not None and what == "broken":
            facts["why"] = self.broken
        self._append(what, facts)
        self._sync()
        sync_folder(self._folder)
        for old in journal_files(self._folder)[:-KEPT_FILES]:
            self._append("deleted", {"file": old.name})
            old.unlink()

    # --- writing ---

    def _append(self, what: str, facts: dict[str, Any]) -> None:
        if self._handle is None:
            raise OSError("not open")
        now, quality = self._now()
        record = {"n": self._head.n + 1, "at": rfc3339_ms(now), "tq": quality, "what": what}
        line, digest = line_of(self._head.hash, record | facts)
        if len(line) > MAX_LINE_BYTES:  # no reader would take it: the chain would end here
            raise JournalError(f"a record of {len(line)} bytes is too long")
        if os.write(self._handle, line) != len(line):
            raise OSError("the disk took only a part of a record")
        self._head = Head(self._head.n + 1, digest)
        self._size += len(line)
        self._unsynced = True
        self._deeds.note(record | facts)
        if what != "seal":
            self._unsealed += 1
            self._unsealed_s = self._unsealed_s or self._clock.mono_s()

    def _sync(self) -> None:
        if self._handle is not None:
            os.fsync(self._handle)
            self._unsynced = False

    def _seal(self) -> None:
        try:
            key = self._find_key()
        except OSError as error:
            self._no_seal = error.strerror or str(error)
            raise
        self._no_seal = None
        if key.public.text != self._key_named:  # the old one was lost, or exchanged
            self._append("key_changed", self._named(key))
        claims = {"n": self._head.n, "head": self._head.hash, "unit": self._unit}
        self._append("seal", {"jws": sign(claims, key, typ=SEAL_TYPE)})
        self._sync()
        self._unsealed, self._unsealed_s = 0, None
        if self._size >= FILE_BYTES:
            self._begin(_number(self._path) + 1, self._head, "continued")
            self._unsealed, self._unsealed_s = 0, None

    def _named(self, key: PrivateKey) -> dict[str, Any]:
        """Whose seals come after this record, and whose came before, if it is another key."""
        was, self._key_named = self._key_named, key.public.text
        return {"key": key.public.text} | ({} if was in (None, key.public.text) else {"was": was})


def _number(path: Path) -> int:
    text = path.stem.rpartition("-")[2]
    return int(text) if text.isascii() and text.isdigit() else 0
