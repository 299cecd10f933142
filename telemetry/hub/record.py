"""A record of everything that a hub hears and says: lines of JSON, exact to the byte.

One line is one entry. Payloads that are UTF-8 stand as `text`, others as `base64`, so that the same
bytes come back. A record can be cut anywhere, and be of any age: readers skip what they cannot
read, and say so.
"""

import base64
import binascii
import glob
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telemetry.contract.wire_types import UtcTime, rfc3339_ms

Direction = Literal["in", "out", "note"]
MAX_LINE_BYTES = 8 * 2**20  # a picture of 4 MiB, and some air


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message, heard (`in`) or said (`out`), or a `note` about the hub itself."""

    at: datetime  # UTC
    mono_s: float  # of the process that wrote it
    direction: Direction
    topic: str = ""  # of a note: what it says (started, connected, lost, ...)
    payload: bytes = b""
    retained: bool = False
    qos: int = 1
    content_type: str | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    verdict: str | None = None  # of a hub, on what it heard


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no entry."""

    line: int  # from 1
    cause: Literal["too_long", "not_json", "invalid", "cut"]


class _Line(BaseModel):
    """The entry as it is written."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    at: UtcTime
    mono_s: float
    dir: Direction
    topic: str
    retain: bool = False
    qos: Annotated[int, Field(ge=0, le=2)] = 1
    content_type: str | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    base64: str | None = None
    verdict: str | None = None


def to_line(entry: Entry) -> str:
    """One line, with its end."""
    found: dict[str, Any] = {
        "at": rfc3339_ms(entry.at),
        "mono_s": round(entry.mono_s, 6),
        "dir": entry.direction,
        "topic": entry.topic,
    }
    if entry.verdict is not None:
        found["verdict"] = entry.verdict
    if entry.direction != "note":
        found |= {"retain": entry.retained, "qos": entry.qos}
    if entry.content_type is not None:
        found["content_type"] = entry.content_type
    if entry.user_properties:
        found["user_properties"] = entry.user_properties
    try:
        found["text"] = entry.payload.decode("utf-8")
    except UnicodeDecodeError:
        found["base64"] = base64.b64encode(entry.payload).decode()
    return json.dumps(found, separators=(",", ":")) + "\n"


def from_line(line: bytes) -> Entry | Literal["not_json", "invalid"]:
    """The entry, or why it is none. Raises nothing."""
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as error:
        return "not_json" if error.errors()[0]["type"] == "json_invalid" else "invalid"
    try:
        payload = (
            (read.text or "").encode("utf-8")
            if read.base64 is None
            else base64.b64decode(read.base64, validate=True)
        )
    except (binascii.Error, ValueError):  # also of text with half a surrogate pair
        return "invalid"
    return Entry(
        at=read.at,
        mono_s=read.mono_s,
        direction=read.dir,
        topic=read.topic,
        payload=payload,
        retained=read.retain,
        qos=read.qos,
        content_type=read.content_type,
        user_properties=read.user_properties,
        verdict=read.verdict,
    )


def read_record(path: Path) -> Iterator[Entry | Unreadable]:
    """All lines in their order, one at a time in memory. Raises OSError for the file itself."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                    pass
                yield Unreadable(number, "too_long")
            elif line.strip():
                found = from_line(line)
                cut = not isinstance(found, Entry) and not line.endswith(b"\n")
                yield (
                    found
                    if isinstance(found, Entry)
                    else Unreadable(number, "cut" if cut else found)
                )


def record_parts(path: Path) -> list[Path]:
    """The files of one record, oldest first: `NAME.1`, `NAME.2`, ..., `NAME`."""
    numbered = []
    for other in path.parent.glob(f"{glob.escape(path.name)}.*"):
        number = other.name.removeprefix(f"{path.name}.")
        if number.isascii() and number.isdigit():
            numbered.append((int(number), other))
    return [other for _, other in sorted(numbered)] + ([path] if path.is_file() else [])


class Recorder:
    """Appends entries to a file. What `settle` returned from survives a power cut.

    Over `max_bytes` the file is renamed to `NAME.1`, `NAME.2` and so on, and a new one begun.
    """

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        """Raises OSError."""
        self._path = path
        self._max_bytes = max_bytes
        self._dirty = False
        self._file = self._open()

    def _open(self) -> IO[bytes]:
        file = self._path.open("ab")
        if file.tell() and not _ends_with_a_line(self._path):
            file.write(b"\n")  # the power was cut here: that line stays the only one that is lost
        return file

    def write(self, entry: Entry) -> None:
        """Raises OSError; its `filename` is the record's."""
        with self._naming_the_file():
            self._file.write(to_line(entry).encode())
            self._dirty = True

    def settle(self) -> None:
        """What was written is on the disk. Raises OSError."""
        if not self._dirty:
            return
        with self._naming_the_file():
            self._file.flush()
            _to_disk(self._file)
            self._dirty = False
            if self._max_bytes is not None and self._file.tell() >= self._max_bytes:
                self._rotate()

    def _rotate(self) -> None:
        self._file.close()
        self._path.rename(_next_name(self._path))
        self._file = self._open()

    def close(self) -> None:
        """Without what a full disk did not take; `settle` tells that."""
        with suppress(OSError):
            self._file.close()

    def _naming_the_file(self) -> "_Naming":
        return _Naming(self._path)


class _Naming:
    """Errors of a file that is open do not say which file it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(self._path)) from error


def _to_disk(file: IO[bytes]) -> None:
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno != 22:  # EINVAL: a pipe or a terminal, which has no disk
            raise


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _next_name(path: Path) -> Path:
    number = 1
    while (found := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return found
