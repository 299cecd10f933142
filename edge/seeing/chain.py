"""From detections to a look: tracker and placing of every camera. No thread, no clock: the same
input gives the same output, live and in a replay."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from config.perception import PerceptionConfig
from drivers.samples import Frame
from edge.seeing.look import Look
from perception.detections import Detections, Track
from perception.place.placed import Scene, Unplaced, WorldTrack
from perception.tracking.tracker import Tracker, TrackerCounts

Place = Callable[[Frame, tuple[Track, ...]], Scene]


@dataclass(slots=True)
class Chain:
    """The trackers of all cameras, and who puts tracks on the ground."""

    trackers: dict[str, Tracker]
    place: Place

    @classmethod
    def build(
        cls,
        config: PerceptionConfig,
        cameras: list[str],
        threshold: float,
        ids: Iterator[int],
        place: Place,
    ) -> "Chain":
        """`threshold`: the model's own, from which a detection may start a track; `ids`: one count
        for all cameras of a boot."""
        high_score = config.tracker.high_score or threshold
        trackers = {
            name: Tracker(config.tracker, high_score=high_score, ids=ids) for name in cameras
        }
        return cls(trackers, place)

    def see(self, frame: Frame, found: Detections) -> Look:
        """What a frame with these detections means."""
        tracker = self.trackers[frame.camera]
        tracks = tuple(tracker.update(found, frame.mono_s))
        scene = self.place(frame, _as_detected(tracks, tracker))
        return Look(frame=frame, found=found, tracks=tracks, scene=scene)

    def refused(self, camera: str) -> TrackerCounts:
        return self.trackers[camera].counts

    def lose(self, camera: str) -> None:
        """No picture comes any more: what was seen in the last one is not there still."""
        self.trackers[camera].reset()


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
        tracks=tuple(
            WorldTrack(
                track_id=track.track_id,
                camera=frame.camera,
                label=track.label,
                score=track.score,
                box=track.box,
                mono_s=track.mono_s,
                seen=track.seen,
                age_s=track.age_s,
            )
            for track in tracks
        ),
    )
