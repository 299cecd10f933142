"""Where the bow points, as receivers with two antennas and those beside an IMU tell it.

HDT and THS are NMEA 0183's own. The makers': PASHR (Ashtech, Trimble, Applanix, Hemisphere),
PTNL,AVR (Trimble, AVR in its NMEA-0183 reference), PSSN,HRP (Septentrio, AsteRx reference guide),
PQTMTAR (Quectel LG580P and others, GNSS protocol specification, 2.3), HPR (Unicore N4 reference
manual, table 7-42).
"""

from collections.abc import Callable

from drivers.gnss.nmea_fields import SpareFields, angle_deg, day_ms_of, number_in
from drivers.gnss.report import Report

# Those that a receiver may send far more often than positions.
ATTITUDE_KINDS = frozenset({"HDT", "THS", "HPR", "PASHR", "PTNL", "PSSN", "PQTMTAR"})
_NO_HEADING_MODES = ("V", "S")  # of THS: void, simulated
_NO_SOLUTION = ("", "0")


def hdt(talker: str, fields: list[str]) -> Report:
    return Report(talker=talker, kind="HDT", heading_deg=angle_deg(fields[0]))


def ths(talker: str, fields: list[str]) -> Report:
    heading, mode = [*fields, "", ""][:2]
    known = mode not in _NO_HEADING_MODES
    return Report(talker=talker, kind="THS", heading_deg=angle_deg(heading) if known else None)


def hpr(talker: str, fields: list[str]) -> Report:
    """Time, heading, pitch, roll, quality as in GGA, satellites, age, station."""
    time, heading, _, _, quality = _whole(fields, 5)
    return _told(talker, "HPR", time, heading, "", known=quality not in _NO_SOLUTION)


def pashr(fields: list[str]) -> Report | None:
    """Time, heading, T, roll, pitch, heave, errors of roll, pitch and heading, quality.

    PASHR with a word first (POS, SAT) is another sentence.
    """
    time, heading, true, *_, error = _whole(fields, 9)
    if true != "T" or not time[:1].isdigit():
        return None
    return _told("P", "PASHR", time, heading, error)


def ptnl(fields: list[str]) -> Report | None:
    """AVR, time, yaw, Yaw, tilt, Tilt, roll, Roll, range, quality; yaw may be -180 to 180."""
    kind, time, yaw, *_, quality = _whole(fields, 10)
    if kind != "AVR":
        return None
    degrees = number_in(yaw, -360, 360)
    text = "" if degrees is None else str(round(degrees % 360, 4))
    return _told("P", "PTNL", time, text, "", known=quality not in _NO_SOLUTION)


def pssn(fields: list[str]) -> Report | None:
    """HRP, time, date, heading, roll, pitch, their errors, satellites, mode (0: none)."""
    kind, time, _, heading, _, _, error, *_, mode = _whole(fields, 11)
    if kind != "HRP":
        return None
    known = mode not in _NO_SOLUTION
    return _told("P", "PSSN", time, heading, error, known=known)


def pqtmtar(fields: list[str]) -> Report:
    """Version, time, quality as in GGA, -, baseline, pitch, roll, heading, their errors."""
    _, time, quality, _, _, _, _, heading, _, _, error = _whole(fields, 11)
    return _told("P", "PQTMTAR", time, heading, error, known=quality not in _NO_SOLUTION)


PROPRIETARY: dict[str, Callable[[list[str]], Report | None]] = {
    "PASHR": pashr,
    "PTNL": ptnl,
    "PSSN": pssn,
    "PQTMTAR": pqtmtar,
}


def _told(
    talker: str, kind: str, time: str, heading: str, error: str, *, known: bool = True
) -> Report:
    day_ms_of(time)  # one that cannot be: the sentence is damaged
    spare = SpareFields()
    error_deg = spare(_error_deg, error)
    return Report(
        talker=talker,
        kind=kind,
        heading_deg=angle_deg(heading) if known else None,
        heading_error_deg=error_deg if known else None,
        refused=spare.refused,
    )


def _error_deg(text: str) -> float | None:
    return number_in(text, 0, 180) or None  # 0: not known


def _whole(fields: list[str], count: int) -> list[str]:
    """The first so many fields, empty ones for those that are missing."""
    return (fields + [""] * count)[:count]
