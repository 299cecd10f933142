"""Persons who stand where we know, as boxes in a picture: the truth that placing is held to."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from config.cameras import LensConfig, MountConfig
from perception.detections import Track
from perception.place.geometry import Aim, aim
from perception.place.lens import Lens
from perception.place.pose import UnitPose

Floats = NDArray[np.float64]

WIDE = LensConfig(horizontal_fov_deg=90, focal_error=0.005)
SIZE = (1280, 720)
DOG = MountConfig(height_m=0.6, pitch_deg=-5, error_deg=0.3)
CAR = MountConfig(height_m=2.0, pitch_deg=-8, error_deg=0.3)
GIMBAL = MountConfig(height_m=0.0, pitch_deg=-45, error_deg=0.3)


def pose(mono_s: float = 0.0, **changes: float | None) -> UnitPose:
    """A level unit that points north, in Rostock, with small errors."""
    sure = UnitPose(
        mono_s=mono_s,
        lat_deg=54.1,
        lon_deg=12.1,
        position_error_m=0.02,
        heading_deg=0.0,
        heading_error_deg=0.5,
        tilt_error_deg=0.2,
        height_error_m=0.01,
        speed_mps=0.0,
    )
    return replace(sure, **changes)  # type: ignore[arg-type]


def lens(config: LensConfig = WIDE, size: tuple[int, int] = SIZE) -> Lens:
    found = Lens.of(config, *size)
    assert found is not None
    return found


def aimed(mount: MountConfig, at: UnitPose) -> Aim:
    found = aim(mount, at)
    assert found is not None
    return found


def box_of(
    place: tuple[float, float], view: Aim, eye: Lens, height_m: float = 1.7
) -> tuple[float, float, float, float] | None:
    """The box around somebody upright at east, north of the unit; None where it is not seen."""
    foot = np.array([place[0] - view.east_m, place[1] - view.north_m, -view.height_m])
    head = foot + np.array([0.0, 0.0, height_m])
    pixels, seen = eye.pixels(np.array([foot, head]) @ view.rotation)
    if not seen.all():
        return None
    (u, low), (_, high) = pixels.tolist()
    half = max(abs(low - high) * 0.2, 2.0)
    return u - half, min(low, high), u + half, max(low, high)


def track(
    box: tuple[float, float, float, float],
    track_id: int = 1,
    mono_s: float = 0.0,
    label: str = "person",
    *,
    seen: bool = True,
) -> Track:
    return Track(
        track_id=track_id, label=label, score=0.8, box=box, mono_s=mono_s, seen=seen, age_s=1.0
    )


def around(range_m: float, bearing_deg: float) -> tuple[float, float]:
    """East and north of somebody so far away in that direction."""
    bearing = math.radians(bearing_deg)
    return range_m * math.sin(bearing), range_m * math.cos(bearing)
