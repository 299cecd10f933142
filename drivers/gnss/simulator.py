"""A simulated receiver: the bytes that a real one would send while it follows a route.

Honest where it matters to a reader: errors that wander slowly like real ones, satellites that come
and go and are heard the better the higher they stand, stretches without a fix, several talkers;
and, if asked for, tunnels, jamming, deceit, a date of long ago, damage on the line.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drivers.gnss.nmea_framing import frame
from drivers.gnss.route import Route, moved
from drivers.gnss.simulated_sentences import KINDS, Told, Truth, sentences_of
from drivers.gnss.simulated_sky import SimulatedSky, Weakening

WANDER_S = 60.0  # how long an error of position lasts: ionosphere and satellite geometry
JITTER = 0.02  # what comes on top from one epoch to the next, as a share of the error
UBX_NOISE = bytes.fromhex("b56201350800")  # the head of a u-blox binary message


Span = tuple[float, float]  # from, for how long, in seconds since the start
FADES_S = 3.0  # at a tunnel's mouth
REFLECTED_S, REFLECTED_M = 2.0, 60.0  # just beyond it


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a base sends, and how well it is used: 2 DGPS, 5 float, 4 fixed (GGA's quality)."""

    quality: int = 4
    age_s: float = 1.0
    base_id: str = "0042"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorPlan:
    """What the receiver lives through."""

    route: Route
    speed_mps: float = 5.0
    rate_hz: float = 1.0
    alt_msl_m: float = 35.0
    error_m: float = 1.5  # horizontal, 1 sigma
    satellites: int = 12  # used, on average
    cn0_dbhz: float = 46.0  # of a satellite overhead
    heading: bool = False  # a second antenna: HDT and THS
    corrections: Corrections | None = None
    outages: tuple[Span, ...] = ()  # without a fix: from, for how long, in seconds
    tunnels: tuple[Span, ...] = ()  # the signals fade, go, and come back with reflections
    jamming: tuple[Span, ...] = ()  # the signals fall all at once, and the fix is lost
    spoofing: tuple[Span, ...] = ()  # all signals alike, and the place is another one
    spoofed_m: float = 500.0  # how far from the true one
    days_back: int = 0  # the date that is told lies so many days in the past
    garbage: float = 0.0  # share of bursts with damage in or between their sentences, 0..1
    kinds: tuple[str, ...] = KINDS
    constellations: tuple[str, ...] = ("GP", "GB")
    seed: int = 1


class GnssSimulator:
    """Gives one burst of sentences per epoch; the same plan and start give the same bytes."""

    def __init__(self, plan: SimulatorPlan, start_utc: datetime) -> None:
        self._plan = plan
        self._start_utc = start_utc
        self._dice = random.Random(plan.seed)  # noqa: S311  # a simulation, not a secret
        heaven = random.Random(plan.seed + 1)  # noqa: S311  # likewise
        self._sky = SimulatedSky(plan.constellations, plan.satellites + 3, plan.cn0_dbhz, heaven)
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
        dark = _within(plan.outages, elapsed_s) or _within(plan.jamming, elapsed_s)
        return Truth(
            utc=self._start_utc + timedelta(seconds=elapsed_s),
            has_fix=not dark and not _within(plan.tunnels, elapsed_s, later_s=FADES_S),
            place=bearing.place,
            speed_mps=0.0 if plan.route.ends_before(way_m) else plan.speed_mps,
            course_deg=bearing.course_deg,
        )

    def burst(self) -> bytes:
        """All sentences of the next epoch."""
        truth = self.truth()
        place = moved(truth.place, *self._error_m())
        told = Told(
            truth=replace(truth, utc=truth.utc - timedelta(days=self._plan.days_back)),
            place=place if truth.has_fix else None,
            sky=self._sky.at(self.elapsed_s, self._used(truth), self._weakening()),
            talkers=self._plan.constellations,
            alt_msl_m=self._plan.alt_msl_m,
            error_m=self._plan.error_m,
            corrections=self._plan.corrections,
        )
        sentences = [frame(body) for body in sentences_of(self._plan.kinds, told)]
        if self._plan.heading:
            heading = "" if told.place is None else f"{truth.course_deg:.2f}"
            talker = told.combined
            sentences += [
                frame(f"{talker}HDT,{heading},T"),
                frame(f"{talker}THS,{heading},{'A' if heading else 'V'}"),
            ]
        self._wander()
        self._number += 1
        if self._plan.garbage and self._dice.random() < self._plan.garbage:
            self._damage(sentences)
        return b"".join(sentences)

    def _error_m(self) -> tuple[float, float]:
        """North and east: what wanders, what jitters, what reflections and liars add."""
        north_m, east_m = self._north_m + self._jitter_m(), self._east_m + self._jitter_m()
        plan, elapsed_s = self._plan, self.elapsed_s
        if _within(plan.spoofing, elapsed_s):
            north_m += plan.spoofed_m
        for begin_s, last_s in plan.tunnels:
            beyond_s = elapsed_s - begin_s - last_s
            if 0 <= beyond_s < REFLECTED_S:
                east_m += REFLECTED_M * (1 - beyond_s / REFLECTED_S)
        return north_m, east_m

    def _weakening(self) -> Weakening:
        plan, elapsed_s = self._plan, self.elapsed_s
        if _within(plan.jamming, elapsed_s):
            return Weakening(by_db=18.0)
        if _within(plan.spoofing, elapsed_s):
            return Weakening(all_dbhz=plan.cn0_dbhz - 1)
        for begin_s, last_s in plan.tunnels:
            if 0 <= elapsed_s - begin_s < last_s:
                return Weakening(by_db=40.0 * min(1.0, (elapsed_s - begin_s + 1) / FADES_S))
        return Weakening()

    def _used(self, truth: Truth) -> int:
        swing = 2 * math.sin(self.elapsed_s / 40) + self._dice.choice((0, 0, 0, 1, -1))
        return max(4, round(self._plan.satellites + swing)) if truth.has_fix else 0

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


def _within(spans: tuple[Span, ...], elapsed_s: float, later_s: float = 0.0) -> bool:
    return any(begin + later_s <= elapsed_s < begin + last for begin, last in spans)


def at_wrong_speed(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """What a UART makes of bytes (8N1) that were sent at another speed than it reads at."""
    line = bytearray()
    for byte in data:  # one entry per bit sent: start, eight data bits, stop
        line += bytes([0, *(byte >> bit & 1 for bit in range(8)), 1])
    step, found, at = sent_baud / read_baud, bytearray(), 0.0
    while (edge := line.find(0, math.ceil(at))) >= 0:
        samples = [edge + (n + 1.5) * step for n in range(9)]
        if samples[-1] >= len(line):
            break
        bits = [line[int(place)] for place in samples]
        byte = sum(bit << n for n, bit in enumerate(bits[:8]))
        found.append(byte if bits[8] else 0)  # without a stop bit Linux hands over a zero
        at = samples[-1] + step / 2
    return bytes(found)
