"""The satellites over a simulated receiver: where they stand, and how well each is heard."""

import math
import random
from dataclasses import dataclass

FIRST_NUMBERS = {"GP": 2, "GL": 65, "GA": 3, "GB": 19, "GQ": 1}  # as GSV writes them
TURN_S = 7200.0  # how slowly they move over the sky
LEAST_DBHZ = 12.0  # below, a receiver no longer tracks
HORIZON_DB = 16.0  # by how much weaker a satellite at the horizon is than one overhead
TREMBLE_DB = 1.2


@dataclass(frozen=True, slots=True)
class Weakening:
    """What lies over the antenna, or beside it."""

    by_db: float = 0.0
    all_dbhz: float | None = None  # all of them as strong as this: one antenna sends them


@dataclass(frozen=True, slots=True)
class Satellite:
    talker: str
    number: int
    elevation_deg: int
    azimuth_deg: int
    cn0_dbhz: float | None
    used: bool

    @property
    def level(self) -> str:
        """Of C/N0, as GSV writes it: empty while it is not tracked."""
        return "" if self.cn0_dbhz is None else f"{round(self.cn0_dbhz):02d}"


@dataclass(frozen=True, slots=True)
class Overhead:
    """All satellites of one epoch."""

    satellites: tuple[Satellite, ...]
    used: int
    hdop: float

    def of(self, talker: str) -> list[Satellite]:
        return [each for each in self.satellites if each.talker == talker]


class SimulatedSky:
    """The same seed gives the same sky."""

    def __init__(
        self, talkers: tuple[str, ...], count: int, cn0_dbhz: float, dice: random.Random
    ) -> None:
        self._cn0_dbhz = cn0_dbhz
        self._dice = dice
        self._places = [  # talker, number, where it stands, and when
            (talker, FIRST_NUMBERS[talker] + 2 * (n // len(talkers)), n * 360 / count)
            for n, talker in ((n, talkers[n % len(talkers)]) for n in range(count))
        ]
        self._height = [dice.uniform(8, 85) for _ in self._places]

    def at(self, elapsed_s: float, used: int, weak: Weakening) -> Overhead:
        """`used` of them, the best heard, make the position."""
        count = max(used, len(self._places))
        heard = [self._one(n, elapsed_s, weak) for n in range(len(self._places))]
        ranked = sorted(
            (n for n, each in enumerate(heard) if each.cn0_dbhz is not None),
            key=lambda n: -(heard[n].cn0_dbhz or 0.0),
        )[: min(used, count)]
        chosen = set(ranked)
        satellites = tuple(
            Satellite(
                each.talker,
                each.number,
                each.elevation_deg,
                each.azimuth_deg,
                each.cn0_dbhz,
                n in chosen,
            )
            for n, each in enumerate(heard)
        )
        hdop = round(0.5 + 6 / len(chosen), 2) if chosen else 99.99
        return Overhead(satellites, len(chosen), hdop)

    def _one(self, n: int, elapsed_s: float, weak: Weakening) -> Satellite:
        talker, number, azimuth_deg = self._places[n]
        swing = math.sin(math.tau * elapsed_s / TURN_S + n)
        elevation_deg = min(89.0, max(2.0, self._height[n] + 6 * swing))
        azimuth = (azimuth_deg + 360 * elapsed_s / TURN_S / 4) % 360
        high = math.sin(math.radians(elevation_deg))
        level = self._cn0_dbhz - HORIZON_DB * (1 - high) ** 1.5 - weak.by_db
        level += self._dice.gauss(0, TREMBLE_DB)
        if weak.all_dbhz is not None:
            level = weak.all_dbhz + self._dice.gauss(0, 0.3)
        heard = level if level >= LEAST_DBHZ else None
        return Satellite(talker, number, round(elevation_deg), round(azimuth) % 360, heard, False)
