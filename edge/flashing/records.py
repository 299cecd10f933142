"""What was flashed and refused, for the unit's journal, whoever did it and whether a unit runs.

The journal is the running unit's alone: its chain has one writer. So each record is first a line in
a file of its own, on the disk when `note` returns; the unit takes it over within a second, or when
it starts next. A crash in between can bring a record twice, with the same `record`; never lose one.
"""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.slots.folders import make_folder
from telemetry.commands.files import hand_to_owner, one_at_a_time, sync_folder
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.strict_json import BadJsonError, canonical, loads_object
from telemetry.contract.wire_types import rfc3339_ms

PENDING = "records.jsonl"  # in the slots' folder
TAKEN = "records.taken.jsonl"  # while they are taken over
MOST_BYTES = 8 * 1024 * 1024  # ten thousand records: a unit that never starts keeps no more
MOST_LINE_BYTES = 8 * 1024
WHAT = "flash"  # what each record is called in the journal


def note(folder: Path, step: str, now: datetime, **facts: Any) -> None:
    """One record; None facts are left out. Raises OSError; where too many wait, too."""
    kept = {name: value for name, value in facts.items() if value is not None}
    record = {"record": uuid.uuid4().hex, "step": step, "when": rfc3339_ms(now)} | kept
    line = canonical(record)
    if len(line) >= MOST_LINE_BYTES:
        line = canonical({name: record[name] for name in ("record", "step", "when")})
    make_folder(folder)
    with one_at_a_time(folder):
        _append(folder / PENDING, line + b"\n")


def _append(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size + len(line) > MOST_BYTES:
            raise OSError(f"{path} is full: no unit has taken over what it holds")
        hand_to_owner(handle, path.parent)
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"  # by a power cut
        os.write(handle, (b"\n" if torn else b"") + line)
        os.fsync(handle)
    finally:
        os.close(handle)
    if size == 0:
        sync_folder(path.parent)


def waiting(folder: Path) -> list[dict[str, Any]]:
    """What no unit has taken over yet. Raises OSError."""
    return [*_records(folder / TAKEN), *_records(folder / PENDING)]


Heard = Callable[[dict[str, Any]], bool]  # whether it is kept where else it is told


def take_over(folder: Path, journal: Journal, heard: Heard = lambda _record: True) -> int:
    """For the running unit, about once a second: what waits goes into its journal.

    Returns how many did. What the disk refuses waits on, and what `heard` has not kept: it is told
    of each before the journal has it. Never raises.
    """
    try:
        if not (folder / TAKEN).exists():
            if not (folder / PENDING).exists():
                return 0
            with one_at_a_time(folder):
                (folder / PENDING).replace(folder / TAKEN)
        records = list(_records(folder / TAKEN))
        if not all(heard(record) for record in records):
            return 0
        for number, record in enumerate(records, 1):
            journal.write(WHAT, sync=number == len(records), **record)
        (folder / TAKEN).unlink()
        sync_folder(folder)
    except (OSError, JournalError):
        return 0
    return len(records)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Lines that a power cut left unfinished are left out: whatever they told was not done."""
    try:
        with path.open("rb") as file:
            lines = file.read(MOST_BYTES + MOST_LINE_BYTES).split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            found = loads_object(line, max_depth=3) if line else {}
        except BadJsonError:
            continue
        if {"record", "step", "when"} <= found.keys() and not found.keys() & {"what", "sync"}:
            yield found


def told(record: dict[str, Any]) -> str:
    """One line, for whoever looks at what waits."""
    return json.dumps(record, ensure_ascii=False)
