"""What is remembered of tracks beside their motion: when they were seen, and as what.

Arrays over all tracks rather than an object for each: the cost of a picture hardly grows with them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES
from perception.tracking.motion import Floats

# What a detector may take for one another from frame to frame: a car flickers to a truck, but
# never to a person. A rider and the bicycle are two objects, so the bicycle is a vehicle.
GROUPS = np.array([0 if label == "person" else 1 for label in PATROL_CLASSES])

NO_ID = -1
DOUBT = 1.0  # detections' worth of not knowing, that a track begins with
LEAST_DOUBT = 1e-3  # no single score is taken for surer than this
VOTE_MEMORY_S = 10.0  # a track's class is what it looked like in about this time
VOTE_MAJORITY = 1.2  # a class takes over with so much more weight, so that a draw changes nothing

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


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
    classes: Ints  # (M,) index into PATROL_CLASSES

    @property
    def groups(self) -> Ints:
        groups: Ints = GROUPS[self.classes]
        return groups


@dataclass(slots=True, eq=False)
class Lives:
    """N tracks from their first detection on; what is singular is of the newest detection."""

    group: Ints  # (N,) of GROUPS
    first_s: Floats  # (N,) stamp of the first detection
    seen_s: Floats  # (N,)
    likely_s: Floats  # (N,) stamp of the newest likely one
    score: Floats  # (N,)
    last_box: Floats  # (N, 4) x1 y1 x2 y2
    evidence: Floats  # (N,) sum of the scores' log-odds
    votes: Floats  # (N, classes) fading sums of scores
    label: Ints  # (N,) the class by vote, index into PATROL_CLASSES
    hits: Ints  # (N,)
    ids: Ints  # (N,) NO_ID until it is confirmed
    young: Bools  # (N,) it has `early` sightings
    early: list[list[Sighting]]  # all, until the frame that confirms it; afterwards none

    @classmethod
    def none(cls) -> Self:
        nothing = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
        return cls.start(nothing, np.zeros(0, np.int64), 0.0)

    @classmethod
    def start(cls, found: Found, new: Ints, mono_s: float) -> Self:
        """A track for each of the detections `new` (N,)."""
        count, scores, classes = len(new), found.scores[new], found.classes[new]
        votes = np.zeros((count, len(PATROL_CLASSES)))
        votes[np.arange(count), classes] = scores
        lives = cls(
            group=GROUPS[classes],
            first_s=np.full(count, mono_s),
            seen_s=np.full(count, mono_s),
            likely_s=np.full(count, mono_s),
            score=scores,
            last_box=found.boxes[new],
            evidence=log_odds(scores),
            votes=votes,
            label=classes,
            hits=np.ones(count, np.int64),
            ids=np.full(count, NO_ID),
            young=np.ones(count, np.bool_),
            early=[],
        )
        lives.early = [[lives.newest(row)] for row in range(count)]
        return lives

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def confirmed(self) -> Bools:
        """(N,)"""
        confirmed: Bools = self.ids != NO_ID
        return confirmed

    @property
    def quality(self) -> Floats:
        """(N,) 0..1: how sure it is that each is one real object: its mean log-odds, as a
        probability.

        Of all that was tried on MOT15 it tells true boxes from false best (area under the curve
        0.85; the newest score alone 0.83, a mean with misses as 0 0.75).
        """
        quality: Floats = 1 / (1 + np.exp(-self.evidence / (self.hits + DOUBT)))
        return quality

    def see(self, rows: Ints, found: Found, columns: Ints, likely: Bools, mono_s: float) -> None:
        """Take in one more detection, `columns` (K,), of each of the tracks `rows` (K,); `likely`
        (M,) says which detections are."""
        scores = found.scores[columns]
        self._vote(rows, found.classes[columns], scores, mono_s)
        self.seen_s[rows] = mono_s
        self.likely_s[rows[likely[columns]]] = mono_s
        self.score[rows] = scores
        self.last_box[rows] = found.boxes[columns]
        self.evidence[rows] += log_odds(scores)
        self.hits[rows] += 1
        for row in rows[self.young[rows]].tolist():
            if self.ids[row] != NO_ID:
                self.early[row] = []
                self.young[row] = False
            else:
                self.early[row].append(self.newest(row))

    def _vote(self, rows: Ints, classes: Ints, scores: Floats, mono_s: float) -> None:
        fading = np.exp((self.seen_s[rows] - mono_s) / VOTE_MEMORY_S)
        votes = self.votes[rows] * fading[:, None]
        each = np.arange(len(rows))
        votes[each, classes] += scores
        best, label = votes.argmax(axis=1), self.label[rows]
        outvoted = votes[each, best] > VOTE_MAJORITY * votes[each, label]
        self.votes[rows] = votes
        self.label[rows] = np.where(outvoted, best, label)

    def newest(self, row: int) -> Sighting:
        x1, y1, x2, y2 = self.last_box[row].tolist()
        return Sighting(float(self.seen_s[row]), (x1, y1, x2, y2), float(self.score[row]))

    def gained(self, row: int) -> tuple[Sighting, ...]:
        """What a track gained with its newest detection: with the one that confirms it, all."""
        return tuple(self.early[row]) if self.young[row] else (self.newest(row),)

    def keep(self, rows: Bools) -> None:
        """Drop all where `rows` (N,) is False."""
        for name in self.__slots__[:-1]:
            setattr(self, name, getattr(self, name)[rows])
        self.early = [self.early[row] for row in np.flatnonzero(rows).tolist()]

    def append(self, other: Self) -> None:
        for name in self.__slots__[:-1]:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        self.early += other.early


def log_odds(scores: Floats) -> Floats:
    sure = np.minimum(np.maximum(scores, LEAST_DOUBT), 1 - LEAST_DOUBT)
    odds: Floats = np.log(sure / (1 - sure))
    return odds
