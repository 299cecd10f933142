"""Tracks of pictures put on the ground: one `Scene` per picture. No clock, no thread: the same
pictures and poses give the same scenes."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from config.cameras import GroundConfig, LensConfig, MountConfig
from perception.detections import Track
from perception.place.bodies import Bodies
from perception.place.footprint import footprint
from perception.place.frame import LocalFrame
from perception.place.geometry import Aim, aim
from perception.place.ground import Grounded, ground
from perception.place.lens import Lens
from perception.place.paths import Measured, Paths
from perception.place.placed import GroundPoint, Scene, Unplaced, WorldTrack, world_track
from perception.place.pose import UnitPose
from perception.place.sight import Sight, sight
from perception.place.stature import statures

Floats = NDArray[np.float64]

ORIGIN_MOVES_M = 5000.0  # farther from it, a frame's metres are off by up to 0.05 %
WELL_TURNED_DEG = 1.0  # 1 sigma: a pose less sure of how it is turned moves no picture
NUMBERS = [one.name for one in fields(UnitPose) if one.name != "source"]
MOST_LAT_DEG = 89.0  # nearer to a pole no flat frame holds; broken receivers tell of 90
LEAST_HEIGHT_M = 0.05  # a lens on the ground sees no ground


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSetup:
    """What the configuration says of a camera."""

    lens: LensConfig | None
    mount: MountConfig | None
    fixed: bool = False  # it stands, whatever is known of the unit


@dataclass(slots=True)
class _Eye:
    """One camera as it is placed."""

    setup: CameraSetup
    paths: Paths = field(default_factory=Paths)
    lens: Lens | None = None
    size_px: tuple[int, int] = (0, 0)

    def lens_for(self, width_px: int, height_px: int) -> Lens | None:
        if self.setup.lens is not None and self.size_px != (width_px, height_px):
            self.lens = Lens.of(self.setup.lens, width_px, height_px)
            self.size_px = (width_px, height_px)
        return self.lens


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """One picture's lens, how it was aimed, and the pose that says so."""

    lens: Lens
    aim: Aim
    pose: UnitPose


