"""Handing a bundle over a line on which others write, too: a serial console, or SSH.

Lines of ASCII in both directions. Each of ours is `@pe1 KIND BODY CRC`, with the CRC-32 of
`KIND BODY` in eight hexadecimal digits; whatever else comes (the kernel's messages, an echo, half
a line) is not ours and is passed over. The receiver says up to which byte it has the file, so that
a lost or damaged line, and a hand-over that broke off yesterday, are gone on from at that byte.

    receiver                     sender
    hello {version}       →
                          ←      offer {size_bytes, sha256, options}
    have 0                →
                          ←      data 0:BASE64  data 768:BASE64 ...
    have 1536             →
    whole / bad           →
    step {...}            →                       what the flash says, as it goes on
    end {...}             →
                          ←      seen
"""

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal["hello", "offer", "have", "data", "whole", "bad", "step", "end", "seen", "stop"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_LINE = 64 * 1024  # bytes; longer is not ours
CONSOLE_BYTES = 768  # in one line: a terminal takes 4096 (N_TTY), a UART's buffer less
PIPE_BYTES = 24 * 1024
_OURS = re.compile(rb"@pe1 ([a-z]+) (\S*) ([0-9a-f]{8})\s*$")


@dataclass(frozen=True, slots=True)
class Part:
    """One line of ours."""

    kind: Kind
    body: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the file."""

    offset: int
    data: bytes


def line_of(kind: Kind, body: str = "") -> bytes:
    """The line, with its end."""
    inner = f"{kind} {body}".encode("ascii")
    return b"@pe1 %s %08x\n" % (inner, zlib.crc32(inner))


def line_of_object(kind: Kind, content: dict[str, Any]) -> bytes:
    """With an object in it. Base64, so that it has no blanks and no other alphabets."""
    text = json.dumps(content, separators=(",", ":"))
    return line_of(kind, base64.b64encode(text.encode()).decode("ascii"))


def line_of_piece(piece: Piece) -> bytes:
    return line_of("data", f"{piece.offset}:{base64.b64encode(piece.data).decode('ascii')}")


def read_line(line: bytes) -> Part | None:
    """What this line says, if it is one of ours and whole; other text may stand before it."""
    if len(line) > LONGEST_LINE:
        return None
    found = _OURS.search(line)
    if found is None or int(found[3], 16) != zlib.crc32(found[1] + b" " + found[2]):
        return None
    kind = next((each for each in KINDS if each.encode() == found[1]), None)
    return None if kind is None else Part(kind, found[2].decode("ascii", "replace"))


def object_in(part: Part) -> dict[str, Any] | None:
    """The object that it carries; None where there is none."""
    try:
        content = json.loads(base64.b64decode(part.body, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def piece_in(part: Part) -> Piece | None:
    """The bytes that it carries; None where there are none."""
    offset, _, data = part.body.partition(":")
    if not re.fullmatch(r"[0-9]{1,12}", offset):
        return None
    try:
        return Piece(int(offset), base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return None


def offset_in(part: Part) -> int | None:
    """The byte that it names."""
    return int(part.body) if re.fullmatch(r"[0-9]{1,12}", part.body) else None


class Lines:
    """Bytes as they come, cut into lines of ours; what is not ours is kept to be shown."""

    def __init__(self) -> None:
        self._rest = b""
        self.strange: list[str] = []  # the last lines of others

    def feed(self, data: bytes) -> list[Part]:
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[-LONGEST_LINE:]
        return [part for part in map(self._part, lines) if part is not None]

    @property
    def rest(self) -> bytes:
        """What has come of a line that is not ended."""
        return self._rest

    def _part(self, line: bytes) -> Part | None:
        part = read_line(line)
        if part is None and line.strip():
            shown = "".join(char for char in line.decode("utf-8", "replace") if char.isprintable())
            self.strange = [*self.strange[-19:], shown[-200:]]
        return part
