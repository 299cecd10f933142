"""How like a description somebody or something is, over all the pictures of a track."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from perception.search.body import part_colours, parts_seen
from perception.search.colours import counts_for

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

# From a share of pixels to a probability: on 35 parts of 19 persons of COCO whose colours a person
# named, half of those that match have more than 0.7, and nine of ten that do not less than 0.3.
MIDDLE, STEEP = 0.42, 14.0
INDEPENDENT_S = 1.0  # looks nearer to each other say the same again
LEAST_ERROR = 0.03
PRIOR = 0.25  # what one look's probability may be off by, 1 sigma
MOST_HEIGHTS = 50
ABSENT = 0.02  # an attribute of a kind that contradicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is looked for. Colours are names of `colours.NAMES`; empty sets do not matter."""

    labels: frozenset[str]  # of PATROL_CLASSES: who can be meant at all
    upper: frozenset[str] = frozenset()
    lower: frozenset[str] = frozenset()
    colour: frozenset[str] = frozenset()
    height_m: tuple[float, float] | None = None
    types: frozenset[str] = frozenset()  # of vehicles; empty: any

    @property
    def parts(self) -> dict[str, frozenset[str]]:
        """The parts whose colour matters."""
        found = {"upper": self.upper, "lower": self.lower, "colour": self.colour}
        return {part: wanted for part, wanted in found.items() if wanted}

    def attributes(self) -> tuple[str, ...]:
        more = (("height",) if self.height_m else ()) + (("vehicle",) if self.types else ())
        return (*self.parts, *more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """0..1, with its error at 1 sigma, and which attributes speak for it and against it."""

    score: float
    error: float
    looks: int
    matched: tuple[str, ...]
    unmatched: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(slots=True)
class _Part:
    """The colours of one part, summed over looks; larger ones weigh more."""

    sum: Floats = field(default_factory=lambda: np.zeros(11, np.float32))
    weight: float = 0.0

    def add(self, shares: Floats, weight: float) -> None:
        self.sum += shares * np.float32(weight)
        self.weight += weight

    def probability(self, wanted: frozenset[str]) -> float:
        return matches(self.sum / self.weight, wanted)


@dataclass(slots=True)
class Evidence:
    """What was seen of one track so far. One thread. It holds sums, and no picture."""

    parts: dict[str, _Part] = field(default_factory=dict)
    looks: int = 0
    first_mono_s: float = math.inf
    last_mono_s: float = -math.inf
    heights_m: list[tuple[float, float]] = field(default_factory=list)  # height, error
    _scores: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # n, mean, M2 (Welford)

    def add(
        self,
        wanted: Description,
        picture: Image,
        label: str,
        box: tuple[float, float, float, float],
        light: Floats,
        mono_s: float,
    ) -> None:
        """One more look. (H, W, 3) uint8, BGR; `light` as `colours.light_of` gives it."""
        height, width = picture.shape[:2]
        now: dict[str, float] = {}
        for part in parts_seen(label, box, (width, height)):
            names = wanted.parts.get(part)
            shares = part_colours(picture, box, part, light) if names else None
            if shares is not None and names:
                self.parts.setdefault(part, _Part()).add(shares, math.sqrt(max(box[3] - box[1], 1)))
                now[part] = matches(shares, names)
        self.looks += 1
        self.first_mono_s = min(self.first_mono_s, mono_s)
        self.last_mono_s = max(self.last_mono_s, mono_s)
        if now:
            self._note(math.prod(now.values()))

    def measure(self, height_m: float, error_m: float) -> None:
        """One more look at how tall somebody is; the surest are kept."""
        self.heights_m.append((height_m, error_m))
        if len(self.heights_m) > MOST_HEIGHTS:
            self.heights_m.remove(max(self.heights_m, key=lambda each: each[1]))

    def _note(self, score: float) -> None:
        count, mean, squares = self._scores
        count += 1
        step = score - mean
        mean += step / count
        self._scores[:] = count, mean, squares + step * (score - mean)

    def likeness(self, wanted: Description, label: str) -> Likeness | None:
        """None where nothing that matters was seen.

        The product over the attributes that are known, taken as independent of each other.
        """
        known = {
            part: self.parts[part].probability(names)
            for part, names in wanted.parts.items()
            if part in self.parts
        }
        if wanted.types:
            known["vehicle"] = 1.0 if label in wanted.types else ABSENT
        if wanted.height_m and self.heights_m:
            known["height"] = _within(self.heights_m, wanted.height_m)
        if not known or (not known.keys() - {"vehicle"} and wanted.parts):
            return None
        return Likeness(
            score=math.prod(known.values()),
            error=self._error(),
            looks=self.looks,
            matched=tuple(name for name, p in known.items() if p >= 0.5),
            unmatched=tuple(name for name, p in known.items() if p < 0.5),
            unknown=tuple(name for name in wanted.attributes() if name not in known),
        )

    def _error(self) -> float:
        """Of the mean of looks that say the same again when they are near to each other."""
        count, _, squares = self._scores
        if count < 1:
            return 0.5
        independent = 1 + (self.last_mono_s - self.first_mono_s) / INDEPENDENT_S
        independent = min(count, independent)
        spread = math.sqrt(squares / count + PRIOR**2)
        return max(LEAST_ERROR, min(0.5, spread / math.sqrt(independent)))


def matches(shares: Floats, wanted: frozenset[str]) -> float:
    """The probability that a part with these shares of colours is called one of these names."""
    share = float(shares @ counts_for(wanted))
    return 1.0 / (1.0 + math.exp(-STEEP * (share - MIDDLE)))


def _within(heights_m: list[tuple[float, float]], band_m: tuple[float, float]) -> float:
    """The probability that a height, the weighted mean of several, is within a band."""
    weights = np.array([1 / max(error, 0.01) ** 2 for _, error in heights_m])
    mean = float(np.average([height for height, _ in heights_m], weights=weights))
    # Their errors have the camera's height and tilt in common: more looks do not make it surer.
    sigma = float(1 / math.sqrt(weights.max()))

    def below(value: float) -> float:
        return math.erf((value - mean) / (sigma * math.sqrt(2))) / 2 + 0.5

    return below(band_m[1]) - below(band_m[0])
