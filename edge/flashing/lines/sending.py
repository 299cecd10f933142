"""The sender's side of a hand-over: a file on the technician's laptop, over a line to the unit."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from config.language import Told, tell
from drivers.clock import Clock
from edge.flashing.lines.handover import (
    CONSOLE_BYTES,
    Lines,
    Part,
    Piece,
    line_of,
    line_of_object,
    line_of_piece,
    object_in,
    offset_in,
)

HELLO_S = 20.0  # until the program on the unit is there: a small computer takes its time
SILENT_S = 30.0  # nothing of ours came: the line is dead
AGAIN_S = 2.0  # the unit did not go on: the last lines are sent once more
FLASH_SILENT_S = 180.0  # while the unit flashes, it may say nothing for so long


class Line(Protocol):
    """Bytes to and from the unit."""

    def read(self, wait_s: float) -> bytes:
        """What came; empty if nothing did within the time. Raises LineLostError."""

    def write(self, data: bytes) -> None:
        """Raises LineLostError."""


class LineLostError(Exception):
    """The line has gone. The text says what is known, `cure` what to do."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Offer:
    """What is handed over."""

    path: Path
    size_bytes: int
    sha256: str
    options: dict[str, Any]  # force, wait_s

    @classmethod
    def of(cls, path: Path, options: dict[str, Any]) -> "Offer":
        """Raises OSError."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            size_bytes = file.tell()
        return cls(path, size_bytes, digest.hexdigest(), options)


Sent = Callable[[int, int], None]  # bytes that the unit has, of how many
Step = Callable[[dict[str, Any]], None]  # what the flash on the unit says


class Sender:
    """One hand-over. `piece_bytes` and `window_bytes`: in one line, and under way at once."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        piece_bytes: int = CONSOLE_BYTES,
        window_bytes: int = 4 * CONSOLE_BYTES,
    ) -> None:
        self._line = line
        self._clock = clock
        self._lines = Lines()
        self._piece_bytes = piece_bytes
        self._window_bytes = window_bytes
        self._ahead: list[Part] = []  # read, and not yet looked at
        self.resent = 0  # how often it was gone back

    def hand_over(self, offer: Offer, sent: Sent, step: Step) -> dict[str, Any]:
        """How the flash on the unit ended. Raises LineLostError, OSError."""
        self._await_hello()
        with offer.path.open("rb") as file:
            self._send(file, offer, sent)
        return self._await_end(step)

    def stop(self) -> None:
        """Tell the receiver to give up: best effort."""
        self._line.write(b"\n" + line_of("stop"))

    # --- one after the other ---

    def _await_hello(self) -> None:
        ends_s = self._clock.mono_s() + HELLO_S
        while self._clock.mono_s() < ends_s:
            if any(part.kind == "hello" for part in self._parts(0.2)):
                return
        told, cure = _not_there(self._lines)
        raise LineLostError(told, cure)

    def _send(self, file: BinaryIO, offer: Offer, sent: Sent) -> None:
        """Until the unit has all of it."""
        going = _Going(self._line, file, offer, self._piece_bytes, self._window_bytes)
        heard_s, again_s = self._clock.mono_s(), float("-inf")
        while not going.whole:
            now_s = self._clock.mono_s()
            if now_s - heard_s > SILENT_S:
                raise LineLostError(*_silent(self._lines))
            if now_s - again_s > AGAIN_S:
                again_s = now_s
                going.go_back()
            going.fill()
            parts = self._parts(0.05)
            while parts and not going.whole:
                heard_s = now_s
                if going.hear(parts.pop(0)):
                    again_s = now_s
                    sent(going.has or 0, offer.size_bytes)
            self._ahead = parts  # what the flash says already
        self.resent += going.resent

    def _await_end(self, step: Step) -> dict[str, Any]:
        heard_s = self._clock.mono_s()
        while self._clock.mono_s() - heard_s <= FLASH_SILENT_S:
            for part in self._parts(0.2):
                heard_s = self._clock.mono_s()
                content = object_in(part)
                if part.kind == "end" and content is not None:
                    for _ in range(3):  # nobody says that this has come
                        self._line.write(line_of("seen"))
                    return content
                if part.kind == "step" and content is not None:
                    step(content)
        raise LineLostError(
            tell("the unit has the bundle, but no longer answers"),
            tell("look at the unit itself: patrol-edge slots list"),
        )

    def _parts(self, wait_s: float) -> list[Part]:
        ahead, self._ahead = self._ahead, []
        return ahead or self._lines.feed(self._line.read(wait_s))


