"""What is known of the ground under a picture: tracks with position and error, or the reason why
there is none."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from perception.detections import Track
from perception.place.frame import LocalFrame
from perception.place.pose import UnitPose

Floats = NDArray[np.float64]


class Unplaced(StrEnum):
    """Why something in a picture has no position on the ground."""

    NO_POSE = "no_pose"  # no receiver, no fix, or one that is too old
    NO_HEADING = "no_heading"
    NO_MOUNT = "no_mount"  # the configuration does not say how the camera is mounted
    NO_LENS = "no_lens"  # nor what its lens is; or the pictures have another shape than measured
    NO_HEIGHT = "no_height"  # of a unit that flies, nothing tells it
    BAD_POSE = "bad_pose"  # not a number, or beyond what a unit can do
    NEAR_HORIZON = "near_horizon"  # a ray so flat meets the ground anywhere
    TOO_FAR = "too_far"
    CUT_OFF = "cut_off"  # its foot is outside the picture


@dataclass(frozen=True, slots=True, eq=False)
class GroundPoint:
    """A point on the ground in a LocalFrame."""

    east_m: float
    north_m: float
    covariance: Floats  # (2, 2) east, north, m²; of the position on the map, the unit's included


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorldTrack:
    """One followed object, on the ground where that can be said."""

    track_id: int  # that of the camera's tracker: unique per unit and boot
    camera: str
    label: str  # one of PATROL_CLASSES
    score: float  # of the newest detection, 0..1
    box: tuple[float, float, float, float]  # x1 y1 x2 y2, pixels; as detected, where it was
    mono_s: float
    seen: bool  # detected in this picture; False: predicted over a gap
    age_s: float
    quality: float = 1.0  # 0..1: how sure it is that this is one real object
    point: GroundPoint | None = None  # filtered over time
    unplaced: Unplaced | None = Unplaced.NO_POSE
    velocity_mps: tuple[float, float] | None = None  # east, north, over ground
    velocity_covariance: Floats | None = None  # (2, 2) m²/s²
    stature_m: tuple[float, float] | None = None  # a person's height as seen in this picture, and
    # its error at 1 sigma; None where foot or top are not in it, or of anything else

    @property
    def speed_mps(self) -> float | None:
        return None if self.velocity_mps is None else float(np.hypot(*self.velocity_mps))


def world_track(
    track: Track,
    camera: str,
    why: Unplaced | None = None,
    point: GroundPoint | None = None,
    velocity_mps: tuple[float, float] | None = None,
    velocity_covariance: Floats | None = None,
) -> WorldTrack:
    """A track of pictures as one of the ground: where it is, or why it has no place."""
    return WorldTrack(
        track_id=track.track_id,
        camera=camera,
        label=track.label,
        score=track.score,
        box=track.box,
        mono_s=track.mono_s,
        seen=track.seen,
        age_s=track.age_s,
        quality=track.quality,
        point=point,
        unplaced=why,
        velocity_mps=velocity_mps,
        velocity_covariance=velocity_covariance,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One picture of one camera after placing: all that rules work on."""

    camera: str
    mono_s: float
    width_px: int
    height_px: int
    tracks: tuple[WorldTrack, ...] = ()
    frame: LocalFrame | None = None  # the one that all positions are in; None without a pose
    pose: UnitPose | None = None
    footprint: Floats | None = None  # (N, 2) east, north: the ground in the picture, up to where
    # things are placed, counter-clockwise; None where that cannot be said
    eye: tuple[float, float, float] | None = None  # the lens: east, north, metres above the ground
    unplaced: Unplaced | None = None  # why nothing in this picture is placed
    parked: bool = False  # the unit stands: rules in the picture's own pixels may run
