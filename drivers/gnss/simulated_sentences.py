"""The sentences of a simulated receiver (NMEA 0183, 4.11)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from drivers.gnss.nmea_fields import KNOT_MPS
from drivers.gnss.route import Place
from drivers.gnss.simulated_sky import Overhead

KINDS = ("GGA", "RMC", "GSA", "GSV", "VTG", "GLL", "GST", "ZDA")
SYSTEMS = {"GP": 1, "GL": 2, "GA": 3, "GB": 4, "GQ": 5}  # talker: system id
SIGNAL_IDS = {"GP": "1", "GL": "1", "GA": "7", "GB": "1", "GQ": "1"}  # L1 C/A, G1, E1, B1I


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the receiver would ideally report at one instant."""

    utc: datetime
    has_fix: bool
    place: Place
    speed_mps: float
    course_deg: float


class Corrected(Protocol):
    """Corrections, as GGA tells of them."""

    @property
    def quality(self) -> int: ...
    @property
    def age_s(self) -> float: ...
    @property
    def base_id(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the sentences of one epoch tell."""

    truth: Truth
    place: Place | None  # with its error; None without a fix
    sky: Overhead
    talkers: tuple[str, ...]
    alt_msl_m: float
    error_m: float
    corrections: Corrected | None = None

    @property
    def combined(self) -> str:
        """The talker of what all constellations say together."""
        return "GN" if len(self.talkers) > 1 else self.talkers[0]


Writer = Callable[[Told], list[str]]


def _time(truth: Truth) -> str:
    return truth.utc.strftime("%H%M%S.") + f"{truth.utc.microsecond // 10_000:02d}"


def _position(place: Place | None) -> str:
    if place is None:
        return ",,,"
    lat, lon = _minutes(place[0], 2), _minutes(place[1], 3)
    return f"{lat},{'N' if place[0] >= 0 else 'S'},{lon},{'E' if place[1] >= 0 else 'W'}"


def _minutes(value_deg: float, width: int) -> str:
    # In whole units of the last digit, so that no minutes are rounded up to 60.
    units = round(abs(value_deg) * 60 * 100_000)
    degrees, rest = divmod(units, 60 * 100_000)
    return f"{degrees:0{width}d}{rest // 100_000:02d}.{rest % 100_000:05d}"


def _gga(told: Told) -> list[str]:
    head = f"{told.combined}GGA,{_time(told.truth)},{_position(told.place)}"
    if told.place is None:
        return [f"{head},0,00,99.99,,,,,,"]
    # Older receivers show at most 12 here; NMEA 4 has two digits for all.
    quality, ending = "1", ","
    if told.corrections is not None:
        quality = str(told.corrections.quality)
        ending = f"{told.corrections.age_s:.1f},{told.corrections.base_id}"
    used, hdop = f"{told.sky.used:02d}", f"{told.sky.hdop:.2f}"
    return [f"{head},{quality},{used},{hdop},{told.alt_msl_m:.1f},M,0.0,M,{ending}"]


def _rmc(told: Told) -> list[str]:
    truth, place = told.truth, _position(told.place)
    motion = f"{truth.speed_mps / KNOT_MPS:.3f},{_course(truth)}" if told.place else ","
    status, mode = ("A", "A") if told.place else ("V", "N")
    head = f"{told.combined}RMC,{_time(truth)},{status},{place}"
    return [f"{head},{motion},{truth.utc.strftime('%d%m%y')},,,{mode},V"]


def _course(truth: Truth) -> str:
    # Receivers leave the course out when they stand: there is none.
    return f"{truth.course_deg:.2f}" if truth.speed_mps > 0.2 else ""


def _gsa(told: Told) -> list[str]:
    dops = f"{told.sky.hdop * 1.6:.2f},{told.sky.hdop:.2f},{told.sky.hdop * 1.25:.2f}"
    dops = dops if told.place else "99.99,99.99,99.99"
    pages = []
    for talker in told.talkers:
        numbers = [f"{each.number:02d}" for each in told.sky.of(talker) if each.used][:12]
        cells = ",".join(numbers + [""] * (12 - len(numbers)))
        pages.append(
            f"{told.combined}GSA,A,{3 if told.place else 1},{cells},{dops},{SYSTEMS[talker]}"
        )
    return pages


def _gsv(told: Told) -> list[str]:
    pages = []
    for talker in told.talkers:
        own = told.sky.of(talker)
        total = max(1, -(-len(own) // 4))
        for page in range(total):
            cells = "".join(
                f",{each.number:02d},{each.elevation_deg:02d},{each.azimuth_deg:03d},{each.level}"
                for each in own[page * 4 : page * 4 + 4]
            )
            head = f"{talker}GSV,{total},{page + 1},{len(own):02d}"
            pages.append(f"{head}{cells},{SIGNAL_IDS[talker]}")
    return pages


def _vtg(told: Told) -> list[str]:
    if told.place is None:
        return [f"{told.combined}VTG,,T,,M,,N,,K,N"]
    knots, kmph = told.truth.speed_mps / KNOT_MPS, told.truth.speed_mps * 3.6
    return [f"{told.combined}VTG,{_course(told.truth)},T,,M,{knots:.3f},N,{kmph:.3f},K,A"]


def _gll(told: Told) -> list[str]:
    state = "A,A" if told.place else "V,N"
    return [f"{told.combined}GLL,{_position(told.place)},{_time(told.truth)},{state}"]


def _gst(told: Told) -> list[str]:
    sigma = f"{told.error_m:.2f}"
    errors = f"{told.error_m * 2:.2f},,,,{sigma},{sigma},{told.error_m * 2:.2f}"
    return [f"{told.combined}GST,{_time(told.truth)},{errors if told.place else ',,,,,,'}"]


def _zda(told: Told) -> list[str]:
    return [f"{told.combined}ZDA,{_time(told.truth)},{told.truth.utc.strftime('%d,%m,%Y')},00,00"]


_WRITERS: dict[str, Writer] = {
    "GGA": _gga,
    "RMC": _rmc,
    "GSA": _gsa,
    "GSV": _gsv,
    "VTG": _vtg,
    "GLL": _gll,
    "GST": _gst,
    "ZDA": _zda,
}


def sentences_of(kinds: tuple[str, ...], told: Told) -> Iterator[str]:
    """Without `$` and checksum, in this order of kinds."""
    for kind in kinds:
        yield from _WRITERS[kind](told)
