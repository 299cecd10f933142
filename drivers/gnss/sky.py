"""The satellites that a receiver hears, and how strongly: constellation, signal, place in the sky.

Names and numbers follow NMEA 0183, 4.11, GSV and GSA (tables of system and signal ids), and what
receivers of before that version write.
"""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Constellation(StrEnum):
    GPS = "gps"
    GLONASS = "glonass"
    GALILEO = "galileo"
    BEIDOU = "beidou"
    QZSS = "qzss"
    NAVIC = "navic"
    SBAS = "sbas"


# BeiDou: GB since NMEA 4.11, BD by many receivers before and since; QZSS: GQ, or PQ (Quectel).
TALKERS = {
    "GP": Constellation.GPS,
    "GL": Constellation.GLONASS,
    "GA": Constellation.GALILEO,
    "GB": Constellation.BEIDOU,
    "BD": Constellation.BEIDOU,
    "GQ": Constellation.QZSS,
    "PQ": Constellation.QZSS,
    "QZ": Constellation.QZSS,
    "GI": Constellation.NAVIC,
}
SYSTEM_IDS = {
    "1": Constellation.GPS,
    "2": Constellation.GLONASS,
    "3": Constellation.GALILEO,
    "4": Constellation.BEIDOU,
    "5": Constellation.QZSS,
    "6": Constellation.NAVIC,
}
# First number, last number, whose, and what is taken off to get the constellation's own number.
_RANGES = (
    (33, 64, Constellation.SBAS, -87),  # PRN 120 to 151
    (65, 96, Constellation.GLONASS, 64),
    (120, 158, Constellation.SBAS, 0),
    (193, 202, Constellation.QZSS, 192),
    (201, 263, Constellation.BEIDOU, 200),
    (301, 336, Constellation.GALILEO, 300),
    (401, 437, Constellation.BEIDOU, 400),
)
SIGNALS = {
    (Constellation.GPS, "1"): "L1 C/A",
    (Constellation.GPS, "5"): "L2C",
    (Constellation.GPS, "6"): "L2C",
    (Constellation.GPS, "7"): "L5",
    (Constellation.GPS, "8"): "L5",
    (Constellation.GLONASS, "1"): "G1",
    (Constellation.GLONASS, "3"): "G2",
    (Constellation.GALILEO, "1"): "E5a",
    (Constellation.GALILEO, "2"): "E5b",
    (Constellation.GALILEO, "5"): "E6",
    (Constellation.GALILEO, "7"): "E1",
    (Constellation.BEIDOU, "1"): "B1I",
    (Constellation.BEIDOU, "3"): "B1C",
    (Constellation.BEIDOU, "5"): "B2a",
    (Constellation.BEIDOU, "6"): "B2b",
    (Constellation.BEIDOU, "8"): "B3I",
    (Constellation.BEIDOU, "B"): "B2I",
    (Constellation.QZSS, "1"): "L1 C/A",
    (Constellation.QZSS, "5"): "L2C",
    (Constellation.QZSS, "6"): "L2C",
    (Constellation.QZSS, "7"): "L5",
    (Constellation.QZSS, "8"): "L5",
}
SatelliteId = tuple[Constellation, int]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of one satellite."""

    constellation: Constellation
    number: int  # of the satellite, within its constellation: 1..., SBAS from 120
    id: str  # of the signal, one hexadecimal digit; empty where the receiver does not tell
    elevation_deg: int | None = None  # above the horizon, -90..90
    azimuth_deg: int | None = None  # 0..359 true
    cn0_dbhz: float | None = None  # carrier to noise density; None while it is not tracked

    @property
    def satellite(self) -> SatelliteId:
        return self.constellation, self.number

    @property
    def name(self) -> str:
        """Of the signal: "L1 C/A"; what the id says where it has no name here."""
        return SIGNALS.get((self.constellation, self.id), self.id)


@dataclass(frozen=True, slots=True)
class Sky:
    """All signals of one epoch, and which satellites the position is made of."""

    signals: tuple[Signal, ...]
    used: frozenset[SatelliteId] = frozenset()

    def strongest(self) -> dict[SatelliteId, Signal]:
        """Of each satellite the signal that is heard best."""
        best: dict[SatelliteId, Signal] = {}
        for signal in self.signals:
            known = best.get(signal.satellite)
            if known is None or (signal.cn0_dbhz or 0.0) > (known.cn0_dbhz or 0.0):
                best[signal.satellite] = signal
        return best

    def tracked(self) -> list[Signal]:
        """Of each satellite that is heard its strongest signal; those of SBAS are left out."""
        return [
            signal
            for signal in self.strongest().values()
            if signal.cn0_dbhz is not None and signal.constellation is not Constellation.SBAS
        ]

    def levels_dbhz(self) -> dict[Constellation, float]:
        """The median C/N0 of the four best satellites of each constellation that has as many."""
        by: dict[Constellation, list[float]] = {}
        for signal in self.tracked():
            by.setdefault(signal.constellation, []).append(signal.cn0_dbhz or 0.0)
        return {
            each: statistics.median(sorted(levels, reverse=True)[:4])
            for each, levels in by.items()
            if len(levels) >= 4  # fewer are chance
        }


def satellite_of(talker: str, number: int, system: str = "") -> SatelliteId | None:
    """Whose satellite this number is; None where that cannot be told.

    `system` is GSA's system id, where there is one. Before NMEA 4.11 the number alone told it.
    """
    for first, last, whose, less in _RANGES:
        if first <= number <= last and _may_be(talker, system, whose):
            return whose, number - less
    known = SYSTEM_IDS.get(system) or TALKERS.get(talker)
    if known is None and talker == "GN" and 1 <= number <= 32:
        known = Constellation.GPS
    return (known, number) if known is not None and number > 0 else None


def _may_be(talker: str, system: str, whose: Constellation) -> bool:
    """Whether a number of another's range is to be taken so: BeiDou has 33 to 63 of its own."""
    told = SYSTEM_IDS.get(system) or TALKERS.get(talker)
    return told in (None, whose) or (
        told is Constellation.GPS and whose in (Constellation.SBAS, Constellation.QZSS)
    )


def merged(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each signal once; of two that are told twice (by GP and GN, say) the later counts."""
    return tuple({(each.constellation, each.number, each.id): each for each in signals}.values())
