"""What one sentence said."""

from datetime import date
from typing import NamedTuple

from drivers.gnss.sky import SatelliteId, Signal
from drivers.samples import FixKind


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
    heading_error_deg: float | None = None  # 1 sigma
    satellites_used: int | None = None
    satellites_in_view: int | None = None  # of this talker
    page_is_last: bool = True  # GSV comes in pages
    dimension: int | None = None  # GSA: 1 no fix, 2, 3
    hdop: float | None = None
    pdop: float | None = None
    vdop: float | None = None
    error_m: float | None = None  # GST: horizontal, 1 sigma
    corrections_age_s: float | None = None  # GGA: of the newest correction
    base_id: str | None = None  # GGA: of the station that corrects
    signals: tuple[Signal, ...] = ()  # GSV
    used: tuple[SatelliteId, ...] = ()  # GSA
    jamming: int | None = None  # as the receiver tells: 1 none, 2 some, 3 no fix possible
    antenna: str | None = None  # as the receiver tells: ok, open, short
    refused: int = 0  # fields that cannot be, and were left out
