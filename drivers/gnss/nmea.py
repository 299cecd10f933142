"""One NMEA 0183 sentence as typed values, through pynmea2 (the only module that imports it).

pynmea2's tables say which field of a sentence is what. Its objects are not used: making one and
asking it for its values takes 40 us of the 65 us that a sentence then costs, and they leave open
what is decided here (an empty position is 0.0, 0.0 there; a number that cannot be read stays text;
ranges are not looked at).
"""

from collections.abc import Callable
from operator import itemgetter

import pynmea2

from drivers.gnss import nmea_attitude, nmea_notes, nmea_sky
from drivers.gnss.nmea_fields import (
    SpareFields,
    age_s_of,
    altitude_m,
    angle_deg,
    base_id_of,
    coordinates,
    count_of,
    day_ms_of,
    dop_of,
    horizontal_error_m,
    kmph_mps,
    knots_mps,
    rmc_date,
    zda_date,
)
from drivers.gnss.report import Report
from drivers.samples import FixKind

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
_CORRECTED = (FixKind.DGPS, FixKind.RTK_FLOAT, FixKind.RTK_FIXED)
QZSS = "PQ"  # the one talker that begins like a proprietary sentence (Quectel)
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

    Raises BadDataError for a position, a time or a heading that cannot be.
    """
    read = _READERS.get(body[2:5])
    if read is not None and body[5:6] == "," and (body[0] != "P" or body[:2] == QZSS):
        return read(body[:2], body[6:].split(","))
    if body[:1] != "P":
        return None
    address, _, rest = body.partition(",")
    own = _PROPRIETARY.get(address)
    return None if own is None else own(rest.split(","))


_POSITION = ("timestamp", "lat", "lat_dir", "lon", "lon_dir")
_GGA = _Layout("GGA", *_POSITION, "gps_qual", "num_sats", "horizontal_dil", "altitude")
_CORRECTIONS = _Layout("GGA", "age_gps_data", "ref_station_id")
_GNS = _Layout("GNS", *_POSITION, "mode_indicator", "num_sats", "hdop", "altitude")
_RMC = _Layout(
    "RMC", *_POSITION, "status", "mode_indicator", "datestamp", "spd_over_grnd", "true_course"
)
_GLL = _Layout("GLL", *_POSITION, "status", "faa_mode")
_VTG = _Layout("VTG", "true_track", "spd_over_grnd_kts", "spd_over_grnd_kmph", "faa_mode")
_GST = _Layout("GST", "timestamp", "std_dev_latitude", "std_dev_longitude")
_ZDA = _Layout("ZDA", "timestamp", "day", "month", "year")


def _gga(talker: str, fields: list[str]) -> Report:
    *start, quality, used, hdop, altitude = _GGA(fields)
    told = _solution(talker, "GGA", _GGA_QUALITY.get(quality), start, (used, hdop, altitude))
    if told.fix not in _CORRECTED:
        return told  # what some write here without corrections means nothing
    spare, (age, base) = SpareFields(), _CORRECTIONS(fields)
    corrections_age_s, base_id = spare(age_s_of, age), spare(base_id_of, base)
    refused = told.refused + spare.refused
    return told._replace(corrections_age_s=corrections_age_s, base_id=base_id, refused=refused)


def _gns(talker: str, fields: list[str]) -> Report:
    *start, modes, used, hdop, altitude = _GNS(fields)
    fix = next((_MODES[mode] for mode in _MODES if mode in modes), None)
    return _solution(talker, "GNS", fix, start, (used, hdop, altitude))


def _solution(
    talker: str, kind: str, fix: FixKind | None, start: list[str], rest: tuple[str, str, str]
) -> Report:
    (time, *position), (used, hdop, altitude) = start, rest
    spare = SpareFields()
    return Report(
        talker=talker,
        kind=kind,
        day_ms=day_ms_of(time),
        fix=fix,
        place=_place(fix, *position),
        alt_msl_m=spare(altitude_m, altitude),
        satellites_used=spare(count_of, used),
        hdop=spare(dop_of, hdop),
        refused=spare.refused,
    )


def _rmc(talker: str, fields: list[str]) -> Report:
    time, *position, status, mode, day, knots, course = _RMC(fields)
    fix, spare = _by_status(status, mode), SpareFields()
    return Report(
        talker=talker,
        kind="RMC",
        day_ms=day_ms_of(time),
        day=spare(rmc_date, day),
        fix=fix,
        place=_place(fix, *position),
        speed_mps=spare(knots_mps, knots),
        course_deg=spare(angle_deg, course),
        refused=spare.refused,
    )


def _gll(talker: str, fields: list[str]) -> Report:
    time, *position, status, mode = _GLL(fields)
    fix = _by_status(status, mode)
    return Report(
        talker=talker, kind="GLL", day_ms=day_ms_of(time), fix=fix, place=_place(fix, *position)
    )


def _vtg(talker: str, fields: list[str]) -> Report:
    course, knots, kmph, mode = _VTG(fields)
    if _MODES.get(mode[:1]) is FixKind.NONE:
        return Report(talker=talker, kind="VTG")
    spare = SpareFields()
    speed_mps = spare(knots_mps, knots)
    return Report(
        talker=talker,
        kind="VTG",
        speed_mps=spare(kmph_mps, kmph) if speed_mps is None else speed_mps,
        course_deg=spare(angle_deg, course),
        refused=spare.refused,
    )


def _gst(talker: str, fields: list[str]) -> Report:
    time, north, east = _GST(fields)
    spare = SpareFields()
    return Report(
        talker=talker,
        kind="GST",
        day_ms=day_ms_of(time),
        error_m=spare(horizontal_error_m, north, east),
        refused=spare.refused,
    )


def _zda(talker: str, fields: list[str]) -> Report:
    time, *day = _ZDA(fields)
    spare = SpareFields()
    return Report(
        talker=talker,
        kind="ZDA",
        day_ms=day_ms_of(time),
        day=spare(zda_date, *day),
        refused=spare.refused,
    )


_READERS: dict[str, Callable[[str, list[str]], Report | None]] = {
    "GGA": _gga,
    "GNS": _gns,
    "RMC": _rmc,
    "GLL": _gll,
    "VTG": _vtg,
    "GSA": nmea_sky.gsa,
    "GSV": nmea_sky.gsv,
    "GST": _gst,
    "ZDA": _zda,
    "HDT": nmea_attitude.hdt,
    "THS": nmea_attitude.ths,
    "HPR": nmea_attitude.hpr,
    "TXT": nmea_notes.txt,
}
_PROPRIETARY = nmea_attitude.PROPRIETARY | nmea_notes.PROPRIETARY
USED_KINDS = frozenset(_READERS)
USED_PROPRIETARY = frozenset(_PROPRIETARY)


def _by_status(status: str, mode: str) -> FixKind | None:
    """RMC and GLL: `A` is a fix, of the kind that the mode tells, where there is a mode."""
    if status == "V":
        return FixKind.NONE
    if status != "A":
        return None
    return _MODES.get(mode[:1], FixKind.FIX_2D)


def _place(
    fix: FixKind | None, lat: str, lat_side: str, lon: str, lon_side: str
) -> tuple[float, float] | None:
    """Latitude and longitude, where the sentence says that they are a fix.

    Receivers without one write 0000.0000, 8960.0000 or 36000.0000: those are never looked at.
    """
    if fix is None or fix is FixKind.NONE or not (lat or lon):
        return None
    return coordinates(lat, lat_side, lon, lon_side)
