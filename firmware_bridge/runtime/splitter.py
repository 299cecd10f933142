"""What comes from one line, sorted: frames of the run-time link, management lines, text.

Three things share the UART, and can be told apart without asking who is speaking:

- a frame stands between two 0x00, and its second byte there is its version, 1 to 7;
- a line of MCUmgr's SMP (Zephyr, "SMP over console") begins with 06 09 or 04 14, goes on in base64,
  and ends with a line feed: no 0x00, no 1 to 7;
- all else is what the board prints on its console.

A frame that falls into the middle of a line does not cut it.
"""

import re
from collections import Counter
from dataclasses import dataclass

from firmware_bridge.runtime.frames import (
    MAX_STUFFED_BYTES,
    VERSIONS,
    BadFrameError,
    Frame,
    decode,
)

DAMAGES = ("cobs", "short", "crc", "length", "too_long")  # of frames, as they are counted
MAX_LINE_BYTES = 1024  # SMP's lines have 128; a longer one is no line
_SMP = re.compile(rb"\x06\x09|\x04\x14")
_PRINTED = re.compile(rb"[\t\x1b -~]")


@dataclass(frozen=True, slots=True)
class ManagementLine:
    """One line of SMP over serial, from its first two bytes on, without the line feed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ConsoleText:
    """One line that the board printed, as ASCII; what is none is replaced by U+FFFD."""

    text: str


Item = Frame | ManagementLine | ConsoleText


class Splitter:
    """Feed it what comes, in any pieces; holds at most one unfinished frame and one line."""

    def __init__(self) -> None:
        self._segment = b""  # since the last 0x00, while it may be a frame
        self._is_text = False  # what follows until the next 0x00 is none
        self._line = b""
        self.counts: Counter[str] = Counter()
        """frames; and dropped: DAMAGES (frames), other_bytes."""

    def feed(self, data: bytes) -> list[Item]:
        """What is complete by now, in the order in which it was completed."""
        items: list[Item] = []
        *ended, last = data.split(b"\0")
        for piece in ended:
            self._take(piece, items)
            self._end(items)
        self._take(last, items)
        return items

    def _take(self, piece: bytes, items: list[Item]) -> None:
        if self._is_text:
            self._text(piece, items)
            return
        segment = self._segment = self._segment + piece
        if len(segment) < 2:
            return
        if segment[1] in VERSIONS and len(segment) <= MAX_STUFFED_BYTES:
            return
        if segment[1] in VERSIONS:
            self.counts["too_long"] += 1
            segment = segment[MAX_STUFFED_BYTES:]
        self._segment, self._is_text = b"", True
        self._text(segment, items)

    def _end(self, items: list[Item]) -> None:
        """A 0x00 has come."""
        segment, self._segment, self._is_text = self._segment, b"", False
        if len(segment) < 2:
            self._text(segment, items)
            return
        try:
            items.append(decode(segment))
        except BadFrameError as error:
            self.counts[error.cause] += 1
        else:
            self.counts["frames"] += 1

    def _text(self, piece: bytes, items: list[Item]) -> None:
        *ended, rest = (self._line + piece).split(b"\n")
        for line in ended:
            self._one_line(line, items)
        if len(rest) > MAX_LINE_BYTES:
            self._one_line(rest, items)
            rest = b""
        self._line = rest

    def _one_line(self, line: bytes, items: list[Item]) -> None:
        found = _SMP.search(line)
        printed = (line if found is None else line[: found.start()]).strip(b"\r")
        if printed:
            self.counts["other_bytes"] += len(_PRINTED.sub(b"", printed))
            items.append(ConsoleText(printed.decode("ascii", "replace")))
        if found is not None:
            items.append(ManagementLine(line[found.start() :].rstrip(b"\r")))
