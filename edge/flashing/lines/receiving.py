"""The unit's side of a hand-over: the file as it comes over a line, kept until it is whole.

What has come is kept under the file's hash, so that a hand-over that broke off is gone on from.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.language import tell
from drivers.clock import Clock
from edge.bundles.manifest import MOST_BYTES
from edge.flashing.lines.handover import (
    Lines,
    Part,
    line_of,
    line_of_object,
    object_in,
    piece_in,
)
from edge.flashing.lines.sending import Line, LineLostError
from edge.slots.folders import make_folder

SILENT_S = 60.0
HELLO_EVERY_S = 1.0
HAVE_EVERY_S = 1.0  # said again, where nothing comes
END_EVERY_S, END_TIMES = 0.5, 10
SPARE_BYTES = 64 * 1024 * 1024  # what the disk keeps besides
MOST_KEPT = 4  # files that were not whole


class Offered(BaseModel):
    """What the sender says that it will send."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    size_bytes: int = Field(ge=1, le=MOST_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    force: bool = False
    wait_s: float | None = Field(None, ge=0, le=3600, description="for the trial's end")


class NotTakenError(Exception):
    """The file cannot be taken. The text says why, `cure` what to do."""

    def __init__(self, text: str, cure: str = "") -> None:
        super().__init__(text)
        self.cure = cure


class Receiver:
    """One hand-over, into `folder`."""

    def __init__(self, line: Line, folder: Path, clock: Clock, version: str) -> None:
        self._line = line
        self._folder = folder
        self._clock = clock
        self._version = version
        self._lines = Lines()

    def receive(self) -> tuple[Path, Offered]:
        """The file, whole. Raises LineLostError, NotTakenError (which the sender was told)."""
        offered = self._await_offer()
        try:
            path = self._take(offered)
        except OSError as error:
            told = tell("the unit's disk does not take it: {why}", why=error.strerror or str(error))
            raise self._refused(
                told, tell("make room on the unit: df -h; then send it again")
            ) from error
        self._line.write(line_of("whole"))
        return path, offered

    def step(self, content: dict[str, Any]) -> None:
        """Tell the sender what the flash says."""
        self._line.write(line_of_object("step", content))

    def end(self, content: dict[str, Any]) -> None:
        """Tell how it ended, until the sender has seen it, or does not answer."""
        for _ in range(END_TIMES):
            self._line.write(line_of_object("end", content))
            with suppress(LineLostError):
                if any(part.kind == "seen" for part in self._parts(END_EVERY_S)):
                    return

    # --- one after the other ---

    def _await_offer(self) -> Offered:
        ends_s = self._clock.mono_s() + SILENT_S
        hello = line_of_object("hello", {"version": self._version})
        while self._clock.mono_s() < ends_s:
            self._line.write(hello)
            for part in self._parts(HELLO_EVERY_S):
                if part.kind == "offer":
                    return self._offered(part)
                self._heed(part)
        raise LineLostError(tell("nothing was sent"), tell("send it again"))

    def _offered(self, part: Part) -> Offered:
        try:
            return Offered.model_validate(object_in(part))
        except ValidationError:
            raise self._refused(
                tell("what is offered is no bundle, or too large"),
                tell("at most {most} MiB", most=MOST_BYTES // 2**20),
            ) from None

    def _take(self, offered: Offered) -> Path:
        make_folder(self._folder)
        path = self._folder / f"{offered.sha256}.part"
        self._make_room(path, offered.size_bytes)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
            has = min(file.seek(0, os.SEEK_END), offered.size_bytes)
            for last in (False, True):
                self._take_on(file, has, offered.size_bytes)
                file.flush()
                if _digest(file) == offered.sha256:
                    os.fsync(file.fileno())
                    return path
                has = file.truncate(0)
                if not last:  # what lay here from before may be another's
                    self._line.write(line_of("bad"))
        path.unlink(missing_ok=True)
        raise self._refused(
            tell("what came is not the file that was announced"), tell("send it again")
        )

    def _take_on(self, file: IO[bytes], has: int, size_bytes: int) -> None:
        """From this byte on, until all of it is here."""
        heard_s = said_s = self._clock.mono_s()
        coming = _Coming(file, has, size_bytes)
        self._line.write(line_of("have", str(has)))
        while coming.has < size_bytes:
            now_s = self._clock.mono_s()
            if now_s - heard_s > SILENT_S:
                raise LineLostError(tell("the sender went silent"), tell("send it again"))
            tells = now_s - said_s > HAVE_EVERY_S
            for part in self._parts(0.2):
                heard_s = now_s
                self._heed(part)
                tells |= coming.take(part)
            if tells:
                said_s = now_s
                self._line.write(line_of("have", str(coming.has)))

    def _heed(self, part: Part) -> None:
        if part.kind == "stop":
            raise LineLostError(tell("the sender has stopped"), tell("send it again"))

    def _make_room(self, path: Path, size_bytes: int) -> None:
        """Drop what was begun long ago, and see that the disk has room."""
        others = [each for each in self._folder.glob("*.part") if each != path]
        others.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for old in others[MOST_KEPT - 1 :]:
            old.unlink(missing_ok=True)
        free = os.statvfs(self._folder)
        here = path.stat().st_size if path.exists() else 0
        if free.f_bavail * free.f_frsize < size_bytes - here + SPARE_BYTES:
            raise self._refused(
                tell(
                    "only {free} MiB are free on the unit, {needed} are needed",
                    free=free.f_bavail * free.f_frsize // 2**20,
                    needed=(size_bytes + SPARE_BYTES) // 2**20,
                ),
                tell("make room on the unit: df -h; then send it again"),
            )

    def _refused(self, text: str, cure: str) -> NotTakenError:
        self.end({"ok": False, "text": text, "cure": cure})
        return NotTakenError(text, cure)

    def _parts(self, wait_s: float) -> list[Part]:
        return self._lines.feed(self._line.read(wait_s))


class _Coming:
    """A file as it comes."""

    def __init__(self, file: IO[bytes], has: int, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self.has = has
        self._gap_told = -1
        file.seek(has)

    def take(self, part: Part) -> bool:
        """Whether the sender should hear now what is here."""
        piece = piece_in(part) if part.kind == "data" else None
        if piece is None:
            return False
        if piece.offset == self.has and self.has + len(piece.data) <= self._size_bytes:
            self._file.write(piece.data)
            self.has += len(piece.data)
            return True
        told = self._gap_told == self.has  # what is under way behind a gap tells nothing new
        self._gap_told = self.has
        return piece.offset > self.has and not told


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def json_lines(text: str) -> dict[str, Any]:
    """A line of the flash command's output; what is no object is told as a text."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    return content if isinstance(content, dict) else {"text": text}
