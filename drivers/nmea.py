"""One NMEA 0183 sentence as typed values, through pynmea2 (the only module that imports it).

pynmea2's tables say which field of a sentence is what. Its objects are not used: making one and
asking it for its values takes 40 us of the 65 us that a sentence then costs, and they leave open
what is decided here (an empty position is 0.0, 0.0 there; a number that cannot be read stays text;
ranges are not looked at).
"""

import math
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import pynmea2
from pynmea2.nmea_utils import datestamp

from drivers.base import BadDataError
from drivers.samples import FixKind

KNOT_MPS = 1852 / 3600
GPS_YEARS = range(1980, 2100)
UNKNOWN_DOP = 99.0  # receivers write 99.9 or 99.99 for "no idea"

# A position that is right, but of which the sentence does not tell 2D from 3D, is FIX_2D here.
_GGA_QUALITY = {
    "0": FixKind.NONE,
    "1": FixKind.FIX_2D,
    "2": FixKind.DGPS,
    "3": FixKind.FIX_2D,  # PPS, the military service
    "4": FixKind.RTK_FIXED,
    "5": FixKind.RTK_FLOAT,
    "6": FixKind.ESTIMATED,
    "7": FixKind.NONE,  # typed in by hand
    "8": FixKind.NONE,  # simulated
    "9": FixKind.DGPS,  # NovAtel: SBAS
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
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)")
_DEGREES_MINUTES = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)")


class Report(NamedTuple):
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
    satellites_in_view: int | None = None  # of this talker
    page_is_last: bool = True  # GSV comes in pages
    dimension: int | None = None  # GSA: 1 no fix, 2, 3
    hdop: float | None = None
    pdop: float | None = None
    vdop: float | None = None
    error_m: float | None = None  # GST: horizontal, 1 sigma


class THS(pynmea2.TalkerSentence):  # type: ignore[misc]  # pynmea2 ships no types
    """True heading and its status (NMEA 0183, 4.00), which pynmea2 lacks."""

    fields = (("Heading", "heading"), ("Mode", "mode"))


Fields = tuple[str, ...]


class _Layout:
    """Takes the named fields out of a sentence's, in the order asked for; absent ones are empty."""

    def __init__(self, kind: str, *names: str) -> None:
        index = pynmea2.TalkerSentence.sentence_types[kind].name_to_idx
        self._last = max(index[name] for name in names)
        self._pick = itemgetter(*(index[name] for name in names))

    def __call__(self, fields: list[str]) -> Fields:
        missing = self._last + 1 - len(fields)
        values = self._pick(fields + [""] * missing if missing > 0 else fields)
        return values if isinstance(values, tuple) else (values,)


def parse(body: str) -> Report | None:
    """The report in one sentence without `$` and checksum; None for a kind that is not used.

    Raises BadDataError for a position or a time that cannot be.
    """
    read = _READERS.get(body[2:5])
    if read is None or body[5:6] != "," or body[0] == "P":
        return None
    return read(body[:2], body[6:].split(","))


_POSITION = ("timestamp", "lat", "lat_dir", "lon", "lon_dir")
_GGA = _Layout("GGA", *_POSITION, "gps_qual", "num_sats", "horizontal_dil", "altitude")
_GNS = _Layout("GNS", *_POSITION, "mode_indicator", "num_sats", "hdop", "altitude")
_RMC = _Layout(
    "RMC", *_POSITION, "status", "mode_indicator", "datestamp", "spd_over_grnd", "true_course"
)
_GLL = _Layout("GLL", *_POSITION, "status", "faa_mode")
_VTG = _Layout("VTG", "true_track", "spd_over_grnd_kts", "spd_over_grnd_kmph", "faa_mode")
_GSA = _Layout("GSA", "mode_fix_type", "pdop", "hdop", "vdop")
_GSV = _Layout("GSV", "num_messages", "msg_num", "num_sv_in_view")
_GST = _Layout("GST", "timestamp", "std_dev_latitude", "std_dev_longitude")
_ZDA = _Layout("ZDA", "timestamp", "day", "month", "year")
_HDT = _Layout("HDT", "heading")
_THS = _Layout("THS", "heading", "mode")


def _gga(talker: str, fields: list[str]) -> Report:
    time, *position, quality, used, hdop, altitude = _GGA(fields)
    fix = _GGA_QUALITY.get(quality)
    return Report(
        talker=talker,
        kind="GGA",
        day_ms=_day_ms(time),
        fix=fix,
        place=_place(fix, *position),
        alt_msl_m=_number(altitude, -10_000, 100_000),
        satellites_used=_count(used),
        hdop=_dop(hdop),
    )


def _gns(talker: str, fields: list[str]) -> Report:
    time, *position, modes, used, hdop, altitude = _GNS(fields)
    fix = next((_MODES[mode] for mode in _MODES if mode in modes), None)
    return Report(
        talker=talker,
        kind="GNS",
        day_ms=_day_ms(time),
        fix=fix,
        place=_place(fix, *position),
        alt_msl_m=_number(altitude, -10_000, 100_000),
        satellites_used=_count(used),
        hdop=_dop(hdop),
    )


def _rmc(talker: str, fields: list[str]) -> Report:
    time, *position, status, mode, day, knots, course = _RMC(fields)
    fix = _by_status(status, mode)
    return Report(
        talker=talker,
        kind="RMC",
        day_ms=_day_ms(time),
        day=_date(day),
        fix=fix,
        place=_place(fix, *position),
        speed_mps=_knots(knots),
        course_deg=_angle(course),
    )


