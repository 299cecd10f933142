"""Recorded flights: `.tlog` of ground stations (a stamp before each message), or bare bytes.

A tlog has eight bytes before each frame: microseconds since 1970, big-endian (mavlink.io,
`mavlogfile` of pymavlink's mavutil). Damage is read over, to the next stamp that makes sense.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.language import tell
from drivers.base import DeviceUnavailableError

STAMP_BYTES = 8
SHORTEST_BYTES, LONGEST_BYTES = 8, 280 + 13  # of a frame
MARKERS = (0xFD, 0xFE)
# 2005 to 2100, in microseconds: what a stamp can be
EARLIEST_US, LATEST_US = 1_104_537_600_000_000, 4_102_444_800_000_000
LARGEST_BYTES = 512 * 1024 * 1024
CHUNK_BYTES = 256


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a recording, and when they came, in seconds since its start."""

    at_s: float
    data: bytes


def pieces(path: Path, baud: int) -> Iterator[Piece]:
    """All of it, in order. Bare bytes have no stamps: they come as over a line of this speed.

    Raises DeviceUnavailableError where it cannot be read.
    """
    data = _read(path)
    return _stamped(data) if _stamp(data, 0) is not None else _bare(data, baud / 10)


def _bare(data: bytes, bytes_per_s: float) -> Iterator[Piece]:
    for at in range(0, len(data), CHUNK_BYTES):
        yield Piece(at / bytes_per_s, data[at : at + CHUNK_BYTES])


def stamped(at_us: int, frame: bytes) -> bytes:
    """One record of a tlog."""
    return struct.pack(">Q", at_us) + frame


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DeviceUnavailableError(
                tell("{path} is larger than a flight log: cut it", path=path)
            )
        return path.read_bytes()
    except OSError as error:
        raise DeviceUnavailableError(
            tell(
                "cannot read {path}: {why}; `path` is a .tlog, or MAVLink bytes",
                path=path,
                why=error.strerror,
            )
        ) from error


def _stamped(data: bytes) -> Iterator[Piece]:
    at, first_us, last_us = 0, _stamp(data, 0) or 0, 0
    while at < len(data):
        stamp_us = _stamp(data, at)
        if stamp_us is None:
            at += 1
            continue
        end = _end(data, at + STAMP_BYTES)
        last_us = max(last_us, stamp_us - first_us)  # never back in time
        yield Piece(last_us / 1e6, data[at + STAMP_BYTES : end])
        at = end


def _stamp(data: bytes, at: int) -> int | None:
    """The stamp of a record that begins here; None where none can."""
    marker = at + STAMP_BYTES
    if marker >= len(data) or data[marker] not in MARKERS:
        return None
    (stamp_us,) = struct.unpack_from(">Q", data, at)
    return stamp_us if EARLIEST_US < stamp_us < LATEST_US else None


def _end(data: bytes, start: int) -> int:
    """Where the frame that starts here ends, as far as its header tells; else the next stamp."""
    if start + 3 > len(data):
        return len(data)
    length = data[start + 1]
    if data[start] == MARKERS[1]:
        size = 8 + length
    else:
        size = 12 + length + (13 if data[start + 2] & 1 else 0)
    end = min(start + size, len(data))
    if end == len(data) or _stamp(data, end) is not None:
        return end
    for at in range(start + SHORTEST_BYTES, min(start + 4 * LONGEST_BYTES, len(data))):
        if _stamp(data, at) is not None:
            return at
    return end
