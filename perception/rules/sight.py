"""One picture as a rule sees it: who stands where, and how probably in which zone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from perception.place.placed import Scene, WorldTrack
from perception.rules.probability import inside
from perception.rules.zones import Ground, Plot

Floats = NDArray[np.float64]

MOVING = "moving"  # zones in the picture are for a unit that stands
# The foot of a box is known to about a tenth of its height, and to 2 px at least: detectors are
# trained to overlap, not to stand on the ground.
FOOT_SHARE = 0.05
FOOT_PX = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A track where a zone is: on the ground, or in the picture."""

    track: WorldTrack
    point: Floats  # (2,) east, north in metres; or x, y in pixels
    covariance: Floats  # (2, 2)
    subject: int  # who it is: over slips of the tracker, and over cameras
    inside: float  # 0..1: how probable it is that it stands in the zone; 0 for a line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """One picture, as a rule sees it."""

    scene: Scene  # its positions are in the frame of `ground`
    ground: Ground  # the zones
    utc: datetime | None = None  # of the picture; None where the time of day is unknown
    image: NDArray[np.uint8] | None = None  # (H, W, 3) BGR, for rules about the camera itself
    own: tuple[tuple[float, float], ...] = ()  # east, north: our own officers and units
    subjects: Mapping[int, int] = field(default_factory=dict)  # of detected tracks, by track
    _standing: dict[str, tuple[Standing, ...]] = field(default_factory=dict)

    def concerns(self, zone: str) -> bool:
        """Whether this camera can have anything to do with the zone."""
        camera = self.ground.zones[zone].camera
        return camera is None or camera == self.scene.camera

    def blind(self, zones: Collection[str]) -> str | None:
        """Why nothing can be said of the zones in this picture; None if something can."""
        reasons = [self._blind(zone) for zone in zones if self.concerns(zone)]
        return None if None in reasons or not reasons else reasons[0]

    def _blind(self, zone: str) -> str | None:
        if self.ground.zones[zone].camera is not None:
            return None if self.scene.parked else MOVING
        if self.scene.unplaced is not None:
            return self.scene.unplaced.value
        return None if zone in self.ground.plots else "no_pose"

    def plot(self, zone: str) -> Plot | None:
        """The zone where this picture's positions are; None where that cannot be said."""
        if not self.concerns(zone) or self._blind(zone) is not None:
            return None
        known = self.ground.zones[zone]
        if known.camera is None:
            return self.ground.plots[zone]
        size = np.array((self.scene.width_px, self.scene.height_px), np.float64)
        return Plot.of(known, known.points * size, [hole * size for hole in known.holes])

    def subject(self, track: WorldTrack) -> int:
        """Who a detected track is; the number of a track where nobody has said."""
        return self.subjects.get(track.track_id, track.track_id)

    def standing(self, zone: str, labels: Collection[str]) -> list[Standing]:
        """The tracks of these labels that were detected and can be placed."""
        if zone not in self._standing:
            self._standing[zone] = tuple(self._stand(zone))
        return [each for each in self._standing[zone] if each.track.label in labels]

    def _stand(self, zone: str) -> list[Standing]:
        plot = self.plot(zone)
        if plot is None:
            return []
        in_picture = plot.zone.camera is not None
        seen = [track for track in self.scene.tracks if track.seen]
        tracks = [track for track in seen if in_picture or track.point is not None]
        if not tracks:
            return []
        where = [_foot(track) if in_picture else _on_ground(track) for track in tracks]
        points = np.array([point for point, _ in where])
        covariances = np.array([covariance for _, covariance in where])
        shares = np.zeros(len(tracks))
        if not plot.zone.is_line:
            shares = inside(plot.edges, points, covariances)
        rows = zip(tracks, points, covariances, shares, strict=True)
        return [
            Standing(track, point, spread, self.subject(track), float(share))
            for track, point, spread, share in rows
        ]


def _foot(track: WorldTrack) -> tuple[tuple[float, float], Floats]:
    x1, y1, x2, y2 = track.box
    error_px = max(FOOT_PX, FOOT_SHARE * (y2 - y1))
    return ((x1 + x2) / 2, y2), np.eye(2) * error_px**2


def _on_ground(track: WorldTrack) -> tuple[tuple[float, float], Floats]:
    if track.point is None:
        raise ValueError("a track without a point stands nowhere")
    return (track.point.east_m, track.point.north_m), track.point.covariance
