"""A simulated receiver: the bytes that a real one would send while it follows a route.

Honest where it matters to a reader: errors that wander slowly like real ones, satellites that come
and go, stretches without a fix, several talkers, and, if asked for, damage on the line.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from drivers.gnss.nmea_fields import KNOT_MPS
from drivers.gnss.nmea_framing import frame
from drivers.gnss.route import Place, Route, moved

KINDS = ("GGA", "RMC", "GSA", "GSV", "VTG", "GLL", "GST", "ZDA")
CONSTELLATIONS = {"GP": 1, "GL": 2, "GA": 3, "GB": 4}  # talker: system id (NMEA 0183, 4.11)
WANDER_S = 60.0  # how long an error of position lasts: ionosphere and satellite geometry
JITTER = 0.02  # what comes on top from one epoch to the next, as a share of the error
UBX_NOISE = bytes.fromhex("b56201350800")  # the head of a u-blox binary message


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorPlan:
    """What the receiver lives through."""

    route: Route
    speed_mps: float = 5.0
    rate_hz: float = 1.0
    alt_msl_m: float = 35.0
    error_m: float = 1.5  # horizontal, 1 sigma
    satellites: int = 12  # used, on average
    outages: tuple[tuple[float, float], ...] = ()  # without a fix: from, for how long, in seconds
    garbage: float = 0.0  # share of bursts with damage in or between their sentences, 0..1
    kinds: tuple[str, ...] = KINDS
    constellations: tuple[str, ...] = ("GP", "GB")
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the receiver would ideally report at one instant."""

    utc: datetime
    has_fix: bool
    place: Place
    speed_mps: float
    course_deg: float


class GnssSimulator:
    """Gives one burst of sentences per epoch; the same plan and start give the same bytes."""

    def __init__(self, plan: SimulatorPlan, start_utc: datetime) -> None:
        self._plan = plan
        self._start_utc = start_utc
        self._dice = random.Random(plan.seed)  # noqa: S311  # a simulation, not a secret
        self._number = 0
        self._north_m = self._dice.gauss(0, plan.error_m)
        self._east_m = self._dice.gauss(0, plan.error_m)

    @property
    def elapsed_s(self) -> float:
        """When the next burst is due, from the start."""
        return self._number / self._plan.rate_hz

    def truth(self) -> Truth:
        """What the next burst will tell, without its errors."""
        plan, elapsed_s = self._plan, self.elapsed_s
        way_m = elapsed_s * plan.speed_mps
        bearing = plan.route.at(way_m)
        return Truth(
            utc=self._start_utc + timedelta(seconds=elapsed_s),
            has_fix=not any(begin <= elapsed_s < begin + last for begin, last in plan.outages),
            place=bearing.place,
            speed_mps=0.0 if plan.route.ends_before(way_m) else plan.speed_mps,
            course_deg=bearing.course_deg,
        )

    def burst(self) -> bytes:
        """All sentences of the next epoch."""
        truth = self.truth()
        place = moved(
            truth.place, self._north_m + self._jitter_m(), self._east_m + self._jitter_m()
        )
        told = Told(
            plan=self._plan,
            truth=truth,
            place=place if truth.has_fix else None,
            sky=self._sky(truth),
        )
        sentences = [frame(body) for kind in self._plan.kinds for body in _WRITERS[kind](told)]
        self._wander()
        self._number += 1
        if self._plan.garbage and self._dice.random() < self._plan.garbage:
            self._damage(sentences)
        return b"".join(sentences)

    def _sky(self, truth: Truth) -> "Sky":
        swing = 2 * math.sin(self.elapsed_s / 40) + self._dice.choice((0, 0, 0, 1, -1))
        used = max(4, round(self._plan.satellites + swing)) if truth.has_fix else 0
        hdop = round(0.5 + 6 / used, 2) if used else 99.99
        return Sky(used=used, in_view=max(used, self._plan.satellites) + 3, hdop=hdop)

    def _jitter_m(self) -> float:
        return self._dice.gauss(0, self._plan.error_m * JITTER)

    def _wander(self) -> None:
        """A first-order Gauss-Markov process: right in size at all times, and slow."""
        keep = math.exp(-1 / (self._plan.rate_hz * WANDER_S))
        fresh_m = self._plan.error_m * math.sqrt(1 - keep * keep)
        self._north_m = keep * self._north_m + self._dice.gauss(0, fresh_m)
        self._east_m = keep * self._east_m + self._dice.gauss(0, fresh_m)

    def _damage(self, sentences: list[bytes]) -> None:
        """Lose the end of a sentence, flip one bit, or put binary data between two."""
        at = self._dice.randrange(len(sentences))
        sentence = sentences[at]
        match self._dice.randrange(3):
            case 0:
                sentences[at] = sentence[: self._dice.randrange(len(sentence))]
            case 1:
                byte = self._dice.randrange(1, len(sentence) - 5)
                flipped = sentence[byte] ^ (1 << self._dice.randrange(7))
                sentences[at] = sentence[:byte] + bytes([flipped]) + sentence[byte + 1 :]
            case _:
                sentences.insert(at, UBX_NOISE + self._dice.randbytes(40))


