"""The ground in a picture: corners known by geometry, horizons inside, lenses that look down."""

import math

import numpy as np
import pytest

from config.cameras import LensConfig, MountConfig
from perception.place.footprint import Floats, footprint, in_picture
from perception.place.lens import Lens
from tests.placed_scenes import CAR, GIMBAL, WIDE, aimed, lens, pose

LIMITS = (60.0, 2.0)
DOWN = MountConfig(height_m=0.0, pitch_deg=-90)


def area_m2(ring: Floats) -> float:
    after = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]).sum() / 2)


def share_in_picture(ring: Floats, mount: MountConfig, at_height_m: float, eye: Lens) -> float:
    """How much of the ring, drawn a little towards its middle, the camera sees."""
    view = aimed(mount, pose(height_m=at_height_m))
    inner = ring + 0.02 * (ring.mean(axis=0) - ring) - view.lens
    rays = np.column_stack((inner, np.full(len(inner), -view.height_m)))
    return float(in_picture(rays, eye, view)[1].mean())


def test_straight_down_it_is_the_picture_laid_on_the_ground() -> None:
    ring = footprint(lens(), aimed(DOWN, pose(height_m=60.0, heading_deg=90.0)), *LIMITS)
    assert ring is not None
    wide, deep = np.ptp(ring[:, 1]), np.ptp(ring[:, 0])
    assert wide == pytest.approx(2 * 60 * math.tan(math.radians(45)), abs=0.5)  # domain A7: 0.5 m
    assert deep == pytest.approx(wide * 720 / 1280, abs=0.5)
    assert area_m2(ring) > 0


def test_with_the_horizon_in_the_picture_it_ends_where_things_are_placed() -> None:
    ring = footprint(lens(), aimed(CAR, pose()), *LIMITS)
    assert ring is not None
    ranges = np.hypot(ring[:, 0], ring[:, 1])
    limit_m = 2.0 / math.tan(math.radians(2))  # nearer than 60 m
    assert ranges.max() == pytest.approx(limit_m, rel=0.01)
    assert area_m2(ring) > 0
    assert share_in_picture(ring, CAR, 0.0, lens()) == 1.0
    angles = np.degrees(np.arctan2(ring[:, 0], ring[:, 1]))[ranges > limit_m - 0.5]
    assert angles.min() == pytest.approx(-45, abs=1)
    assert angles.max() == pytest.approx(45, abs=1)


def test_all_of_it_is_beyond_the_limit() -> None:
    up = MountConfig(height_m=2.0, pitch_deg=40)
    assert footprint(lens(), aimed(up, pose()), *LIMITS) is None


def test_a_fisheye_that_looks_down_sees_the_whole_circle() -> None:
    wide = lens(LensConfig(horizontal_fov_deg=175, model="fisheye"), (720, 720))
    ring = footprint(wide, aimed(DOWN, pose(height_m=10.0)), 20.0, 2.0)
    assert ring is not None
    assert area_m2(ring) == pytest.approx(math.pi * 20**2, rel=0.02)


@pytest.mark.parametrize("roll_deg", [0.0, 15.0, -30.0, 170.0])
@pytest.mark.parametrize(
    "config",
    [
        WIDE,
        LensConfig(
            width_px=1280, height_px=720, fx_px=650, fy_px=650, cx_px=640, cy_px=360,
            distortion=(-0.3, 0.1, 0.0, 0.0, 0.0),
        ),
        LensConfig(horizontal_fov_deg=150, model="fisheye"),
    ],
    ids=["flat", "barrel", "fisheye"],
)  # fmt: skip
def test_whatever_the_lens_and_the_roll_all_of_it_is_in_the_picture(
    config: LensConfig, roll_deg: float
) -> None:
    eye = lens(config)
    for mount, height_m in ((CAR, 0.0), (GIMBAL, 40.0)):
        rolled = mount.model_copy(update={"roll_deg": roll_deg})
        ring = footprint(eye, aimed(rolled, pose(height_m=height_m)), 60.0, 2.0)
        assert ring is not None
        assert area_m2(ring) > 0
        assert len(ring) <= 64
        assert share_in_picture(ring, rolled, height_m, eye) > 0.9
