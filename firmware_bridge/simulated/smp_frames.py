"""SMP over serial, as a board reads and writes it.

Zephyr, "SMP over console" (docs.zephyrproject.org, services/device_mgmt/smp_transport): length,
message and CRC-16/XMODEM, in base64, in lines of at most 127 bytes and a line feed.
"""

import base64
import binascii
import struct
from collections import Counter

FIRST, MORE = b"\x06\x09", b"\x04\x14"
LINE_CHARACTERS = 124  # of base64 in one line
_LENGTH = struct.Struct(">H")
_CRC_BYTES = 2


class Reassembly:
    """Lines in, messages out; holds one unfinished message."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = b""
        self.dropped: Counter[str] = Counter()

    def take(self, line: bytes) -> bytes | None:
        """The message that this line completes. `line` begins with 06 09 or 04 14."""
        try:
            part = base64.b64decode(line[2:], validate=True)
        except binascii.Error:
            self._drop("base64")
            return None
        if line[:2] == FIRST:
            self._held = part
        elif self._held:
            self._held += part
        else:
            self._drop("stray")
            return None
        return self._whole()

    def _whole(self) -> bytes | None:
        if len(self._held) < _LENGTH.size:
            self._drop("short")
            return None
        total = _LENGTH.size + _LENGTH.unpack_from(self._held)[0]
        if total > self._most_bytes:
            self._drop("too_long")
        if len(self._held) < total:
            return None
        body, self._held = self._held[_LENGTH.size : total], b""
        message, told = body[:-_CRC_BYTES], body[-_CRC_BYTES:]
        if len(told) < _CRC_BYTES or binascii.crc_hqx(message, 0) != _LENGTH.unpack(told)[0]:
            self._drop("crc")
            return None
        return message

    def _drop(self, cause: str) -> None:
        self._held = b""
        self.dropped[cause] += 1


def lines(message: bytes) -> bytes:
    """All lines of one message."""
    checked = message + _LENGTH.pack(binascii.crc_hqx(message, 0))
    text = base64.b64encode(_LENGTH.pack(len(checked)) + checked)
    parts = [text[at : at + LINE_CHARACTERS] for at in range(0, len(text), LINE_CHARACTERS)]
    return b"".join((FIRST if n == 0 else MORE) + part + b"\n" for n, part in enumerate(parts))
