"""Bytes that are no NMEA: plugs are easily swapped, and a receiver easily set wrongly."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.recognising import (
    is_board,
    is_mavlink,
    is_novatel,
    is_rtcm,
    is_sbf,
    is_smp,
    is_ubx,
)

ENOUGH_BYTES = 48  # fewer say nothing
LOOKED_AT_BYTES = 4096
TEXT_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Stranger:
    """What speaks there, and what to do about it."""

    name: str
    cure: str

    def __str__(self) -> str:
        return f"this looks like {self.name}; {self.cure}"


UBX = Stranger("UBX, u-blox's binary protocol", "have it send NMEA too: patrol-edge gnss configure")
SBF = Stranger("SBF, Septentrio's binary protocol", "turn NMEA on at this port of the receiver")
NOVATEL = Stranger(
    "NovAtel's or Unicore's binary protocol", "have it send GPGGA, GPRMC, GPGSA and GPGSV"
)
RTCM = Stranger(
    "RTCM 3 corrections",
    "this is the plug that corrections go into or come from: use the receiver's other one",
)
MAVLINK = Stranger(
    "MAVLink, an autopilot's protocol", "swap the plugs, or configure it under platforms:"
)
BOARD = Stranger("one of this unit's boards", "swap the plugs, or configure it under boards:")
SMP = Stranger("a board's boot loader (MCUmgr)", "swap the plugs, or configure it under boards:")


def seen_in(data: bytes) -> Stranger | None:
    """Who sent this; None where nothing is known of it."""
    data = data[-LOOKED_AT_BYTES:]
    if len(data) < ENOUGH_BYTES:
        return None
    for stranger, is_it in _KNOWN:
        if is_it(data):
            return stranger
    return _text(data)


_KNOWN: tuple[tuple[Stranger, Callable[[bytes], bool]], ...] = (
    (UBX, is_ubx),
    (SBF, is_sbf),
    (RTCM, is_rtcm),
    (SMP, is_smp),
    (BOARD, is_board),
    (NOVATEL, is_novatel),
    (MAVLINK, is_mavlink),
)


def _text(data: bytes) -> Stranger | None:
    printable = sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in data)
    if printable < TEXT_SHARE * len(data):
        return None
    words = data.decode("ascii", "replace").split("\n")
    line = next((line.strip() for line in reversed(words[:-1]) if line.strip()), words[-1].strip())
    clean = "".join(letter for letter in line if letter.isprintable())[:40]
    return Stranger(
        f"text that is no NMEA ({clean})",
        "a console or a modem: look at what is plugged in there with patrol-edge devices",
    )
