"""NMEA 0183 sentences out of any bytes: noise, UBX, RTCM, AIS or half a line may stand between.

A sentence is `$`, printable ASCII, `*` and two hex digits that are the XOR of what lies between
(NMEA 0183, section 5.3). The line end is not waited for: the checksum says that all is there.
"""

import operator
import re
from collections import Counter
from functools import reduce
from typing import NamedTuple

MAX_SENTENCE_BYTES = 1024  # the standard says 82; $PUBX,03 lists 60 satellites in 800

_CANDIDATE = re.compile(
    rb"\$([ -#%%-)+-~]{0,%d})(?:\*([0-9A-Fa-f]{2}))?" % MAX_SENTENCE_BYTES,  # not $ and not *
)
_CUT_CHECKSUM = re.compile(rb"\*[0-9A-Fa-f]?")
_ADDRESS = re.compile(rb"[A-Z][A-Z0-9]{3,},")


class Line(NamedTuple):
    """What stands between `$` and `*` of one sentence whose checksum is right."""

    body: str  # ASCII: "GPGGA,120000.00,..."
    mono_s: float  # when its `$` arrived


class SentenceFramer:
    """Finds sentences in a stream of bytes; holds at most one unfinished sentence."""

    def __init__(self) -> None:
        self._pending = b""
        self._pending_mono_s = 0.0
        self.counts: Counter[str] = Counter()
        """Drops by cause: bad_checksum, no_checksum, cut, too_long; and other_bytes."""
        self.damaged_bytes = 0  # in those drops

    def feed(self, data: bytes, mono_s: float) -> list[Line]:
        """The sentences that `data`, arrived at `mono_s`, completes."""
        held = len(self._pending)
        buffer = self._pending + data
        lines: list[Line] = []
        done = 0
        for found in _CANDIDATE.finditer(buffer):
            self._skip(buffer[done : found.start()])
            done = found.start()
            if self._may_go_on(found, buffer):
                break
            done = found.end()
            if self._is_sentence(found, buffer):
                arrived_s = self._pending_mono_s if found.start() < held else mono_s
                lines.append(Line(found[1].decode("ascii"), arrived_s))
        else:
            self._skip(buffer[done:])
            done = len(buffer)
        if done >= held:
            self._pending_mono_s = mono_s
        self._pending = buffer[done:]
        return lines

    def finish(self) -> None:
        """Count an unfinished sentence as cut: nothing will follow it."""
        if self._pending:
            self.counts["cut"] += 1
            self._pending = b""

    @staticmethod
    def _may_go_on(found: re.Match[bytes], buffer: bytes) -> bool:
        if found[2] is not None or len(found[1]) == MAX_SENTENCE_BYTES:
            return False
        rest = buffer[found.end() : found.end() + 3]
        return not rest or _CUT_CHECKSUM.fullmatch(rest) is not None

    def _is_sentence(self, found: re.Match[bytes], buffer: bytes) -> bool:
        body, digits = found[1], found[2]
        if digits is not None and reduce(operator.xor, body, 0) == int(digits, 16):
            return True
        if digits is None and _ADDRESS.match(body) is None:
            self.counts["other_bytes"] += len(found[0])  # a `$` by chance, in binary data
            return False
        self.damaged_bytes += len(found[0])
        if digits is not None:
            self.counts["bad_checksum"] += 1
        elif len(body) == MAX_SENTENCE_BYTES:
            self.counts["too_long"] += 1
        else:
            ended = buffer[found.end()] in b"\r\n"
            self.counts["no_checksum" if ended else "cut"] += 1
        return False

    def _skip(self, gap: bytes) -> None:
        if gap and gap != b"\r\n":
            self.counts["other_bytes"] += len(gap.strip())


def frame(body: str) -> bytes:
    """The sentence around this ASCII text: `$`, checksum and line end."""
    data = body.encode("ascii")
    return b"$%b*%02X\r\n" % (data, reduce(operator.xor, data, 0))
