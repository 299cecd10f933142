"""The values in the fields of NMEA 0183 sentences: None where there is nothing to read.

What is there and cannot be is refused with BadDataError. Digits are those of ASCII, and not what
else Python takes for a number: `1_0`, `1e400`, `nan`, digits of other scripts.
"""

import math
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TypeVar

from drivers.base import BadDataError

T = TypeVar("T")

KNOT_MPS = 1852 / 3600
GPS_YEARS = range(1980, 2100)
UNKNOWN_DOP = 99.0  # receivers write 99.9 or 99.99 for "no idea"
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)", re.ASCII)
_DEGREES_MINUTES = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)", re.ASCII)
_NUMBER = re.compile(r" *[+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+) *", re.ASCII)
_BASE_ID = re.compile(r"[0-9A-Za-z]{1,8}", re.ASCII)
_COUNT = re.compile(r"\d{1,3}", re.ASCII)
_DATE = re.compile(r"(\d{1,2}),(\d{1,2}),(\d{4})", re.ASCII)
_SHORT_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)", re.ASCII)

# The sentences of one epoch repeat its time, its date and often its place to the letter.
once_per_epoch = lru_cache(maxsize=8)


class SpareFields:
    """Reads fields that a sentence can do without: one that cannot be is None, and counted.

    A receiver that writes `nan` for its HDOP still knows where it is.
    """

    def __init__(self) -> None:
        self.refused = 0

    def __call__(self, read: Callable[..., T | None], *texts: str) -> T | None:
        try:
            return read(*texts)
        except BadDataError:
            self.refused += 1
            return None


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
    """The date in three fields; None if they are empty or all zero, or outside of GPS_YEARS."""
    text = f"{day},{month},{year}"
    if not text.strip("0,"):
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        raise BadDataError(f"not a date: {text[:20]}")
    return _date(int(found[3]), int(found[2]), int(found[1]))


@once_per_epoch
def rmc_date(text: str) -> date | None:
    """The date in ddmmyy; None if it is empty or all zero."""
    if not text.strip("0"):
        return None
    found = _SHORT_DATE.fullmatch(text)
    if found is None:
        raise BadDataError(f"not a date: {text[:20]}")
    short = int(found[3])
    century = 1900 if short >= GPS_YEARS.start % 100 else 2000
    return _date(century + short, int(found[2]), int(found[1]))


def _date(year: int, month: int, day: int) -> date | None:
    try:
        written = date(year, month, day)
    except ValueError as error:
        raise BadDataError(f"not a date: {year}-{month}-{day}") from error
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
    """The number, if there is one. Raises BadDataError where it is none, or out of this range."""
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise BadDataError(f"not a number: {text[:20]}")
    number = float(text) + 0.0  # "-0" becomes 0
    if not low <= number <= high:
        raise BadDataError(f"out of range: {text[:20]}")
    return number


def altitude_m(text: str) -> float | None:
    """Above mean sea level: neither deeper than any sea nor higher than GNSS is used on a unit."""
    return number_in(text, -20_000, 20_000)


def count_of(text: str) -> int | None:
    """A count of at most three digits."""
    if not text:
        return None
    if _COUNT.fullmatch(text) is None:
        raise BadDataError(f"not a count: {text[:20]}")
    return int(text)


def dop_of(text: str) -> float | None:
    """A dilution of precision; None from UNKNOWN_DOP on."""
    value = number_in(text, 0, 1e9)
    return None if value is None or value >= UNKNOWN_DOP else value


def age_s_of(text: str) -> float | None:
    """How old corrections are."""
    return number_in(text, 0, 1e6)


def base_id_of(text: str) -> str | None:
    """The id of a station that sends corrections: up to four letters or digits."""
    if not text:
        return None
    if _BASE_ID.fullmatch(text) is None:
        raise BadDataError(f"not a station: {text[:20]}")
    return text


def knots_mps(text: str) -> float | None:
    """A speed in knots as metres per second."""
    knots = number_in(text, 0, 5000)
    return None if knots is None else knots * KNOT_MPS


def kmph_mps(text: str) -> float | None:
    """A speed in kilometres per hour as metres per second."""
    kmph = number_in(text, 0, 10_000)
    return None if kmph is None else kmph / 3.6


def angle_deg(text: str) -> float | None:
    """A direction, 0 <= value < 360."""
    degrees = number_in(text, 0, 360)
    return 0.0 if degrees == 360 else degrees


def horizontal_error_m(north: str, east: str) -> float | None:
    """From the deviations of latitude and longitude, in metres; None unless both are told."""
    north_m, east_m = number_in(north, 0, 1e6), number_in(east, 0, 1e6)
    return None if north_m is None or east_m is None else math.hypot(north_m, east_m)
