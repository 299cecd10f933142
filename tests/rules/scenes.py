"""Scenes as placing would make them: tracks on the ground, with their error."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.place.frame import LocalFrame
from perception.place.placed import GroundPoint, Scene, Unplaced, WorldTrack
from perception.place.pose import UnitPose
from perception.zones.zones import Zone

FRAME = LocalFrame.at(35.40, 116.60)
SIZE = 1280, 720


def track(
    number: int,
    east_m: float,
    north_m: float,
    mono_s: float,
    *,
    label: str = "person",
    error_m: float = 0.3,
    velocity_mps: tuple[float, float] | None = (0.0, 0.0),
    velocity_error_mps: float = 0.2,
    camera: str = "front",
    seen: bool = True,
    box: tuple[float, float, float, float] = (600.0, 300.0, 640.0, 400.0),
) -> WorldTrack:
    """A track that is placed."""
    return WorldTrack(
        track_id=number,
        camera=camera,
        label=label,
        score=0.9,
        box=box,
        mono_s=mono_s,
        seen=seen,
        age_s=10.0,
        point=GroundPoint(east_m, north_m, np.eye(2) * error_m**2),
        unplaced=None,
        velocity_mps=velocity_mps,
        velocity_covariance=None if velocity_mps is None else np.eye(2) * velocity_error_mps**2,
    )


def scene(
    mono_s: float,
    tracks: Sequence[WorldTrack] = (),
    *,
    camera: str = "front",
    frame: LocalFrame | None = FRAME,
    unplaced: Unplaced | None = None,
    parked: bool = False,
    footprint: NDArray[np.float64] | None = None,
    pose: UnitPose | None = None,
) -> Scene:
    return Scene(
        camera=camera,
        mono_s=mono_s,
        width_px=SIZE[0],
        height_px=SIZE[1],
        tracks=tuple(tracks),
        frame=frame,
        unplaced=unplaced,
        parked=parked,
        footprint=footprint,
        pose=pose,
    )


def square(
    name: str = "yard", side_m: float = 10.0, *, kind: str = "area", east_m: float = 0.0
) -> Zone:
    """A square zone around a point east of the frame's origin."""
    half = side_m / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return zone(name, [(east_m + x, y) for x, y in corners], kind=kind)


def zone(
    name: str,
    corners: Sequence[tuple[float, float]],
    *,
    kind: str = "area",
    direction_deg: float | None = None,
) -> Zone:
    """A zone by its corners in metres."""
    degrees = [FRAME.to_degrees(*corner)[::-1] for corner in corners]
    return Zone(name=name, kind=kind, points=np.array(degrees), direction_deg=direction_deg)  # type: ignore[arg-type]
