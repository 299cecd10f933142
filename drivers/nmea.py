"""One NMEA 0183 sentence as typed values, through pynmea2 (the only module that imports it).

pynmea2 knows the fields; what it leaves open is decided here: it gives 0.0, 0.0 for an empty
position, the raw text for a number it cannot read, and it does not look at ranges.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any

import pynmea2

from drivers.base import BadDataError
from drivers.samples import FixKind

KNOT_MPS = 1852 / 3600
GPS_YEARS = range(1980, 2100)
UNKNOWN_DOP = 99.0  # receivers write 99.9 or 99.99 for "no idea"

# A position that is right, but of which the sentence does not tell 2D from 3D, is FIX_2D here.
_GGA_QUALITY = {
    0: FixKind.NONE,
    1: FixKind.FIX_2D,
    2: FixKind.DGPS,
    3: FixKind.FIX_2D,  # PPS, the military service
    4: FixKind.RTK_FIXED,
    5: FixKind.RTK_FLOAT,
    6: FixKind.ESTIMATED,
    7: FixKind.NONE,  # typed in by hand
    8: FixKind.NONE,  # simulated
    9: FixKind.DGPS,  # NovAtel: SBAS
}
# Mode indicator of RMC, GLL, VTG and, one letter per constellation, of GNS (NMEA 0183, 4.10).
_MODES = {
    "R": FixKind.RTK_FIXED,
    "F": FixKind.RTK_FLOAT,
    "D": FixKind.DGPS,
    "P": FixKind.FIX_2D,
    "A": FixKind.FIX_2D,
    "E": FixKind.ESTIMATED,
    "M": FixKind.NONE,
    "S": FixKind.NONE,
    "N": FixKind.NONE,
}
_DEGREES_MINUTES = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one sentence said; None where it said nothing."""

    talker: str
    kind: str  # "GGA"
    day_ms: int | None = None  # milliseconds of the UTC day
    day: date | None = None  # as written: a receiver's week may have rolled over
    fix: FixKind | None = None  # FIX_2D: a fix, of unknown dimension
    place: tuple[float, float] | None = None  # lat, lon in degrees; only with a fix
    alt_msl_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    heading_deg: float | None = None
    satellites_used: int | None = None
    satellites_in_view: int | None = None  # of this talker and signal
    signal: str = ""  # GSV: which signal the count is of
    page_is_last: bool = True  # GSV comes in pages
    dimension: int | None = None  # GSA: 1 no fix, 2, 3
    hdop: float | None = None
    pdop: float | None = None
    vdop: float | None = None
    error_m: float | None = None  # GST: horizontal, 1 sigma


class THS(pynmea2.TalkerSentence):  # type: ignore[misc]  # pynmea2 ships no types
    """True heading and its status (NMEA 0183, 4.00): pynmea2 lacks it, and finds it by its name."""

    fields = (("Heading", "heading"), ("Mode", "mode"))


def parse(body: str) -> Report | None:
    """The report in one sentence without `$` and checksum; None for a kind that is not used.

    Raises BadDataError for a position or a time that cannot be.
    """
    kind = body[2:5]
    read = _READERS.get(kind)
    if read is None or body[5:6] != "," or body[0] == "P":
        return None
    try:
        message = pynmea2.parse(body)
    except ValueError as error:
        raise BadDataError(f"not an NMEA sentence: {body[:20]}") from error
    return read(message, body[:2])


def _gga(message: Any, talker: str) -> Report:
    quality = message.gps_qual
    fix = _GGA_QUALITY.get(quality) if isinstance(quality, int) else None
    return Report(
        talker=talker,
        kind="GGA",
        day_ms=_day_ms(message),
        fix=fix,
        place=_place(message, fix),
        alt_msl_m=_number(message.altitude, -10_000, 100_000),
        satellites_used=_count(message.num_sats),
        hdop=_dop(message.horizontal_dil),
    )


def _gns(message: Any, talker: str) -> Report:
    fix = next((_MODES[mode] for mode in _MODES if mode in message.mode_indicator), None)
    return Report(
        talker=talker,
        kind="GNS",
        day_ms=_day_ms(message),
        fix=fix,
        place=_place(message, fix),
        alt_msl_m=_number(message.altitude, -10_000, 100_000),
        satellites_used=_count(message.num_sats),
        hdop=_dop(message.hdop),
    )


def _rmc(message: Any, talker: str) -> Report:
    fix = _by_status(message.status, message.mode_indicator)
    day = message.datestamp
    return Report(
        talker=talker,
        kind="RMC",
        day_ms=_day_ms(message),
        day=day if isinstance(day, date) else None,
        fix=fix,
        place=_place(message, fix),
        speed_mps=_knots(message.spd_over_grnd) if fix else None,
        course_deg=_angle(message.true_course) if fix else None,
    )


def _gll(message: Any, talker: str) -> Report:
    fix = _by_status(message.status, message.faa_mode)
    return Report(
        talker=talker, kind="GLL", day_ms=_day_ms(message), fix=fix, place=_place(message, fix)
    )


