"""Whole recordings: mend what an online tracker had to decide before it saw the rest.

The tracker stays as it is. Each track gets back what was seen of it before it counted, its short
gaps are filled, and its boxes are smoothed with what came before and after. No pictures are used.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from perception.tracking.life import Sighting
from perception.tracking.mot import MotRow
from perception.tracking.motion import LEAST_SIZE_PX, Floats, centres, corners

FILL_S = 1.0  # gaps up to this are filled between the last and the next sighting
SMOOTH_S = 0.4  # 1 sigma of the time that a smoothed box looks back and ahead
REACH = 4.0  # sigmas beyond which a sighting no longer counts
CHUNK = 256  # boxes smoothed at once, so that a long trail needs little memory


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """One object through a recording."""

    track_id: int
    frames: NDArray[np.int64]  # (N,) rising
    boxes: Floats  # (N, 4) x1 y1 x2 y2, pixels
    scores: Floats  # (N,)

    def moved(self, way: Floats) -> Self:
        """With each box moved by (N, 2) pixels."""
        return replace(self, boxes=self.boxes + np.tile(way, 2))


class TrailBook:
    """Gathers what a tracker sees, frame by frame, until the recording is whole."""

    def __init__(self) -> None:
        self._frames: dict[float, int] = {}  # by stamp
        self._travelled: list[tuple[float, float]] = []  # of each of these frames
        self._seen: defaultdict[int, list[Sighting]] = defaultdict(list)

    def note(
        self,
        frame: int,
        mono_s: float,
        sightings: dict[int, tuple[Sighting, ...]],
        travelled: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """What `Tracker.sightings` and `Tracker.travelled` give after the update with this
        frame's stamp. Frames rise."""
        self._frames[mono_s] = frame
        self._travelled.append(travelled)
        for track_id, gained in sightings.items():
            self._seen[track_id] += gained

    def rows(self, fps: float) -> list[MotRow]:
        """All trails, mended, as rows; by track."""
        ground = _Ground.of(list(self._frames.values()), self._travelled)
        return [
            MotRow.of_corners(frame, track_id, (box[0], box[1], box[2], box[3]), score)
            for track_id, sightings in self._seen.items()
            for frame, box, score in _each(ground.mended(self._trail(track_id, sightings), fps))
        ]

    def _trail(self, track_id: int, sightings: Sequence[Sighting]) -> Trail:
        return Trail(
            track_id,
            np.array([self._frames[one.mono_s] for one in sightings], np.int64),
            np.array([one.box for one in sightings], np.float64).reshape(-1, 4),
            np.array([one.score for one in sightings], np.float64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """What stood still: a path is smooth against it, not in a picture that shakes."""

    frames: NDArray[np.int64]  # (F,) rising
    travelled: Floats  # (F, 2) how far the picture had moved

    @classmethod
    def of(cls, frames: list[int], travelled: list[tuple[float, float]]) -> Self:
        return cls(np.array(frames, np.int64), np.array(travelled).reshape(-1, 2))

    def mended(self, trail: Trail, fps: float) -> Trail:
        mended = mend(trail.moved(-self._way(trail.frames)), fps)
        return mended.moved(self._way(mended.frames))

    def _way(self, frames: NDArray[np.int64]) -> Floats:
        sides = [np.interp(frames, self.frames, self.travelled[:, side]) for side in (0, 1)]
        return np.stack(sides, axis=1)


def _each(trail: Trail) -> Iterator[tuple[int, list[float], float]]:
    return zip(trail.frames.tolist(), trail.boxes.tolist(), trail.scores.tolist(), strict=True)


def mend(trail: Trail, fps: float) -> Trail:
    """The trail without short gaps, and smooth."""
    return smooth(fill(trail, fps), fps)


def fill(trail: Trail, fps: float) -> Trail:
    """The trail with a box in every frame of its short gaps, on a straight line.

    The score of a filled box is the lower one of the two sides.
    """
    every = np.arange(trail.frames[0], trail.frames[-1] + 1)
    after = np.searchsorted(trail.frames, every)
    before = np.where(trail.frames[after] == every, after, after - 1)
    near = trail.frames[after] - trail.frames[before] <= FILL_S * fps
    every, after, before = every[near], after[near], before[near]
    sides = [np.interp(every, trail.frames, trail.boxes[:, side]) for side in range(4)]
    scores = np.minimum(trail.scores[before], trail.scores[after])
    return Trail(trail.track_id, every, np.stack(sides, axis=1), scores)


def smooth(trail: Trail, fps: float) -> Trail:
    """The trail with each box on the line that fits its neighbours in time best.

    Local linear regression with a Gaussian kernel (Hastie, Tibshirani, Friedman, The Elements of
    Statistical Learning, 6.1.1); unlike an average it does not cut corners at the ends.
    """
    stamps_s = trail.frames / fps
    places = centres(trail.boxes)
    fitted = np.empty_like(places)
    for start in range(0, len(stamps_s), CHUNK):
        part = slice(start, start + CHUNK)
        reach_s = REACH * SMOOTH_S
        low = np.searchsorted(stamps_s, stamps_s[part][0] - reach_s)
        high = np.searchsorted(stamps_s, stamps_s[part][-1] + reach_s, side="right")
        fitted[part] = _fit(stamps_s[part], stamps_s[low:high], places[low:high])
    fitted[:, 2:] = np.maximum(fitted[:, 2:], LEAST_SIZE_PX)
    return Trail(trail.track_id, trail.frames, corners(fitted), trail.scores)


def _fit(wanted_s: Floats, stamps_s: Floats, places: Floats) -> Floats:
    """(T, 4) values at wanted_s (T,) of the lines through places (N, 4) at stamps_s (N,)."""
    away = stamps_s[None, :] - wanted_s[:, None]
    weight = np.exp(-0.5 * (away / SMOOTH_S) ** 2)
    sum_0, sum_1 = weight.sum(axis=1), (weight * away).sum(axis=1)
    # The small term makes a lone sighting its own answer instead of 0 / 0.
    sum_2 = (weight * away**2).sum(axis=1) + 1e-3 * SMOOTH_S**2 * sum_0
    level, slope = weight @ places, (weight * away) @ places
    fitted: Floats = (sum_2[:, None] * level - sum_1[:, None] * slope) / (sum_0 * sum_2 - sum_1**2)[
        :, None
    ]
    return fitted