class Placer:
    """All cameras of one unit, and the frame that all places are told in."""

    def __init__(
        self, cameras: Mapping[str, CameraSetup], config: GroundConfig, parked_below_mps: float
    ) -> None:
        self.unplaced: Counter[str] = Counter()  # objects seen but not placed, by reason
        self.disputed = 0  # where size and ground disagreed
        self._eyes = {name: _Eye(setup) for name, setup in cameras.items()}
        self._config = config
        self._parked_below_mps = parked_below_mps
        self._frame: LocalFrame | None = None

    @property
    def outliers(self) -> int:
        """Places too far from where their object was expected."""
        return sum(eye.paths.outliers for eye in self._eyes.values())

    def place(
        self,
        camera: str,
        mono_s: float,
        size_px: tuple[int, int],
        tracks: Sequence[Track],
        pose: UnitPose | Unplaced,
    ) -> Scene:
        """`size_px`: width and height of the picture."""
        eye = self._eyes[camera]
        believed = _believed(pose)
        view = self._view(eye, size_px, believed)
        known = believed if isinstance(believed, UnitPose) else None
        scene = Scene(
            camera=camera,
            mono_s=mono_s,
            width_px=size_px[0],
            height_px=size_px[1],
            pose=known,
            parked=eye.setup.fixed or (known is not None and known.parked(self._parked_below_mps)),
        )
        if isinstance(view, Unplaced):
            self.unplaced[view] += sum(track.seen for track in tracks)
            untold = tuple(world_track(track, camera, view) for track in tracks)
            return replace(scene, tracks=untold, unplaced=view)
        frame, unit = self._stand(view.pose)
        limits = self._config.max_range_m, self._config.horizon_margin_deg
        seen_ground = footprint(view.lens, view.aim, *limits)
        return replace(
            scene,
            tracks=self._tracks(eye, scene, tracks, view, unit),
            frame=frame,
            footprint=None if seen_ground is None else seen_ground + unit,
            eye=(*(view.aim.lens + unit).tolist(), view.aim.height_m),
        )

    def projection(
        self, camera: str, size_px: tuple[int, int], pose: UnitPose | Unplaced
    ) -> Floats | None:
        """(3, 3) from directions in the world to the picture's pixels: K R of Hartley and
        Zisserman, 6.1. None where lens, mount or heading are not known, or not to a degree; the
        distortion is not in it, so that a fisheye has none."""
        view = self._view(self._eyes[camera], size_px, _believed(pose))
        if isinstance(view, Unplaced) or view.lens.model == "fisheye":
            return None
        if max(view.pose.heading_error_deg, view.pose.tilt_error_deg) > WELL_TURNED_DEG:
            return None
        return view.lens.matrix() @ view.aim.rotation.T

    def _view(
        self,
        eye: _Eye,
        size_px: tuple[int, int],
        pose: UnitPose | Unplaced,
    ) -> _View | Unplaced:
        """How the camera sees the ground, or why nothing can be placed."""
        if eye.setup.mount is None:
            return Unplaced.NO_MOUNT
        lens = eye.lens_for(*size_px)
        if lens is None:
            return Unplaced.NO_LENS
        if not isinstance(pose, UnitPose):
            return pose
        aimed = aim(eye.setup.mount, pose)
        if aimed is None:
            return Unplaced.NO_HEADING
        return _View(lens, aimed, pose) if aimed.height_m >= LEAST_HEIGHT_M else Unplaced.BAD_POSE

    def _stand(self, pose: UnitPose) -> tuple[LocalFrame, Floats]:
        """The frame, and the unit in it (2,). Far from its origin a new frame begins here, and
        what is followed goes over into it at the place in degrees where it is."""
        frame = self._frame
        if frame is not None:
            at = frame.to_metres(pose.lat_deg, pose.lon_deg)
            if math.hypot(*at) <= ORIGIN_MOVES_M:
                return frame, np.array(at)
            for eye in self._eyes.values():
                eye.paths.shift(-at[0], -at[1])
        self._frame = LocalFrame.at(pose.lat_deg, pose.lon_deg)
        return self._frame, np.zeros(2)

    def _tracks(
        self,
        eye: _Eye,
        scene: Scene,
        tracks: Sequence[Track],
        view: _View,
        unit: Floats,
    ) -> tuple[WorldTrack, ...]:
        if not tracks:  # a picture in which nothing was looked for ends no path
            return ()
        labels = [track.label for track in tracks]
        boxes = np.array([track.box for track in tracks], np.float64).reshape(-1, 4)
        seen = sight(boxes, view.lens, view.aim)
        found = ground(seen, Bodies.of(labels, self._config), view.aim, view.lens, self._config)
        reasons = _reasons(seen, found)
        detected = np.array([track.seen for track in tracks], np.bool_)
        usable = np.array([reason is None for reason in reasons], np.bool_) & detected
        self.disputed += int((found.disputed & usable).sum())
        ids = [track.track_id for track in tracks]
        measured = Measured(found.points + unit, found.fresh, found.loose, found.held, usable)
        eye.paths.update(scene.mono_s, ids, labels, measured)
        told = self._told(scene, tracks, eye.paths, found, reasons)
        return _with_statures(told, *statures(seen, view.aim))

    def _told(
        self,
        scene: Scene,
        tracks: Sequence[Track],
        paths: Paths,
        found: Grounded,
        reasons: list[Unplaced | None],
    ) -> tuple[WorldTrack, ...]:
        """The tracks with what the filters say, and the held part of their errors again."""
        speed_mps = (scene.pose.speed_mps or 0.0) if scene.pose is not None else 0.0
        # A held error turns with the line of sight as the unit moves: some of the unit's own speed.
        own = (speed_mps * found.relative) ** 2
        velocities = paths.covariance[:, 2:, 2:] + own[:, None, None] * np.eye(2)
        places = paths.spread(
            found.fresh, seen=np.array([track.seen for track in tracks], np.bool_)
        )
        places, states = places + found.held, paths.state.tolist()
        told = []
        for index, track in enumerate(tracks):
            why = reasons[index] or (None if paths.known[index] else Unplaced.CUT_OFF)
            if why is not None:
                self.unplaced[why] += track.seen
                told.append(world_track(track, scene.camera, why))
                continue
            east_m, north_m, *velocity = states[index]
            told.append(
                world_track(
                    track,
                    scene.camera,
                    point=GroundPoint(east_m, north_m, places[index]),
                    velocity_mps=(velocity[0], velocity[1]),
                    velocity_covariance=velocities[index],
                )
            )
        return tuple(told)


def _believed(pose: UnitPose | Unplaced) -> UnitPose | Unplaced:
    return Unplaced.BAD_POSE if isinstance(pose, UnitPose) and not sound(pose) else pose


def sound(pose: UnitPose) -> bool:
    """Whether every number of a pose is one, and can be true."""
    values = [getattr(pose, name) for name in NUMBERS]
    numbers = [value for value in values if value is not None]
    return (
        all(math.isfinite(number) for number in numbers)
        and abs(pose.lat_deg) <= MOST_LAT_DEG
        and abs(pose.lon_deg) <= 180
        and abs(pose.pitch_deg) <= 90
        and abs(pose.roll_deg) <= 180
        and pose.position_error_m >= 0
        and pose.heading_error_deg >= 0
        and pose.tilt_error_deg >= 0
    )


def _reasons(seen: Sight, found: Grounded) -> list[Unplaced | None]:
    kinds = (Unplaced.CUT_OFF, Unplaced.NEAR_HORIZON, Unplaced.TOO_FAR)
    flags = np.column_stack((seen.cut_off, found.near_horizon, found.too_far))
    return [
        next((kind for kind, flag in zip(kinds, row, strict=True) if flag), None)
        for row in flags.tolist()
    ]


def _with_statures(
    tracks: tuple[WorldTrack, ...], tall_m: Floats, errors_m: Floats
) -> tuple[WorldTrack, ...]:
    """Persons that were detected in this picture get the height that it shows."""
    return tuple(
        replace(track, stature_m=(tall, error))
        if track.label == "person" and track.seen and math.isfinite(tall + error)
        else track
        for track, tall, error in zip(tracks, tall_m.tolist(), errors_m.tolist(), strict=True)
    )