def _vtg(message: Any, talker: str) -> Report:
    if _MODES.get(message.faa_mode[:1]) is FixKind.NONE:
        return Report(talker=talker, kind="VTG")
    speed_mps = _knots(message.spd_over_grnd_kts)
    if speed_mps is None:
        kmph = _number(message.spd_over_grnd_kmph, 0, 10_000)
        speed_mps = None if kmph is None else kmph / 3.6
    return Report(
        talker=talker, kind="VTG", speed_mps=speed_mps, course_deg=_angle(message.true_track)
    )


def _gsa(message: Any, talker: str) -> Report:
    dimension = message.mode_fix_type
    used = sum(1 for satellite in message.data[2:14] if satellite)
    return Report(
        talker=talker,
        kind="GSA",
        dimension=int(dimension) if dimension in ("1", "2", "3") else None,
        satellites_used=used,
        pdop=_dop(message.pdop),
        hdop=_dop(message.hdop),
        vdop=_dop(message.vdop),
    )


def _gsv(message: Any, talker: str) -> Report:
    # Groups of four fields per satellite; one field over is the signal id (NMEA 0183, 4.10).
    signal = message.data[-1] if len(message.data) % 4 == 0 else ""
    return Report(
        talker=talker,
        kind="GSV",
        satellites_in_view=_count(message.num_sv_in_view),
        signal=signal,
        page_is_last=message.msg_num == message.num_messages,
    )


def _gst(message: Any, talker: str) -> Report:
    north_m = _number(message.std_dev_latitude, 0, 1e6)
    east_m = _number(message.std_dev_longitude, 0, 1e6)
    known = north_m is not None and east_m is not None
    return Report(
        talker=talker,
        kind="GST",
        day_ms=_day_ms(message),
        error_m=math.hypot(north_m or 0.0, east_m or 0.0) if known else None,
    )


def _zda(message: Any, talker: str) -> Report:
    try:
        day = date(message.year, message.month, message.day)
    except (TypeError, ValueError):  # empty or impossible: pynmea2 hands on what it finds
        day = None
    known = day is not None and day.year in GPS_YEARS
    return Report(talker=talker, kind="ZDA", day_ms=_day_ms(message), day=day if known else None)


def _hdt(message: Any, talker: str) -> Report:
    return Report(talker=talker, kind="HDT", heading_deg=_angle(message.heading))


def _ths(message: Any, talker: str) -> Report:
    heading_deg = None if message.mode in ("V", "S") else _angle(message.heading)
    return Report(talker=talker, kind="THS", heading_deg=heading_deg)


_READERS: dict[str, Callable[[Any, str], Report]] = {
    "GGA": _gga,
    "GNS": _gns,
    "RMC": _rmc,
    "GLL": _gll,
    "VTG": _vtg,
    "GSA": _gsa,
    "GSV": _gsv,
    "GST": _gst,
    "ZDA": _zda,
    "HDT": _hdt,
    "THS": _ths,
}
USED_KINDS = frozenset(_READERS)


def _by_status(status: str, mode: str) -> FixKind | None:
    """RMC and GLL: `A` is a fix, of the kind that the mode tells, where there is a mode."""
    if status == "V":
        return FixKind.NONE
    if status != "A":
        return None
    return _MODES.get(mode[:1], FixKind.FIX_2D)


def _day_ms(message: Any) -> int | None:
    when = message.timestamp
    if when is None:
        return None
    if not isinstance(when, time):
        raise BadDataError(f"not a time of day: {when!r:.20}")
    seconds = (when.hour * 60 + when.minute) * 60 + when.second
    return seconds * 1000 + round(when.microsecond / 1000)


def _place(message: Any, fix: FixKind | None) -> tuple[float, float] | None:
    """Latitude and longitude, where the sentence says that they are a fix.

    Receivers without one write 0000.0000, 8960.0000 or 36000.0000: those are never looked at.
    """
    if fix is None or fix is FixKind.NONE:
        return None
    if not message.lat and not message.lon:
        return None
    lat_deg = _degrees(message.lat, message.lat_dir, "NS", 90)
    lon_deg = _degrees(message.lon, message.lon_dir, "EW", 180)
    if lat_deg == 0 and lon_deg == 0:
        raise BadDataError("a fix at 0, 0: the receiver has none")
    return lat_deg, lon_deg


def _degrees(text: str, side: str, sides: str, limit_deg: int) -> float:
    found = _DEGREES_MINUTES.fullmatch(text)
    if found is None or side not in sides or not side:
        raise BadDataError(f"not a position: {text[:20]},{side[:4]}")
    minutes = float(found[2])
    value = int(found[1]) + minutes / 60
    if minutes >= 60 or value > limit_deg:
        raise BadDataError(f"not on Earth: {text[:20]},{side}")
    return value if side == sides[0] else -value


def _number(value: object, low: float, high: float) -> float | None:
    """The value as a number in this range; else None: pynmea2 hands on what it cannot read."""
    try:
        number = float(value)  # type: ignore[arg-type]  # anything goes in; TypeError is caught
    except (TypeError, ValueError):
        return None
    return number if low <= number <= high else None


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 3 else None


def _dop(text: str) -> float | None:
    value = _number(text, 0, UNKNOWN_DOP)
    return None if value == UNKNOWN_DOP else value


def _knots(value: object) -> float | None:
    knots = _number(value, 0, 5000)
    return None if knots is None else knots * KNOT_MPS


def _angle(value: object) -> float | None:
    degrees = _number(value, 0, 360)
    return 0.0 if degrees == 360 else degrees
