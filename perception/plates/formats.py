"""Which texts are number plates of China, and how what was read becomes one of them.

A subset of GA 36-2018 and of the letters that were added later, as public sources quote them; the
standard's text was not available, and conformance to it is not claimed. The letters I and O are on
no plate, so a position that may hold a digit turns them into 1 and 0.
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Colour = Literal["blue", "yellow", "green", "yellow_green", "white", "black"]

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SERIAL = LETTERS + DIGITS
ENDINGS = "挂学警港澳使领应急"
ALPHABET = PROVINCES + SERIAL + ENDINGS  # every character of every plate, each once
ELECTRIC = "DABCEFGHJK"  # first issue D and F; the others came with later issues
ARMED_POLICE_UNITS = "TDSHBXJ"
LONGEST = 8
SEPARATORS = frozenset("·•・‧∙●.-_—\u2013:'\"")
LOOK_ALIKE = {"O": "0", "I": "1"}

PlateKind = Literal[
    "electric_small", "electric_large", "emergency", "armed_police", "embassy", "consulate",
    "police", "learner", "trailer", "border", "ordinary", "military",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of plate: what may stand at each position, and on which background."""

    kind: PlateKind
    slots: tuple[str, ...]
    colours: frozenset[Colour]


def _format(kind: PlateKind, colours: tuple[Colour, ...], *slots: str) -> Format:
    return Format(kind, slots, frozenset(colours))


_P, _L, _S, _D = PROVINCES, LETTERS, SERIAL, DIGITS
# The special before the ordinary: of two that fit equally well, the first is meant.
FORMATS: tuple[Format, ...] = (
    _format("electric_small", ("green",), _P, _L, ELECTRIC, _S, _D, _D, _D, _D),
    _format("electric_large", ("yellow_green", "green"), _P, _L, _D, _D, _D, _D, _D, ELECTRIC),
    _format("emergency", ("white",), _P, "XS", _D, _D, _D, _D, "应", "急"),
    _format("armed_police", ("white",), "W", "J", _P, _D, _D, _D, _D, _D + ARMED_POLICE_UNITS),
    _format("armed_police", ("white",), "W", "J", _D, _D, _D, _D, _D + ARMED_POLICE_UNITS),
    _format("embassy", ("black",), "使", _D, _D, _D, _D, _D, _D),
    _format("embassy", ("black",), _D, _D, _D, _D, _D, _D, "使"),
    _format("consulate", ("black",), _P, _L, _D, _D, _D, _D, "领"),
    _format("police", ("white",), _P, _L, _S, _S, _S, _S, "警"),
    _format("learner", ("yellow",), _P, _L, _S, _S, _S, _S, "学"),
    _format("trailer", ("yellow",), _P, _L, _S, _S, _S, _S, "挂"),
    _format("border", ("black",), "粤", "Z", _S, _S, _S, _S, "港澳"),
    _format("ordinary", ("blue", "yellow", "black", "white"), _P, _L, _S, _S, _S, _S, _S),
    _format("military", ("white",), _L, _L, _D, _D, _D, _D, _D),
)


@dataclass(frozen=True, slots=True)
class Plate:
    """A text that a plate can have: upper case, without separators."""

    text: str
    kind: PlateKind


def normalised(text: str) -> str:
    """Half-width, upper case, without separators and spaces (Unicode NFKC, UAX #15)."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in plain if not c.isspace() and c not in SEPARATORS)


def parse(text: str) -> Plate | None:
    """The plate that this text means; None where it is none."""
    plain = normalised(text)
    for known in FORMATS:
        if len(known.slots) != len(plain):
            continue
        text = _all_fitted(plain, known.slots)
        if text:
            return Plate(text, known.kind)
    return None


def _all_fitted(plain: str, slots: tuple[str, ...]) -> str:
    """The text as it stands in these slots; empty where one character cannot."""
    text = ""
    for character, slot in zip(plain, slots, strict=True):
        fitted = _fitted(character, slot)
        if not fitted:
            return ""
        text += fitted
    return text


def _fitted(character: str, slot: str) -> str:
    """The character as it stands in a slot; empty where it cannot."""
    if character in slot:
        return character
    meant = LOOK_ALIKE.get(character, "")
    return meant if meant and meant in slot else ""


def colour_fits(plate: Plate, colour: Colour | None) -> bool:
    """Whether a plate of this text can have this background.

    Only green decides: 8 characters of an electric vehicle on green, and nothing else on green. A
    character more or less than there is shows here. Other colours depend on the light too much.
    """
    if colour is None:
        return True
    electric = plate.kind in ("electric_small", "electric_large")
    return electric == (colour in ("green", "yellow_green"))


# --- from what a model thinks of each character ----------------------------------------------

_COLUMN = {character: column for column, character in enumerate(ALPHABET)}
_ALLOWED = {slot: np.array([_COLUMN[c] for c in slot]) for known in FORMATS for slot in known.slots}


@dataclass(frozen=True, slots=True)
class Fit:
    """The plate that a model's opinion of its characters means."""

    plate: Plate
    confidences: tuple[float, ...]  # of each character, 0..1

    @property
    def confidence(self) -> float:
        """That every character is right, taken as independent."""
        return float(np.prod(self.confidences))


def fit(opinions: NDArray[np.float32]) -> Fit | None:
    """The likeliest plate; None where the number of characters is that of no plate.

    `opinions`: (N, len(ALPHABET)), the probability of each character at each of N positions. Each
    position takes the best of what its format allows, so that an O becomes the 0 it looks like.
    """
    best: Fit | None = None
    for known in FORMATS:
        if len(known.slots) != len(opinions):
            continue
        chosen = [
            _ALLOWED[slot][np.argmax(row[_ALLOWED[slot]])]
            for slot, row in zip(known.slots, opinions, strict=True)
        ]
        confidences = tuple(
            float(row[column]) for row, column in zip(opinions, chosen, strict=True)
        )
        text = "".join(ALPHABET[column] for column in chosen)
        found = Fit(Plate(text, known.kind), confidences)
        if best is None or found.confidence > best.confidence:
            best = found
    return best
