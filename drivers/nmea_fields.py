"""The values in the fields of NMEA 0183 sentences: read strictly, None where there is nothing."""

import re
from datetime import date
from functools import lru_cache

from drivers.base import BadDataError

KNOT_MPS = 1852 / 3600
GPS_YEARS = range(1980, 2100)
UNKNOWN_DOP = 99.0  # receivers write 99.9 or 99.99 for "no idea"
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)")
_DEGREES_MINUTES = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)")

# The sentences of one epoch repeat its time, its date and often its place to the letter.
once_per_epoch = lru_cache(maxsize=8)


@once_per_epoch
def day_ms_of(text: str) -> int | None:
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


@once_per_epoch
def zda_date(day: str, month: str, year: str) -> date | None:
    """The date in three fields; None if it is none, or outside of GPS_YEARS."""
    try:
        written = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return written if written.year in GPS_YEARS else None


@once_per_epoch
def coordinates(lat: str, lat_side: str, lon: str, lon_side: str) -> tuple[float, float]:
    """Latitude and longitude in degrees from ddmm.mmm and dddmm.mmm with their sides.

    Raises BadDataError for what is no place on Earth, and for 0, 0.
    """
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


def number_in(text: str, low: float, high: float) -> float | None:
    """The value if it is a number in this range (which "nan" and "inf" are not)."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if low <= number <= high else None


def count_of(text: str) -> int | None:
    """A count of at most three digits."""
    return int(text) if text.isdecimal() and len(text) <= 3 else None


def dop_of(text: str) -> float | None:
    """A dilution of precision; None from UNKNOWN_DOP on."""
    value = number_in(text, 0, UNKNOWN_DOP)
    return None if value == UNKNOWN_DOP else value


def knots_mps(text: str) -> float | None:
    """A speed in knots as metres per second."""
    knots = number_in(text, 0, 5000)
    return None if knots is None else knots * KNOT_MPS


def angle_deg(text: str) -> float | None:
    """A direction, 0 <= value < 360."""
    degrees = number_in(text, 0, 360)
    return 0.0 if degrees == 360 else degrees
