"""GSV and GSA: which satellites are heard and which are used (NMEA 0183, 4.11 and before)."""

from functools import lru_cache

from drivers.base import BadDataError
from drivers.gnss.nmea_fields import SpareFields, count_of, dop_of, number_in
from drivers.gnss.report import Report
from drivers.gnss.sky import SatelliteId, Signal, satellite_of

_GSV_HEAD = 3  # pages, page, satellites in view; then four fields for each satellite
_PER_SATELLITE = 4
_GSA_NUMBERS = slice(2, 14)
_GSA_SYSTEM = 17  # the field after the three dilutions of precision, since 4.10
MOST_CN0_DBHZ = 99.0  # two digits


def gsv(talker: str, fields: list[str]) -> Report:
    head = fields + [""] * (_GSV_HEAD - len(fields))
    pages, page, in_view = head[:_GSV_HEAD]
    cells, spare = fields[_GSV_HEAD:], SpareFields()
    signal_id = cells.pop() if len(cells) % _PER_SATELLITE == 1 else ""
    signals = []
    for at in range(0, len(cells) - _PER_SATELLITE + 1, _PER_SATELLITE):
        signal = spare(_signal, talker, signal_id, *cells[at : at + _PER_SATELLITE])
        if signal is not None:
            signals.append(signal)
    return Report(
        talker=talker,
        kind="GSV",
        satellites_in_view=spare(count_of, in_view),
        page_is_last=page == pages,
        signals=tuple(signals),
        refused=spare.refused,
    )


@lru_cache(maxsize=1024)  # satellites move by a degree in minutes, and are told ten times a second
def _signal(
    talker: str, signal_id: str, number: str, elevation: str, azimuth: str, cn0: str
) -> Signal | None:
    count = count_of(number)
    satellite = satellite_of(talker, count) if count else None
    if satellite is None:
        return None  # an empty place on the page
    elevation_deg = number_in(elevation, -90, 90)
    azimuth_deg = number_in(azimuth, 0, 360)
    level_dbhz = number_in(cn0, 0, MOST_CN0_DBHZ)
    return Signal(
        constellation=satellite[0],
        number=satellite[1],
        id=_signal_id(signal_id),
        elevation_deg=None if elevation_deg is None else round(elevation_deg),
        azimuth_deg=None if azimuth_deg is None else round(azimuth_deg) % 360,
        cn0_dbhz=level_dbhz or None,  # 00: not tracked
    )


def _signal_id(text: str) -> str:
    if not text or text == "0":  # 0: all signals together
        return ""
    if len(text) == 1 and text in "123456789ABCDEF":
        return text
    raise BadDataError(f"not a signal id: {text[:20]}")


def gsa(talker: str, fields: list[str]) -> Report:
    whole, spare = fields + [""] * (_GSA_SYSTEM + 1 - len(fields)), SpareFields()
    system = whole[_GSA_SYSTEM]
    numbers = [spare(count_of, text) for text in whole[_GSA_NUMBERS]]
    used: list[SatelliteId | None] = [satellite_of(talker, n, system) for n in numbers if n]
    dimension = whole[1]
    pdop, hdop, vdop = (spare(dop_of, text) for text in whole[14:17])
    return Report(
        talker=talker,
        kind="GSA",
        dimension=int(dimension) if dimension in ("1", "2", "3") else None,
        satellites_used=sum(map(bool, fields[_GSA_NUMBERS])),
        used=tuple(each for each in used if each is not None),
        pdop=pdop,
        hdop=hdop,
        vdop=vdop,
        refused=spare.refused,
    )
