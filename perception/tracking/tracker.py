"""Detections of one camera in, tracks out: two-stage association, in seconds, not frames.

After ByteTrack (Zhang et al. 2022): strong detections are given to tracks first; weak ones may only
continue a track, never start one. Prediction, noise and patience all use the stamps of the
frames, so that a unit that slows down under heat still follows what it sees.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from config.perception import TrackerConfig
from perception.detections import PATROL_CLASSES, Detections, Track
from perception.tracking.common_motion import CommonMotion
from perception.tracking.life import NO_ID, Found, Lives, Sighting
from perception.tracking.match import Matching, buffered_iou, likeness
from perception.tracking.motion import BoxMotion, Floats

STRONG_MATCH = 0.1  # least likeness times score of a strong detection
WEAK_MATCH = 0.4  # least likeness of a weak one: often clutter, so it must fit better
NEW_MATCH = 0.2  # least likeness times score for a track that is not confirmed yet
TWIN_IOU = 0.7  # a detection that overlaps a followed object this much starts no second track
MOST_BUFFER = 0.3  # boxes grow by at most this share of their size before they are compared
REPORTED_TRUST = 0.5  # a reported box lies this far from the smooth prediction to the detection
FRESH_S = 0.5  # tracks seen this lately tell whether the camera has moved
EVEN_ODDS = 0.5  # a detection of this score is as likely as not, whatever the model's threshold
UNLIKELY_S = 4.0  # less likely ones bridge so much: a post that looks a little like someone ends
TENTATIVE_S = 0.3  # a track that is not confirmed ends when it is unseen for longer than this


@dataclass(slots=True)
class TrackerCounts:
    """What the tracker refused, by cause."""

    bad_boxes: int = 0  # not finite, inside out, or of an unknown class
    stale_frames: int = 0  # stamp not newer than that of the frame before


class Tracker:
    """Follows the objects of one camera. One thread; the same input gives the same output."""

    def __init__(
        self,
        config: TrackerConfig,
        *,
        high_score: float,
        first_id: int = 1,
        ids: Iterator[int] | None = None,
    ) -> None:
        """`high_score` is the model's threshold; `config.high_score` goes before it.

        `ids` gives the track ids: hand the same iterator to all cameras of a unit, so that an id is
        unique in one boot. Without it ids count up from `first_id`.
        """
        self.counts = TrackerCounts()
        self._high = high_score if config.high_score is None else config.high_score
        self._low = min(config.low_score, self._high)
        self._confirm_hits = config.confirm_hits
        self._lost_after_s = config.lost_after_s
        self._ids = count(first_id) if ids is None else ids
        self._motion = BoxMotion.none()
        self._camera = CommonMotion()
        self._travelled = np.zeros(2)
        self._lives = Lives.none()
        self._now_s = -math.inf
        self._tracks: list[Track] = []

    def update(
        self, detections: Detections, mono_s: float, warp: Floats | None = None
    ) -> list[Track]:
        """The confirmed tracks after a frame taken at mono_s, oldest first.

        Hand over everything the detector found from `low_score` on, not only what is strong.
        A track that was not detected in this frame is in the list with `seen` False and a
        predicted box, until it is unseen for `lost_after_s`; then it is gone for good.
        `warp` (2, 3) or (3, 3) maps pixels of the frame before to this one, where the camera's
        motion is known; without it the motion that all tracks share is taken for the camera's.

        A frame that is not newer than the last is counted, and the last answer given again.
        """
        if not mono_s > self._now_s:
            self.counts.stale_frames += 1
            return list(self._tracks)
        dt_s = mono_s - self._now_s if len(self._lives) else 0.0
        self._now_s = mono_s
        found = self._sound(detections)
        self._end_unseen(dt_s)
        self._motion.predict(dt_s)
        before = self._motion.middle()
        if warp is None:
            self._follow_camera(found, dt_s)
        else:
            self._motion.warp(warp)
            self._camera = CommonMotion()
        self._travelled += self._motion.middle() - before
        self._associate(found)
        self._tracks = self._told()
        return list(self._tracks)

    def reset(self) -> None:
        """Forget all tracks, as after the loss of the camera. Ids go on counting."""
        self._motion = BoxMotion.none()
        self._camera = CommonMotion()
        self._lives = Lives.none()
        self._tracks = []

    @property
    def follows(self) -> bool:
        """Whether there is any track, confirmed or not: else no motion of the camera matters."""
        return len(self._lives) > 0

    def travelled(self) -> tuple[float, float]:
        """By how much the camera's own motion has moved the picture so far, pixels, where things
        are followed: what a smooth path is smooth against."""
        return float(self._travelled[0]), float(self._travelled[1])

    def sightings(self) -> dict[int, tuple[Sighting, ...]]:
        """The detections that each confirmed track gained with the newest frame, by track id.

        With the frame that confirms a track these are all since its first, oldest first.
        """
        lives = self._lives
        rows = np.flatnonzero(lives.confirmed & (lives.seen_s == self._now_s)).tolist()
        return {int(lives.ids[row]): lives.gained(row) for row in rows}

    def _sound(self, detections: Detections) -> Found:
        """The detections that can be true and are not too weak."""
        boxes = detections.boxes.astype(np.float64).reshape(-1, 4)
        sound = (
            np.isfinite(boxes).all(axis=1)
            & np.isfinite(detections.scores)
            & (boxes[:, 2] > boxes[:, 0])
            & (boxes[:, 3] > boxes[:, 1])
            & (detections.classes >= 0)
            & (detections.classes < len(PATROL_CLASSES))
        )
        self.counts.bad_boxes += int(np.count_nonzero(~sound))
        kept = sound & (detections.scores >= self._low)
        scores = detections.scores[kept].astype(np.float64)
        return Found(boxes[kept], scores, detections.classes[kept])

    def _end_unseen(self, dt_s: float) -> None:
        """Ends what nothing, or nothing likely, was seen of for too long; one frame is always
        waited for."""
        tentative_s = min(max(TENTATIVE_S, dt_s), self._lost_after_s)
        lives = self._lives
        patience_s = np.where(lives.confirmed, self._lost_after_s, tentative_s)
        alive = self._now_s - lives.seen_s <= patience_s
        alive &= self._now_s - lives.likely_s <= max(UNLIKELY_S, dt_s)
        if not alive.all():
            self._motion.keep(alive)
            lives.keep(alive)

    def _follow_camera(self, found: Found, dt_s: float) -> None:
        """Take out the motion that all tracks share; those not seen now move along."""
        self._motion.shift(self._camera.drift(dt_s))
        lives = self._lives
        fresh = lives.confirmed & (self._now_s - lives.seen_s <= max(FRESH_S, dt_s))
        strong = found.boxes[found.scores >= self._high]
        tracks = self._motion.some(np.flatnonzero(fresh))
        self._motion.shift(self._camera.measure(tracks, strong, self._now_s, dt_s))

    def _associate(self, found: Found) -> None:
        """Give the detections to the tracks, in order of trust, and start tracks with the rest."""
        alike = self._likeness(found)
        strong = found.scores >= self._high
        confirmed = self._lives.confirmed
        matching = Matching(len(self._lives), len(found.scores))
        fused = alike * found.scores
        matching.add(fused, confirmed, strong, STRONG_MATCH)
        matching.add(alike, confirmed, ~strong, WEAK_MATCH)
        matching.add(fused, ~confirmed, strong, NEW_MATCH)
        rows, columns = matching.pairs()
        self._motion.correct(rows, found.boxes[columns])
        likely = found.scores >= min(self._high, EVEN_ODDS)
        self._lives.see(rows, found, columns, likely, self._now_s)
        self._count(rows)
        self._start(found, strong & matching.free_columns, alike)

    def _likeness(self, found: Found) -> Floats:
        """(N, M) buffered IoU of tracks and detections, less where they differ in height, 0 where
        they exclude each other."""
        buffer = np.minimum(self._motion.spread(), MOST_BUFFER)
        alike = likeness(self._motion.boxes(), found.boxes, buffer)
        alike[self._lives.group[:, None] != found.groups] = 0.0
        return alike

    def _count(self, rows: NDArray[np.int64]) -> None:
        """From its `confirm_hits`-th detection on a track counts, and has an id."""
        lives = self._lives
        for row in rows[
            (lives.ids[rows] == NO_ID) & (lives.hits[rows] >= self._confirm_hits)
        ].tolist():
            lives.ids[row] = next(self._ids)

    def _start(self, found: Found, free: NDArray[np.bool_], alike: Floats) -> None:
        """A track for each detection in `free` (M,) that is not one more of something followed."""
        if not free.any():
            return
        twin = (alike > TWIN_IOU).any(axis=0)
        among = self._pairwise(found) > TWIN_IOU
        new: list[int] = []
        for index in np.flatnonzero(free & ~twin).tolist():  # the best score comes first
            if not among[index, new].any():
                new.append(index)
        self._motion.append(BoxMotion.start(found.boxes[new]))
        before = len(self._lives)
        self._lives.append(Lives.start(found, np.array(new, np.int64), self._now_s))
        self._count(np.arange(before, len(self._lives)))

    @staticmethod
    def _pairwise(found: Found) -> Floats:
        """(M, M) IoU of the detections with one another, 0 where they exclude each other."""
        iou = buffered_iou(found.boxes, found.boxes, np.zeros(len(found.boxes)))
        return np.where(found.groups[:, None] == found.groups, iou, 0.0)

    def _told(self) -> list[Track]:
        """The confirmed tracks. The motion is smooth, to be sure of who is who, and so lags behind
        what is seen: the box that is told stands halfway between the two."""
        lives = self._lives
        rows = np.flatnonzero(lives.confirmed)
        smooth = self._motion.boxes()[rows]
        seen = lives.seen_s[rows] == self._now_s
        trust = REPORTED_TRUST * seen.astype(np.float64)[:, None]
        boxes = smooth + trust * (lives.last_box[rows] - smooth)
        columns = (
            lives.ids[rows].tolist(),
            lives.label[rows].tolist(),
            lives.score[rows].tolist(),
            boxes.tolist(),
            seen.tolist(),
            (self._now_s - lives.first_s[rows]).tolist(),
            lives.quality[rows].tolist(),
        )
        return [
            Track(
                track_id=track_id,
                label=PATROL_CLASSES[label],
                score=score,
                box=(box[0], box[1], box[2], box[3]),
                mono_s=self._now_s,
                seen=seen_now,
                age_s=age_s,
                quality=quality,
            )
            for track_id, label, score, box, seen_now, age_s, quality in zip(*columns, strict=True)
        ]
