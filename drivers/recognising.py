"""Who speaks on a line, by the bytes alone: of receivers, autopilots and boards.

Each is known by whole frames with a right checksum, or by several that follow each other; a byte
that happens to be there proves nothing.
"""

import re
import zlib
from collections.abc import Callable
from functools import reduce

# HEARTBEAT in both versions: 9 bytes, message 0, and what goes into its CRC besides (mavlink.io).
_HEARTBEAT = re.compile(rb"\xfd(?=\t.{5}\0\0\0)|\xfe(?=\t...\0)", re.DOTALL)
HEARTBEAT_EXTRA = 50


def _frames(
    data: bytes, sync: bytes, length: Callable[[bytes], int], right: Callable[[bytes], bool]
) -> int:
    """How many whole frames begin with `sync`; `length` of a frame is told by its beginning."""
    found, at = 0, data.find(sync)
    while at >= 0:
        size = length(data[at : at + 32])
        whole = data[at : at + size]
        good = size > 0 and len(whole) == size and right(whole)
        found += good
        at = data.find(sync, at + size if good else at + 1)
    return found


def is_ubx(data: bytes) -> bool:
    """UBX frame structure: u-blox M10 interface description, 3.2 to 3.4 (8-bit Fletcher)."""

    def length(head: bytes) -> int:
        return 8 + int.from_bytes(head[4:6], "little") if len(head) >= 6 else 0

    def right(frame: bytes) -> bool:
        return frame[-2:] == ubx_checksum(frame[2:-2])

    return _frames(data, b"\xb5\x62", length, right) > 0


def ubx_checksum(data: bytes) -> bytes:
    """8-bit Fletcher, over all between the sync characters and itself."""
    one = two = 0
    for byte in data:
        one = (one + byte) & 255
        two = (two + one) & 255
    return bytes((one, two))


def is_rtcm(data: bytes) -> bool:
    """RTCM 10403.3, 4.2: 0xD3, six zero bits, ten of length, CRC-24Q."""

    def length(head: bytes) -> int:
        if len(head) < 3 or head[1] & 0xFC:
            return 0
        return 6 + (head[1] << 8 | head[2])

    return _frames(data, b"\xd3", length, lambda frame: _crc24q(frame) == 0) > 0


def is_sbf(data: bytes) -> bool:
    """Septentrio SBF reference guide, 4.1.1: $@, CRC-16 (CCITT), id, length, a multiple of 4."""

    def length(head: bytes) -> int:
        size = int.from_bytes(head[6:8], "little") if len(head) >= 8 else 0
        return size if size >= 8 and size % 4 == 0 else 0

    def right(frame: bytes) -> bool:
        return _crc_ccitt(frame[4:], 0) == int.from_bytes(frame[2:4], "little")

    return _frames(data, b"$@", length, right) > 0


def is_novatel(data: bytes) -> bool:
    """The three bytes that binary logs begin with (OEM7 manual, binary; Unicore N4, 7.1)."""
    return data.count(b"\xaa\x44\x12") + data.count(b"\xaa\x44\xb5") > 1


def is_mavlink(data: bytes) -> bool:
    """A HEARTBEAT with a right CRC, or frames that follow each other: the CRC of others needs the
    dialect (mavlink.io, serialization)."""

    def second(head: bytes) -> int:
        if len(head) < 4 or head[2] > 1:
            return 0
        return 12 + head[1] + (13 if head[2] & 1 else 0)

    def follows(magic: bytes, size: Callable[[bytes], int], counter_at: int) -> bool:
        return any(_chain(data, at, magic, size, counter_at) >= 3 for at in _places(data, magic))

    return (
        any(_is_heartbeat(data[found.start() :]) for found in _HEARTBEAT.finditer(data))
        or follows(b"\xfd", second, 4)
        or follows(b"\xfe", lambda head: 8 + head[1], 2)
    )


def _is_heartbeat(data: bytes) -> bool:
    end = (10 if data[0] == 0xFD else 6) + 9
    crc = reduce(_x25, data[1:end] + bytes((HEARTBEAT_EXTRA,)), 0xFFFF)
    return data[end : end + 2] == crc.to_bytes(2, "little")


def _places(data: bytes, magic: bytes) -> list[int]:
    return [at for at in range(len(data) - 1) if data[at : at + 1] == magic][:64]


def _chain(
    data: bytes, at: int, magic: bytes, size: Callable[[bytes], int], counter_at: int
) -> int:
    """How many frames follow each other without a gap and count upwards, the last one whole."""
    count, last = 0, -1
    while at + 5 <= len(data) and data[at : at + 1] == magic:
        length, number = size(data[at : at + 32]), data[at + counter_at]
        if not length or at + length > len(data) or (count and number != (last + 1) & 255):
            break
        count, at, last = count + 1, at + length, number
    return count


def is_board(data: bytes) -> bool:
    """COBS between zeros, CRC-32 at the end, little-endian (our own run-time link)."""
    return any(_is_board_frame(piece) for piece in data.split(b"\0")[1:-1])


def _is_board_frame(stuffed: bytes) -> bool:
    plain, at = bytearray(), 0
    if len(stuffed) < 10:
        return False
    while at < len(stuffed):
        code = stuffed[at]
        plain += stuffed[at + 1 : at + code]
        at += code
        if code < 255 and at < len(stuffed):
            plain.append(0)
    return at == len(stuffed) and zlib.crc32(plain[:-4]) == int.from_bytes(plain[-4:], "little")


def is_smp(data: bytes) -> bool:
    """MCUmgr over serial: lines that begin 06 09 (Zephyr, SMP over console)."""
    return any(line.startswith(b"\x06\x09") for line in data.split(b"\n"))


def _crc24q(data: bytes) -> int:
    """Over a whole frame with its CRC it is 0 (RTCM 10403.3, 4.2; polynomial 0x1864CFB)."""
    crc = 0
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc


def _crc_ccitt(data: bytes, crc: int) -> int:
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _x25(crc: int, byte: int) -> int:
    """MAVLink's CRC-16 (MCRF4XX), a byte further."""
    mixed = (byte ^ crc) & 0xFF
    mixed = (mixed ^ (mixed << 4)) & 0xFF
    return ((crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)) & 0xFFFF
