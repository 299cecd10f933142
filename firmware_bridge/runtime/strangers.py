"""What it is that speaks on a line, where no board answers."""

import re
from dataclasses import dataclass

from drivers.gnss.nmea_framing import SentenceFramer
from drivers.recognising import is_mavlink, is_ubx

TEXT_SHARE = 0.9  # of bytes that are printable, where somebody writes
_PRINTABLE = re.compile(rb"[\t\r\n\x1b -~]")


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
        (is_ubx(heard), "a u-blox receiver speaks there (UBX)", "gnss"),
        (is_mavlink(heard), "an autopilot speaks there (MAVLink)", "platforms"),
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
