"""The persons of one video, as MOTChallenge rows."""

import numpy as np
from numpy.typing import NDArray

from perception.detections import Detections, Track
from perception.tracking.ego_motion import EgoMotion
from perception.tracking.mot import MotRow
from perception.tracking.offline import TrailBook
from perception.tracking.tracker import Tracker


class TrackSheet:
    """Follows what is detected in a video, and writes it down when the video is over.

    `online`: what the tracker says frame by frame, as on the unit. Otherwise the whole recording
    is used: see `perception.tracking.offline`.
    """

    def __init__(self, tracker: Tracker, *, online: bool) -> None:
        self._tracker = tracker
        self._ego = EgoMotion()
        self._followed = np.zeros((0, 4))  # boxes of the tracks in the picture before
        self._online = online
        self._book = TrailBook()
        self._labels: dict[int, str] = {}
        self._said: list[MotRow] = []
        self._stamps_s: list[float] = []

    def follow(
        self, frame: int, media_s: float, found: Detections, image: NDArray[np.uint8]
    ) -> list[Track]:
        """Take in one frame, counted from 1. Returns the tracks after it."""
        warp = self._ego.measure(image, self._followed)
        tracks = self._tracker.update(found, media_s, warp)
        self._followed = np.array([track.box for track in tracks]).reshape(-1, 4)
        self._stamps_s.append(media_s)
        sightings, travelled = self._tracker.sightings(), self._tracker.travelled()
        self._book.note(frame, media_s, sightings, travelled)
        for track in tracks:
            self._labels[track.track_id] = track.label
        self._said += [
            MotRow.of_corners(frame, track.track_id, track.box, track.score)
            for track in tracks
            if track.seen
        ]
        return tracks

    def rows(self) -> list[MotRow]:
        """The persons, by frame and id. What a track is in the end, it was all along."""
        found = self._said if self._online else self._book.rows(self._fps())
        persons = [row for row in found if self._labels.get(row.track_id) == "person"]
        return sorted(persons, key=lambda row: (row.frame, row.track_id))

    def _fps(self) -> float:
        passed_s = self._stamps_s[-1] - self._stamps_s[0] if self._stamps_s else 0.0
        return (len(self._stamps_s) - 1) / passed_s if passed_s > 0 else 1.0
