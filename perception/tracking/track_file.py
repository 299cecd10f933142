"""A file of detections in, a file's worth of tracks out: the tracker on MOTChallenge rows."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from config.perception import TrackerConfig
from perception.detections import PATROL_CLASSES, Detections, Track
from perception.tracking.life import log_odds
from perception.tracking.mot import MotRow, by_frame
from perception.tracking.offline import TrailBook
from perception.tracking.tracker import Tracker, TrackerCounts

PERSON = PATROL_CLASSES.index("person")
WEAK_SHARE = 0.2  # the weakest fifth of a file's detections may continue a track, not start one
DOUBTFUL_SHARE = 0.4  # of the file's median log-odds: a track below that in the mean is none
LEAST_HIGH = 0.5  # of a detector that scores 0..1: a weaker detection starts no track


@dataclass(frozen=True, slots=True)
class Followed:
    """The result for one file."""

    rows: list[MotRow]  # by frame and id
    frames: int  # up to the last with a detection
    high_score: float  # in the file's own scale: weaker detections started no track
    counts: TrackerCounts

    @property
    def tracks(self) -> int:
        return len({row.track_id for row in self.rows})


def high_score(scores: Sequence[float]) -> float:
    """From which score of the file's on a detection may start a track.

    Detectors score on very different scales, so the scale is taken from the file: all but its
    weakest fifth, and where scores are probabilities, those of at least one half.
    """
    strong = float(np.quantile(scores, WEAK_SHARE, method="lower"))
    return max(strong, LEAST_HIGH) if _are_probabilities(scores) else strong


def _are_probabilities(scores: Sequence[float]) -> bool:
    return min(scores) >= 0 and LEAST_HIGH <= max(scores) <= 1


def follow_rows(
    rows: Sequence[MotRow], fps: float, config: TrackerConfig | None = None, *, online: bool = False
) -> Followed:
    """Follow the persons in MOTChallenge detections, frame n taken at n / fps seconds.

    `online`: what the tracker says frame by frame, as on the unit. Otherwise the whole recording
    is used: see `tracker_offline`.
    """
    config = config or TrackerConfig()
    if not rows:
        return Followed([], 0, 0.0, TrackerCounts())
    high = high_score([row.score for row in rows])
    scale = _Scale.of(rows)
    tracker = Tracker(
        config.model_copy(update={"low_score": 0.0}), high_score=scale.within(high) - 1e-6
    )
    answers = _answers(tracker, rows, fps, scale, config.lost_after_s)
    found = _online(answers, scale) if online else _whole(tracker, answers, fps, scale)
    if not online:
        found = sure(found, [row.score for row in rows])
    found.sort(key=lambda row: (row.frame, row.track_id))
    return Followed(found, max(row.frame for row in rows), high, tracker.counts)


def sure(found: list[MotRow], scores: Sequence[float]) -> list[MotRow]:
    """`found` without the tracks that are much less sure than what the detector gives otherwise.

    By the mean log-odds of their scores, against the median of all of the file's; only where
    scores are probabilities, and most are above one half.
    """
    usual = float(np.median(log_odds(np.array(scores))))
    if not _are_probabilities(scores) or usual <= 0:
        return found
    by_track: defaultdict[int, list[float]] = defaultdict(list)
    for row in found:
        by_track[row.track_id].append(row.score)
    kept = {
        name
        for name, each in by_track.items()
        if log_odds(np.array(each)).mean() >= DOUBTFUL_SHARE * usual
    }
    return [row for row in found if row.track_id in kept]


@dataclass(frozen=True, slots=True)
class _Scale:
    """Scores between the file's own scale and the tracker's 0..1."""

    low: float
    high: float

    @classmethod
    def of(cls, rows: Sequence[MotRow]) -> "_Scale":
        scores = [row.score for row in rows]
        low, high = min(scores), max(scores)
        if _are_probabilities(scores):
            return cls(0.0, 1.0)
        # The weakest becomes one half: of an unknown scale, a low score is a detection like others.
        return cls(low - ((high - low) or 1.0), high)

    def within(self, score: float) -> float:
        return (score - self.low) / (self.high - self.low)

    def back(self, score: float) -> float:
        return self.low + score * (self.high - self.low)


def _answers(
    tracker: Tracker, rows: Sequence[MotRow], fps: float, scale: _Scale, lost_after_s: float
) -> Iterator[tuple[int, list[Track]]]:
    """(frame, tracks) for every frame in which there may be something to say."""
    frames = by_frame(rows)
    # Longer silence than this ends all tracks: a damaged frame number costs no hours.
    silence = math.ceil(lost_after_s * fps) + 1
    before = 0
    for frame in sorted(frames):
        for empty in range(before + 1, min(before + silence, frame)):
            yield empty, tracker.update(Detections.none(), empty / fps)
        yield frame, tracker.update(_detections(frames[frame], scale), frame / fps)
        before = frame


def _detections(rows: list[MotRow], scale: _Scale) -> Detections:
    ranked = sorted(rows, key=lambda row: -row.score)
    return Detections(
        np.array([row.corners for row in ranked], np.float32).reshape(-1, 4),
        np.array([scale.within(row.score) for row in ranked], np.float32),
        np.full(len(ranked), PERSON, np.int64),
    )


def _online(answers: Iterator[tuple[int, list[Track]]], scale: _Scale) -> list[MotRow]:
    return [
        MotRow.of_corners(frame, track.track_id, track.box, scale.back(track.score))
        for frame, tracks in answers
        for track in tracks
        if track.seen
    ]


def _whole(
    tracker: Tracker, answers: Iterator[tuple[int, list[Track]]], fps: float, scale: _Scale
) -> list[MotRow]:
    book = TrailBook()
    for frame, _tracks in answers:
        book.note(frame, frame / fps, tracker.sightings(), tracker.travelled())
    return [replace(row, score=scale.back(row.score)) for row in book.rows(fps)]
