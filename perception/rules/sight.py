"""One picture as a rule sees it: who stands where, and how probably in which zone."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from config.rules import ZoneRule
from config.zones import ZoneKind
from perception.place.placed import Scene, WorldTrack
from perception.rules.probability import inside
from perception.rules.zones import Ground, Plot

Floats = NDArray[np.float64]

MOVING = "moving"  # zones in the picture are for a unit that stands
# The foot of a box is known to about a twentieth of its height, and to 2 px at best: detectors are
# trained to overlap with a person, not to stand on the ground.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """One picture, as a rule sees it."""

    scene: Scene  # its positions are in the frame of `ground`
    ground: Ground  # the zones
    utc: datetime | None = None  # of the picture; None where the time of day is unknown
    image: NDArray[np.uint8] | None = None  # (H, W, 3) BGR, for rules about the camera itself
    own: tuple[tuple[float, float], ...] = ()  # east, north: our own officers and units
    subjects: Mapping[int, int] = field(default_factory=dict)  # of detected tracks, by track
    _standing: dict[tuple[object, ...], tuple[Standing, ...]] = field(default_factory=dict)

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
        return None if self.ground.frame is not None else "no_pose"

    def plot(self, zone: str, without: tuple[ZoneKind, ...] = ()) -> Plot | None:
        """The zone where this picture's positions are; None where that cannot be said."""
        if not self.concerns(zone) or self._blind(zone) is not None:
            return None
        in_picture = self.ground.zones[zone].camera is not None
        size = (self.scene.width_px, self.scene.height_px) if in_picture else None
        return self.ground.plot(zone, size, without)

    def subject(self, track: WorldTrack) -> int:
        """Who a detected track is; the number of a track where nobody has said."""
        return self.subjects.get(track.track_id, track.track_id)

    def standing(
        self, zone: str, labels: Collection[str], without: tuple[ZoneKind, ...] = ()
    ) -> list[Standing]:
        """The tracks of these labels that were detected and can be placed; `without`: the zone is
        taken less all zones of these kinds."""
        key = (zone, without)
        if key not in self._standing:
            self._standing[key] = tuple(self._stand(zone, without))
        return [each for each in self._standing[key] if each.track.label in labels]

    def strangers(
        self, zone: str, config: ZoneRule, without: tuple[ZoneKind, ...] = ()
    ) -> list[Standing]:
        """Those that a rule is about: of its labels, and none of our own."""
        return [
            each
            for each in self.standing(zone, config.labels, without)
            if not self._is_own(each.track, config.own_radius_m)
        ]

    def _is_own(self, track: WorldTrack, radius_m: float) -> bool:
        point = track.point
        return point is not None and any(
            math.hypot(point.east_m - east_m, point.north_m - north_m) <= radius_m
            for east_m, north_m in self.own
        )

    def _stand(self, zone: str, without: tuple[ZoneKind, ...]) -> list[Standing]:
        plot = self.plot(zone, without)
        if plot is None:
            return []
        places = self._in_picture if plot.zone.camera is not None else self._on_ground
        if not places.tracks:
            return []
        shares = np.zeros(len(places.tracks))
        if not plot.zone.is_line:
            shares = inside(plot.edges, places.points, places.covariances)
        rows = zip(places.tracks, places.points, places.covariances, shares, strict=True)
        return [
            Standing(track, point, spread, self.subject(track), float(share))
            for track, point, spread, share in rows
        ]

    @cached_property
    def _on_ground(self) -> "_Places":
        tracks = [track for track in self.scene.tracks if track.seen and track.point is not None]
        points = [(t.point.east_m, t.point.north_m) for t in tracks if t.point is not None]
        spreads = [t.point.covariance for t in tracks if t.point is not None]
        return _Places(tracks, np.array(points), np.array(spreads))

    @cached_property
    def _in_picture(self) -> "_Places":
        tracks = [track for track in self.scene.tracks if track.seen]
        feet = [((t.box[0] + t.box[2]) / 2, t.box[3]) for t in tracks]
        errors_px = [max(FOOT_PX, FOOT_SHARE * (t.box[3] - t.box[1])) for t in tracks]
        spreads = [np.eye(2) * error_px**2 for error_px in errors_px]
        return _Places(tracks, np.array(feet), np.array(spreads))


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where all tracks of a picture are, in one plane."""

    tracks: list[WorldTrack]
    points: Floats  # (N, 2)
    covariances: Floats  # (N, 2, 2)
