"""Units that people write, and what they are in the unit that a setting has by its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from config.language import tell

SECONDS = {
    "ms": 0.001, "msec": 0.001, "millisecond": 0.001, "s": 1, "sec": 1, "second": 1,
    "min": 60, "minute": 60, "m": 60, "h": 3600, "hr": 3600, "hour": 3600,
    "d": 86_400, "day": 86_400, "week": 604_800,
}  # fmt: skip
METRES = {
    "mm": 0.001, "cm": 0.01, "m": 1, "meter": 1, "metre": 1, "km": 1000,
    "ft": 0.3048, "feet": 0.3048, "foot": 0.3048, "mi": 1609.344, "mile": 1609.344,
}  # fmt: skip
METRES_PER_SECOND = {
    "m/s": 1, "mps": 1, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "kmph": 1 / 3.6,
    "mph": 0.44704, "kn": 1852 / 3600, "kt": 1852 / 3600, "knot": 1852 / 3600,
}  # fmt: skip
DEGREES = {"°": 1, "deg": 1, "degree": 1, "rad": 57.29577951308232}
PIXELS = {"px": 1, "pixel": 1, "p": 1}
MEBIBYTES = {
    "kb": 1000 / 2**20, "kib": 1 / 1024, "mb": 1e6 / 2**20, "mib": 1, "m": 1,
    "gb": 1e9 / 2**20, "gib": 1024, "g": 1024, "tb": 1e12 / 2**20, "tib": 2**20,
}  # fmt: skip
PER_SECOND = {"fps": 1, "hz": 1, "/s": 1, "1/s": 1}
BITS_PER_SECOND = {"baud": 1, "bd": 1, "bps": 1, "bit/s": 1, "kbaud": 1000, "k": 1000}

KILOBITS_PER_SECOND = {
    "kbit/s": 1, "kbit": 1, "kbps": 1, "kb/s": 8, "bit/s": 0.001, "bps": 0.001,
    "mbit/s": 1000, "mbit": 1000, "mbps": 1000, "mb/s": 8000,
}  # fmt: skip
PERCENT = {"%": 0.01, "percent": 0.01}

QUANTITY = re.compile(r"([-+]?[0-9]+(?:[.,][0-9]+)?)\s*([^\s\d].*)")


@dataclass(frozen=True, slots=True)
class Measure:
    """The unit of a setting: its name for people, and what others are in it."""

    words: str
    factors: Mapping[str, float]

    def convert(self, text: str) -> float | None:
        """`5 min` → 300.0 in seconds; None if it is no number with a unit known here."""
        match = QUANTITY.fullmatch(text.strip())
        factor = self.factor(match[2]) if match else None
        return None if factor is None or match is None else float(_point(match[1])) * factor

    def factor(self, unit: str) -> float | None:
        unit = unit.strip().lower()
        return self.factors.get(unit, self.factors.get(unit.removesuffix("s")))


SHARE = Measure(tell("parts of 1"), PERCENT)
MEASURES = (
    ("_kbit_s", Measure(tell("kbit/s"), KILOBITS_PER_SECOND)),
    ("_per_s", Measure(tell("per second"), {})),
    ("_mps", Measure(tell("metres per second"), METRES_PER_SECOND)),
    ("_ms", Measure(tell("milliseconds"), {unit: 1000 * by for unit, by in SECONDS.items()})),
    ("_s", Measure(tell("seconds"), SECONDS)),
    ("_m", Measure(tell("metres"), METRES)),
    ("_deg", Measure(tell("degrees"), DEGREES)),
    ("_px", Measure(tell("pixels"), PIXELS)),
    ("_mib", Measure(tell("MiB"), MEBIBYTES)),
    ("fps", Measure(tell("pictures per second"), PER_SECOND)),
    ("baud", Measure(tell("bits per second"), BITS_PER_SECOND)),
)


def measure_of(name: str) -> Measure | None:
    """The unit that a setting has by its name; None for a plain count or a text."""
    for suffix, measure in MEASURES:
        if name.endswith(suffix):
            return measure
    return None


def unit_in(name: str) -> tuple[str, str]:
    """A setting's name without its unit, and that unit: `every_s` → (`every`, `s`)."""
    if name.endswith("_kbit_s"):
        return name.removesuffix("_kbit_s"), "kbit/s"
    stem, _, unit = name.rpartition("_")
    known = any(measure.factor(unit) is not None for _, measure in MEASURES) or unit == "mps"
    return (stem, unit) if stem and known else (name, "")


def number_in(text: str) -> float | None:
    """The number a person meant: `1,5`, `1_000`, `007`; None if it is none."""
    cleaned = text.strip().replace("_", "")
    if not re.fullmatch(r"[-+]?[0-9]+([.,][0-9]+)?", cleaned) or len(cleaned) > 20:
        return None
    return float(_point(cleaned))


def _point(text: str) -> str:
    return text.replace(",", ".")