class _Going:
    """A file on its way: what the unit has of it, and up to where it is under way."""

    def __init__(
        self, line: Line, file: BinaryIO, offer: Offer, piece_bytes: int, window_bytes: int
    ) -> None:
        self._line = line
        self._file = file
        self._offer = offer
        self._piece_bytes = piece_bytes
        self._window_bytes = window_bytes
        self.has: int | None = None  # None: it has not answered the offer
        self._at = 0
        self.whole = False
        self.resent = 0

    def go_back(self) -> None:
        """Nothing has moved: what was under way is lost."""
        if self.has is None:
            size_bytes, sha256 = self._offer.size_bytes, self._offer.sha256
            content = {"size_bytes": size_bytes, "sha256": sha256, **self._offer.options}
            self._line.write(line_of_object("offer", content))
        else:
            self.resent += self._at > self.has
            self._at = self.has

    def fill(self) -> None:
        """Send on, as far as may be under way."""
        if self.has is None:
            return
        self._file.seek(self._at)
        while self._at < self._offer.size_bytes and self._at - self.has < self._window_bytes:
            data = self._file.read(self._piece_bytes)
            if not data:
                raise LineLostError(
                    tell("{file} has become shorter", file=self._offer.path.name),
                    tell("leave the file alone while it is sent, and send it again"),
                )
            self._line.write(line_of_piece(Piece(self._at, data)))
            self._at += len(data)

    def hear(self, part: Part) -> bool:
        """Whether it has gone on. Raises LineLostError for a unit that refuses."""
        match part.kind:
            case "end":
                raise _refused(part)
            case "whole":
                self.whole, self.has = True, self._offer.size_bytes
            case "bad":  # all of it came, and it is not the file: from the start
                self.has = self._at = 0
            case "have":
                return self._hear_have(offset_in(part))
            case _:
                return False
        return True

    def _hear_have(self, told: int | None) -> bool:
        if told is None or told > self._offer.size_bytes:
            return False
        on = self.has is None or told > self.has
        if not on and told == self.has:  # said again: what came behind it is lost
            self.go_back()
        self.has, self._at = told, max(self._at, told)
        return on


def _not_there(lines: Lines) -> tuple[Told, Told]:
    heard = " / ".join([*lines.strange[-3:], lines.rest.decode("utf-8", "replace").strip()[-200:]])
    heard = heard.strip(" /")
    if not heard:
        return (
            tell("nothing comes back from the unit"),
            tell("is it on, the cable in, the baud rate right? Then send it again"),
        )
    if "command not found" in heard or "not found" in heard.rsplit("/", 1)[-1]:
        return (
            tell("patrol-edge is not installed there: {heard}", heard=heard),
            tell("install the package first: docs/technician.md"),
        )
    return (
        tell("the unit does not take the bundle; it says: {heard}", heard=heard),
        tell("log in there by hand once, and try `patrol-edge version`"),
    )


def _silent(lines: Lines) -> tuple[Told, Told]:
    heard = lines.strange[-1] if lines.strange else "-"
    return (
        tell("the line went silent; last heard: {heard}", heard=heard),
        tell("check the cable, then the same command again: it goes on where it broke off"),
    )


def _refused(part: Part) -> LineLostError:
    content = object_in(part) or {}
    return LineLostError(
        str(content.get("text", "the unit does not take it")), str(content.get("cure", ""))
    )
