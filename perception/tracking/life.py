"""What is remembered of one track beside its motion: when it was seen, and as what."""

import math
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES
from perception.tracking.motion import Floats

# What a detector may take for one another from frame to frame: a car flickers to a truck, but
# never to a person. A rider and the bicycle are two objects, so the bicycle is a vehicle.
GROUPS = np.array([0 if label == "person" else 1 for label in PATROL_CLASSES])

VOTE_MEMORY_S = 10.0  # a track's class is what it looked like in about this time
DOUBT = 1.0  # detections' worth of not knowing, that a track begins with
LEAST_DOUBT = 1e-3  # no single score is taken for surer than this
VOTE_MAJORITY = 1.2  # a class takes over with so much more weight, so that a draw changes nothing


@dataclass(frozen=True, slots=True)
class Sighting:
    """One detection that a track was built from."""

    mono_s: float
    box: tuple[float, float, float, float]  # x1 y1 x2 y2, pixels
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The detections of one frame that the tracker works on."""

    boxes: Floats  # (M, 4) x1 y1 x2 y2, pixels
    scores: Floats  # (M,) 0..1
    classes: NDArray[np.int64]  # (M,) index into PATROL_CLASSES

    @property
    def groups(self) -> NDArray[np.int64]:
        groups: NDArray[np.int64] = GROUPS[self.classes]
        return groups

    def sighting(self, index: int, mono_s: float) -> Sighting:
        x1, y1, x2, y2 = self.boxes[index].tolist()
        return Sighting(mono_s, (x1, y1, x2, y2), float(self.scores[index]))


@dataclass(slots=True)
class Life:
    """One track from its first detection on."""

    group: int
    first_s: float
    seen_s: float  # stamp of the newest detection
    score: float  # of the newest detection
    last_box: Floats  # (4,) x1 y1 x2 y2 of the newest detection
    votes: dict[int, float]  # fading sums of scores, by class
    label: int  # the class by vote, index into PATROL_CLASSES
    evidence: float  # sum of the scores' log-odds
    hits: int = 1
    track_id: int | None = None  # None until it is confirmed
    fresh: list[Sighting] = field(default_factory=list)  # the newest; before it counts, all

    @classmethod
    def start(cls, found: Found, index: int, mono_s: float) -> Self:
        what, score = int(found.classes[index]), float(found.scores[index])
        return cls(
            group=int(GROUPS[what]),
            first_s=mono_s,
            seen_s=mono_s,
            score=score,
            last_box=found.boxes[index],
            votes={what: score},
            label=what,
            evidence=log_odds(score),
            fresh=[found.sighting(index, mono_s)],
        )

    @property
    def quality(self) -> float:
        """0..1: how sure it is that this is one real object: its mean log-odds, as a probability.

        Of all that was tried on MOT15 it tells true boxes from false best (area under the curve
        0.85; the newest score alone 0.83, a mean with misses as 0 0.75).
        """
        return 1 / (1 + math.exp(-self.evidence / (self.hits + DOUBT)))

    def see(self, found: Found, index: int, mono_s: float) -> None:
        """Take in one more detection."""
        sighting = found.sighting(index, mono_s)
        fading = math.exp(-(mono_s - self.seen_s) / VOTE_MEMORY_S)
        self.votes = {one: weight * fading for one, weight in self.votes.items()}
        what = int(found.classes[index])
        self.votes[what] = self.votes.get(what, 0.0) + sighting.score
        best = max(self.votes, key=lambda one: self.votes[one])
        if self.votes[best] > VOTE_MAJORITY * self.votes[self.label]:
            self.label = best
        self.seen_s = mono_s
        self.score = sighting.score
        self.evidence += log_odds(sighting.score)
        self.last_box = found.boxes[index]
        self.hits += 1
        if self.track_id is not None:
            self.fresh.clear()
        self.fresh.append(sighting)


def log_odds(score: float) -> float:
    sure = min(max(score, LEAST_DOUBT), 1 - LEAST_DOUBT)
    return math.log(sure / (1 - sure))