def _gll(talker: str, fields: list[str]) -> Report:
    time, *position, status, mode = _GLL(fields)
    fix = _by_status(status, mode)
    return Report(
        talker=talker, kind="GLL", day_ms=_day_ms(time), fix=fix, place=_place(fix, *position)
    )


def _vtg(talker: str, fields: list[str]) -> Report:
    course, knots, kmph, mode = _VTG(fields)
    if _MODES.get(mode[:1]) is FixKind.NONE:
        return Report(talker=talker, kind="VTG")
    speed_mps = _knots(knots)
    if speed_mps is None:
        speed_kmph = _number(kmph, 0, 10_000)
        speed_mps = None if speed_kmph is None else speed_kmph / 3.6
    return Report(talker=talker, kind="VTG", speed_mps=speed_mps, course_deg=_angle(course))


def _gsa(talker: str, fields: list[str]) -> Report:
    dimension, pdop, hdop, vdop = _GSA(fields)
    return Report(
        talker=talker,
        kind="GSA",
        dimension=int(dimension) if dimension in ("1", "2", "3") else None,
        satellites_used=sum(map(bool, fields[2:14])),
        pdop=_dop(pdop),
        hdop=_dop(hdop),
        vdop=_dop(vdop),
    )


def _gsv(talker: str, fields: list[str]) -> Report:
    pages, page, in_view = _GSV(fields)
    return Report(
        talker=talker, kind="GSV", satellites_in_view=_count(in_view), page_is_last=page == pages
    )


def _gst(talker: str, fields: list[str]) -> Report:
    time, north, east = _GST(fields)
    north_m, east_m = _number(north, 0, 1e6), _number(east, 0, 1e6)
    known = north_m is not None and east_m is not None
    return Report(
        talker=talker,
        kind="GST",
        day_ms=_day_ms(time),
        error_m=math.hypot(north_m or 0.0, east_m or 0.0) if known else None,
    )


def _zda(talker: str, fields: list[str]) -> Report:
    time, *day = _ZDA(fields)
    return Report(talker=talker, kind="ZDA", day_ms=_day_ms(time), day=_zda_date(*day))


def _hdt(talker: str, fields: list[str]) -> Report:
    (heading,) = _HDT(fields)
    return Report(talker=talker, kind="HDT", heading_deg=_angle(heading))


def _ths(talker: str, fields: list[str]) -> Report:
    heading, mode = _THS(fields)
    heading_deg = None if mode in ("V", "S") else _angle(heading)
    return Report(talker=talker, kind="THS", heading_deg=heading_deg)


_READERS: dict[str, Callable[[str, list[str]], Report]] = {
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


# The sentences of one epoch repeat its time, its date and often its place to the letter.
_once_per_epoch = lru_cache(maxsize=8)


@_once_per_epoch
def _day_ms(text: str) -> int | None:
    """hhmmss or hhmmss.sss as milliseconds of the day; a leap second is the next day's first."""
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadDataError(f"not a time of day: {text[:20]}")
    hours, minutes, seconds = int(found[1]), int(found[2]), float(found[3])
    if hours > 23 or minutes > 59 or seconds >= 61:
        raise BadDataError(f"not a time of day: {text[:20]}")
    return (hours * 60 + minutes) * 60_000 + round(seconds * 1000)


@_once_per_epoch
def _date(text: str) -> date | None:
    """RMC's ddmmyy; None if it is no date."""
    try:
        day = datestamp(text)
    except ValueError:
        return None
    return day if isinstance(day, date) and day.year in GPS_YEARS else None


@_once_per_epoch
def _zda_date(day: str, month: str, year: str) -> date | None:
    try:
        written = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return written if written.year in GPS_YEARS else None


def _place(
    fix: FixKind | None, lat: str, lat_side: str, lon: str, lon_side: str
) -> tuple[float, float] | None:
    """Latitude and longitude, where the sentence says that they are a fix.

    Receivers without one write 0000.0000, 8960.0000 or 36000.0000: those are never looked at.
    """
    if fix is None or fix is FixKind.NONE or not (lat or lon):
        return None
    return _coordinates(lat, lat_side, lon, lon_side)


@_once_per_epoch
def _coordinates(lat: str, lat_side: str, lon: str, lon_side: str) -> tuple[float, float]:
    lat_deg = _degrees(lat, lat_side, "NS", 90)
    lon_deg = _degrees(lon, lon_side, "EW", 180)
    if lat_deg == 0 and lon_deg == 0:
        raise BadDataError("a fix at 0, 0: the receiver has none")
    return lat_deg, lon_deg


def _degrees(text: str, side: str, sides: str, limit_deg: int) -> float:
    found = _DEGREES_MINUTES.fullmatch(text)
    if found is None or not side or side not in sides:
        raise BadDataError(f"not a position: {text[:20]},{side[:4]}")
    minutes = float(found[2])
    value = int(found[1]) + minutes / 60
    if minutes >= 60 or value > limit_deg:
        raise BadDataError(f"not on Earth: {text[:20]},{side}")
    return value if side == sides[0] else -value


def _number(text: str, low: float, high: float) -> float | None:
    """The value if it is a number in this range (which "nan" and "inf" are not)."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if low <= number <= high else None


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= 3 else None


def _dop(text: str) -> float | None:
    value = _number(text, 0, UNKNOWN_DOP)
    return None if value == UNKNOWN_DOP else value


def _knots(text: str) -> float | None:
    knots = _number(text, 0, 5000)
    return None if knots is None else knots * KNOT_MPS


def _angle(text: str) -> float | None:
    degrees = _number(text, 0, 360)
    return 0.0 if degrees == 360 else degrees
