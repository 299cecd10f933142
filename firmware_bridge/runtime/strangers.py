"""What it is that speaks on a line, where no board answers."""

import re
import struct
from dataclasses import dataclass
from functools import reduce

from drivers.gnss.nmea_framing import SentenceFramer

TEXT_SHARE = 0.9  # of bytes that are printable, where somebody writes
_PRINTABLE = re.compile(rb"[\t\r\n\x1b -~]")
_MAVLINK_2 = re.compile(rb"\xfd(?=\t.{5}\x00\x00\x00)", re.DOTALL)  # a HEARTBEAT: 9 bytes, id 0
_MAVLINK_1 = re.compile(rb"\xfe(?=\t...\x00)", re.DOTALL)
_HEARTBEAT_EXTRA = 50  # CRC_EXTRA of HEARTBEAT (mavlink.io, "CRC_EXTRA calculation")
_UBX = re.compile(rb"\xb5\x62..(..)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stranger:
    """`code` is that of the fault; `text` what is there and what to do."""

    code: str
    text: str


def who_speaks(heard: bytes, port: str, baud: int) -> Stranger:
    """What to tell a technician about a port where no board answered."""
    if not heard:
        return Stranger(
            "board_silent",
            f"{port}: no board answers; see to its power and cable, and whether it has its "
            f"firmware: patrol-edge firmware info",
        )
    for found, what, where in (
        (_speaks_nmea(heard), "a GNSS receiver speaks there (NMEA 0183)", "gnss"),
        (_speaks_ubx(heard), "a u-blox receiver speaks there (UBX)", "gnss"),
        (_speaks_mavlink(heard), "an autopilot speaks there (MAVLink)", "platforms"),
    ):
        if found:
            return Stranger(
                "board_stranger",
                f"{port}: {what}, no board; enter this port below {where}, and the board's own "
                "here: patrol-edge devices shows which is which",
            )
    if len(_PRINTABLE.findall(heard)) >= TEXT_SHARE * len(heard):
        line = heard.decode("ascii", "replace").strip().splitlines()[-1:] or [""]
        return Stranger(
            "board_stranger",
            f"{port}: something writes text, but no board answers ({line[0][:60]!r}); a board in "
            "its boot loader needs its firmware: patrol-edge firmware flash",
        )
    return Stranger(
        "board_baud",
        f"{port}: bytes come, but nothing can be read at {baud} baud; set boards.NAME.baud to the "
        "board's own, mostly 115200",
    )


def _speaks_nmea(heard: bytes) -> bool:
    return bool(SentenceFramer().feed(heard, 0.0))


def _speaks_ubx(heard: bytes) -> bool:
    for found in _UBX.finditer(heard):
        (length,) = struct.unpack("<H", found[1])
        end = found.end() + length
        if _fletcher(heard[found.start() + 2 : end]) == heard[end : end + 2]:
            return True
    return False


def _fletcher(data: bytes) -> bytes:
    """UBX's checksum (u-blox interface description, 3.4): RFC 1145's."""
    a = b = 0
    for byte in data:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return bytes((a, b))


def _speaks_mavlink(heard: bytes) -> bool:
    heads = ((_MAVLINK_2, 10), (_MAVLINK_1, 6))
    return any(
        _is_heartbeat(heard[found.start() + 1 : found.start() + head + 9 + 2])
        for pattern, head in heads
        for found in pattern.finditer(heard)
    )


def _is_heartbeat(data: bytes) -> bool:
    """Everything behind the first byte, with the CRC (X.25) at its end."""
    crc = reduce(_x25, bytes((*data[:-2], _HEARTBEAT_EXTRA)), 0xFFFF)
    return data[-2:] == struct.pack("<H", crc)


def _x25(crc: int, byte: int) -> int:
    mixed = (byte ^ crc) & 0xFF
    mixed = (mixed ^ (mixed << 4)) & 0xFF
    return ((crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)) & 0xFFFF
