"""Which of the vehicles in sight are those of a first pass.

The error of the unit's own position is the same for all vehicles of one pass: so all of them are
shifted alike, and a row of cars fits its first pass as a whole, however poor the receiver.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.rules.standing.first_passes import FirstPass

Floats = NDArray[np.float64]

SURE = 30.0  # logarithm of odds beyond which nothing is gained
BESIDE_M = 1.5  # sigma of a place within one pass, against those beside it
PLACE_GAIN = 1.0  # logarithm of how much a place within a sigma speaks for the same vehicle
RIVAL_SHARE = 0.5  # a record next to it has, half of the time, a vehicle of its own


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A vehicle in sight and a first pass that may be its own."""

    subject: int
    record: FirstPass
    off: Floats  # (2,) east, north: from the place of the first pass
    distance2: float  # the same in sigma, squared
    alike: float  # logarithm of same : other, by all but the place


def assigned(pairs: Sequence[Pair], least: float) -> list[tuple[Pair, float]]:
    """Vehicles with their first passes, each once, and how sure each is; `least`: the smallest
    probability. Every pair is tried as the one that tells the common shift."""
    best: list[tuple[Pair, float]] = []
    best_sum = 0.0
    for anchor in pairs:
        odds = [_odds(pair, anchor) for pair in pairs]
        chosen = _greedy(odds, pairs, math.log(least / (1.0 - least)))
        total = sum(odds[number] for number in chosen) - anchor.distance2 / 2
        if chosen and total + SURE > best_sum:
            best_sum = total + SURE
            best = [(pairs[number], _sureness(number, pairs, odds)) for number in chosen]
    return best


def _odds(pair: Pair, anchor: Pair) -> float:
    beside = pair.off - anchor.off
    near = PLACE_GAIN - float(beside @ beside) / (4 * BESIDE_M**2)
    return min(pair.alike + near, SURE)


def _greedy(odds: Sequence[float], pairs: Sequence[Pair], least: float) -> list[int]:
    """The likeliest pairs first, nobody twice."""
    chosen: list[int] = []
    who: set[int] = set()
    records: set[int] = set()
    for number in sorted(range(len(odds)), key=lambda each: -odds[each]):
        pair = pairs[number]
        if odds[number] < least or pair.subject in who or id(pair.record) in records:
            continue
        chosen.append(number)
        who.add(pair.subject)
        records.add(id(pair.record))
    return chosen


def _sureness(number: int, pairs: Sequence[Pair], odds: Sequence[float]) -> float:
    """Against another vehicle in this place, and against those that stood beside it."""
    mine = math.exp(odds[number])
    rivals = sum(
        math.exp(odds[other])
        for other, pair in enumerate(pairs)
        if pair.subject == pairs[number].subject and other != number
    )
    return mine / (1.0 + mine + RIVAL_SHARE * rivals)