def paced(
    simulator: GnssSimulator, mono_s: Callable[[], float], wait: Callable[[float], bool]
) -> Iterator[bytes]:
    """Bursts when they are due, on a clock of the caller's; ends when `wait` says stop (true).

    What is late is not dropped: a receiver does not skip epochs either.
    """
    start_s = mono_s()
    while not wait(max(0.0, start_s + simulator.elapsed_s - mono_s())):
        yield simulator.burst()


# --- sentences -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """The satellites of one epoch."""

    used: int
    in_view: int
    hdop: float

    def shares(self, talkers: tuple[str, ...]) -> list[tuple[str, int, int]]:
        """Talker, used and in view, spread evenly over the constellations."""
        count = len(talkers)
        return [
            (talker, (self.used + n) // count, (self.in_view + n) // count)
            for n, talker in enumerate(talkers)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the sentences of one epoch tell."""

    plan: SimulatorPlan
    truth: Truth
    place: Place | None  # with its error; None without a fix
    sky: Sky


Writer = Callable[[Told], list[str]]


def _combined(told: Told) -> str:
    talkers = told.plan.constellations
    return "GN" if len(talkers) > 1 else talkers[0]


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
    head = f"{_combined(told)}GGA,{_time(told.truth)},{_position(told.place)}"
    if told.place is None:
        return [f"{head},0,00,99.99,,,,,,"]
    # Older receivers show at most 12 here; NMEA 4 has two digits for all.
    return [f"{head},1,{told.sky.used:02d},{told.sky.hdop:.2f},{told.plan.alt_msl_m:.1f},M,0.0,M,,"]


def _rmc(told: Told) -> list[str]:
    truth, place = told.truth, _position(told.place)
    motion = f"{truth.speed_mps / KNOT_MPS:.3f},{_course(truth)}" if told.place else ","
    status, mode = ("A", "A") if told.place else ("V", "N")
    head = f"{_combined(told)}RMC,{_time(truth)},{status},{place}"
    return [f"{head},{motion},{truth.utc.strftime('%d%m%y')},,,{mode},V"]


def _course(truth: Truth) -> str:
    # Receivers leave the course out when they stand: there is none.
    return f"{truth.course_deg:.2f}" if truth.speed_mps > 0.2 else ""


def _gsa(told: Told) -> list[str]:
    dops = f"{told.sky.hdop * 1.6:.2f},{told.sky.hdop:.2f},{told.sky.hdop * 1.25:.2f}"
    dops = dops if told.place else "99.99,99.99,99.99"
    return [
        f"{_combined(told)}GSA,A,{3 if told.place else 1},"
        + ",".join(f"{n + 1:02d}" if n < used else "" for n in range(12))
        + f",{dops},{CONSTELLATIONS[talker]}"
        for talker, used, _ in told.sky.shares(told.plan.constellations)
    ]


def _gsv(told: Told) -> list[str]:
    pages = []
    for talker, _, in_view in told.sky.shares(told.plan.constellations):
        total = max(1, -(-in_view // 4))
        for page in range(total):
            numbers = range(page * 4 + 1, min(page * 4 + 5, in_view + 1))
            cells = "".join(f",{n:02d},{15 + n * 3:02d},{n * 23 % 360:03d},40" for n in numbers)
            pages.append(f"{talker}GSV,{total},{page + 1},{in_view:02d}{cells},1")
    return pages


def _vtg(told: Told) -> list[str]:
    if told.place is None:
        return [f"{_combined(told)}VTG,,T,,M,,N,,K,N"]
    knots, kmph = told.truth.speed_mps / KNOT_MPS, told.truth.speed_mps * 3.6
    return [f"{_combined(told)}VTG,{_course(told.truth)},T,,M,{knots:.3f},N,{kmph:.3f},K,A"]


def _gll(told: Told) -> list[str]:
    state = "A,A" if told.place else "V,N"
    return [f"{_combined(told)}GLL,{_position(told.place)},{_time(told.truth)},{state}"]


def _gst(told: Told) -> list[str]:
    sigma = f"{told.plan.error_m:.2f}"
    errors = f"{told.plan.error_m * 2:.2f},,,,{sigma},{sigma},{told.plan.error_m * 2:.2f}"
    return [f"{_combined(told)}GST,{_time(told.truth)},{errors if told.place else ',,,,,,'}"]


def _zda(told: Told) -> list[str]:
    return [f"{_combined(told)}ZDA,{_time(told.truth)},{told.truth.utc.strftime('%d,%m,%Y')},00,00"]


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
