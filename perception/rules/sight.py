"""One picture as a rule sees it: who stands where, and how probably in which zone."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from config.rules import ZoneRule
from config.zones import ZoneKind
from perception.place.placed import Scene, WorldTrack
from perception.rules.ground import Ground, Key
from perception.zones.probability import Field
from perception.zones.zones import Plot

Floats = NDArray[np.float64]

MOVING = "moving"  # zones in the picture are for a unit that stands
NO_FOOTPRINT = "no_footprint"  # no ground is in the picture: nothing in it can be placed
# The foot of a box is known to about a twentieth of its height, and to 2 px at best: detectors are
# trained to overlap with a person, not to stand on the ground.
FOOT_SHARE = 0.05
FOOT_PX = 2.0
FAINT = 0.005  # who is in a zone by less than this is not


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
    _standing: dict[str, dict[Key, list[Standing]]] = field(default_factory=dict)

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
        if self.scene.eye is not None and self.scene.footprint is None:
            return NO_FOOTPRINT
        return None if self.ground.frame is not None else "no_pose"

    def moves(self, zone: str) -> bool:
        """Whether it is drawn in this camera's picture, and the unit may not stand."""
        return self.concerns(zone) and self._blind(zone) == MOVING

    @cached_property
    def _placed(self) -> bool:
        return self.scene.unplaced is None and self.ground.frame is not None

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
        """The tracks of these labels that were detected, and may be in the zone (or are near a
        line); `without`: the zone is taken less all zones of these kinds."""
        if self.ground.zones[zone].camera is not None:
            found = self._of_picture((zone, without))
        else:
            found = self._of_ground((zone, without)) if self._placed else ()
        return [each for each in found if each.track.label in labels]

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

    def sees(self, zone: str, subject: int) -> bool:
        """Whether a subject was detected in this picture and could be held against the zone."""
        if self.plot(zone) is None:
            return False
        in_picture = self.ground.zones[zone].camera is not None
        places = self._in_picture if in_picture else self._on_ground
        return subject in places.subjects

    def _of_ground(self, key: Key) -> Sequence[Standing]:
        """All zones on the ground that were ever asked for are looked into at once."""
        if key not in self._standing.get("ground", ()):
            all_zones, keys = self.ground.field(key)
            found = self._through(all_zones, self._on_ground, len(keys))
            self._standing["ground"] = dict(zip(keys, found, strict=True))
        return self._standing["ground"][key]

    def _of_picture(self, key: Key) -> Sequence[Standing]:
        known = self._standing.setdefault("picture", {})
        plot = self.plot(*key)
        if key not in known and plot is not None:
            alone = Field.of([plot], self.scene.height_px)
            (known[key],) = self._through(alone, self._in_picture, 1)
        return known.get(key, ())

    def _through(self, zones: Field, places: "_Places", plots: int) -> list[list[Standing]]:
        """Who may be in each plot of a field."""
        found: list[list[Standing]] = [[] for _ in range(plots)]
        if not places.tracks:
            return found
        where, which = zones.near(places.points, places.covariances)
        shares = zones.masses(where, places.points[which], places.covariances[which])
        lines = zones.counts[where] == 0
        rows = zip(where.tolist(), which.tolist(), shares.tolist(), lines.tolist(), strict=True)
        for plot, number, share, is_line in rows:
            if is_line or share > FAINT:
                track = places.tracks[number]
                point, spread = places.points[number], places.covariances[number]
                found[plot].append(Standing(track, point, spread, self.subject(track), share))
        return found

    @cached_property
    def _on_ground(self) -> "_Places":
        tracks = [track for track in self.scene.tracks if track.seen and track.point is not None]
        points = [(t.point.east_m, t.point.north_m) for t in tracks if t.point is not None]
        spreads = [t.point.covariance for t in tracks if t.point is not None]
        return self._places(tracks, points, spreads)

    @cached_property
    def _in_picture(self) -> "_Places":
        tracks = [track for track in self.scene.tracks if track.seen]
        feet = [((t.box[0] + t.box[2]) / 2, t.box[3]) for t in tracks]
        errors_px = [max(FOOT_PX, FOOT_SHARE * (t.box[3] - t.box[1])) for t in tracks]
        spreads = [np.eye(2) * error_px**2 for error_px in errors_px]
        return self._places(tracks, feet, spreads)

    def _places(
        self, tracks: list[WorldTrack], points: list[tuple[float, float]], spreads: list[Floats]
    ) -> "_Places":
        subjects = frozenset(self.subject(track) for track in tracks)
        return _Places(tracks, np.array(points), np.array(spreads), subjects)


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where all tracks of a picture are, in one plane."""

    tracks: list[WorldTrack]
    points: Floats  # (N, 2)
    covariances: Floats  # (N, 2, 2)
    subjects: frozenset[int]
