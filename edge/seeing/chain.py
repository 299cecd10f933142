"""From detections to a look: tracker and placing of every camera. No thread, no clock: the same
input gives the same output, live and in a replay."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from config.perception import PerceptionConfig
from drivers.samples import Frame
from edge.seeing.look import Look
from perception.detections import Detections, Track
from perception.place.placed import Scene, Unplaced, world_track
from perception.tracking.ego_motion import EgoMotion, turn_homography
from perception.tracking.motion import Floats
from perception.tracking.tracker import Tracker, TrackerCounts

Place = Callable[[Frame, tuple[Track, ...]], Scene]
# From directions in the world to pixels, (3, 3), at a frame's stamp; None where nobody knows.
Projection = Callable[[Frame], Floats | None]
NOTHING = np.zeros((0, 4))


@dataclass(slots=True)
class Chain:
    """The trackers of all cameras, and who puts tracks on the ground."""

    trackers: dict[str, Tracker]
    place: Place
    projection: Projection | None = None
    egos: dict[str, EgoMotion] = field(default_factory=dict)  # none: the tracks alone tell it
    parked: dict[str, bool] = field(default_factory=dict)  # at the newest look of each camera
    projected: dict[str, Floats | None] = field(default_factory=dict)  # at that look
    followed: dict[str, Floats] = field(default_factory=dict)  # (N, 4) boxes at that look

    @classmethod
    def build(
        cls,
        config: PerceptionConfig,
        cameras: list[str],
        threshold: float,
        ids: Iterator[int],
        place: Place,
        projection: Projection | None = None,
    ) -> "Chain":
        """`threshold`: the model's own, from which a detection may start a track; `ids`: one count
        for all cameras of a boot."""
        high_score = config.tracker.high_score or threshold
        trackers = {
            name: Tracker(config.tracker, high_score=high_score, ids=ids) for name in cameras
        }
        egos = {name: EgoMotion() for name in cameras} if config.tracker.ego_motion else {}
        return cls(trackers, place, projection, egos)

    def see(self, frame: Frame, found: Detections) -> Look:
        """What a frame with these detections means."""
        tracker = self.trackers[frame.camera]
        tracks = tuple(tracker.update(found, frame.mono_s, self._warp(frame)))
        scene = self.place(frame, _as_detected(tracks, tracker))
        self.parked[frame.camera] = scene.parked
        self.followed[frame.camera] = np.array([track.box for track in tracks]).reshape(-1, 4)
        return Look(frame=frame, found=found, tracks=tracks, scene=scene)

    def _warp(self, frame: Frame) -> Floats | None:
        """How the camera moved since the last look: from the pictures, or where those are unsure
        from the poses. A unit that was parked then does not pay for it."""
        camera = frame.camera
        if camera not in self.egos:
            return None
        if self.parked.get(camera, False):
            self.egos[camera].forget()
            self.projected.pop(camera, None)
            return None
        before = self.projected.get(camera)
        now = self.projected[camera] = self.projection(frame) if self.projection else None
        if not self.trackers[camera].follows:  # there is nothing that it could be taken out of
            self.egos[camera].remember(frame.image)
            return None
        seen = self.egos[camera].measure(frame.image, self.followed.get(camera, NOTHING))
        if seen is not None or before is None or now is None:
            return seen
        return turn_homography(before, now)

    def refused(self, camera: str) -> TrackerCounts:
        return self.trackers[camera].counts

    def lose(self, camera: str) -> None:
        """No picture comes any more: what was seen in the last one is not there still."""
        self.trackers[camera].reset()
        self.projected.pop(camera, None)
        if camera in self.egos:
            self.egos[camera].forget()


def _as_detected(tracks: tuple[Track, ...], tracker: Tracker) -> tuple[Track, ...]:
    """The tracks with the boxes that the detector gave. A tracker's own box lags behind what grows
    as it comes nearer, on the ground by a metre or two; there a filter smooths it once more."""
    boxes = {one: sightings[-1].box for one, sightings in tracker.sightings().items() if sightings}
    return tuple(
        replace(track, box=boxes[track.track_id]) if track.track_id in boxes else track
        for track in tracks
    )


def unplaced(frame: Frame, tracks: tuple[Track, ...]) -> Scene:
    """The scene where nothing is known of the ground."""
    return Scene(
        camera=frame.camera,
        mono_s=frame.mono_s,
        width_px=frame.width_px,
        height_px=frame.height_px,
        unplaced=Unplaced.NO_POSE,
        tracks=tuple(world_track(track, frame.camera, Unplaced.NO_POSE) for track in tracks),
    )
