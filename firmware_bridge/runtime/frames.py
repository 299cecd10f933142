"""The frame: one message on the line, whole or not at all.

    0x00 | COBS( version type sequence(2) length payload(0..240) CRC-32(4) ) | 0x00

Little-endian. The CRC is that of IEEE 802.3, clause 3.2.9 (zlib's), over all before it. The layout
of the frame is the same in every version, so that two that speak different ones can say so.
"""

import struct
import zlib
from dataclasses import dataclass

from firmware_bridge.runtime import cobs

# 1 was never shipped. It stands for whatever is older.
PROTOCOL = 2
# A frame is told from text by its second byte on the line, which is the version: no text has it.
VERSIONS = range(1, 8)

MAX_PAYLOAD_BYTES = 240
_HEAD = struct.Struct("<BBHB")
_CRC = struct.Struct("<I")
AROUND_BYTES = _HEAD.size + _CRC.size
MAX_STUFFED_BYTES = AROUND_BYTES + MAX_PAYLOAD_BYTES + 1  # less than 254: COBS adds one
SHORTEST_STUFFED_BYTES = AROUND_BYTES + 1


@dataclass(frozen=True, slots=True)
class Frame:
    type: int
    sequence: int  # 0..65535
    payload: bytes = b""
    version: int = PROTOCOL


class BadFrameError(ValueError):
    """Not a frame. `cause` is what is counted: cobs, short, crc, length."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def encode(frame: Frame) -> bytes:
    """What goes on the line, with both delimiters. Raises ValueError if the payload is too long."""
    if len(frame.payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{len(frame.payload)} bytes; a frame holds {MAX_PAYLOAD_BYTES}")
    head = _HEAD.pack(frame.version, frame.type, frame.sequence, len(frame.payload))
    body = head + frame.payload
    return b"\0" + cobs.encode(body + _CRC.pack(zlib.crc32(body))) + b"\0"


def decode(stuffed: bytes) -> Frame:
    """Of what stood between two delimiters. Raises BadFrameError."""
    try:
        data = cobs.decode(stuffed)
    except cobs.CobsError as error:
        raise BadFrameError("cobs") from error
    if len(data) < AROUND_BYTES:
        raise BadFrameError("short")
    body = data[: -_CRC.size]
    if _CRC.unpack_from(data, len(body))[0] != zlib.crc32(body):
        raise BadFrameError("crc")
    version, kind, sequence, length = _HEAD.unpack_from(body)
    if length != len(body) - _HEAD.size or length > MAX_PAYLOAD_BYTES:
        raise BadFrameError("length")
    return Frame(kind, sequence, body[_HEAD.size :], version)
