"""How tall somebody is, against persons whose height we know, with errors injected."""

import numpy as np
import pytest

from config.cameras import MountConfig
from perception.place.sight import sight
from perception.place.stature import statures
from tests.placed_scenes import CAR, DOG, GIMBAL, aimed, around, box_of, lens, pose
from tests.unit.test_place_ground import one, scene


@pytest.mark.parametrize("height_m", [1.1, 1.7, 2.0])
@pytest.mark.parametrize(("mount", "range_m"), [(DOG, 6.0), (CAR, 8.0), (CAR, 20.0)])
def test_a_person_is_as_tall_as_it_is(mount: MountConfig, range_m: float, height_m: float) -> None:
    at = pose(heading_deg=37.0, pitch_deg=1.5, roll_deg=-2.0)
    box = box_of(around(range_m, 50.0), aimed(mount, at), lens(), height_m=height_m)
    found = one(scene(mount, at, box))
    assert found.stature_m is not None
    assert found.stature_m[0] == pytest.approx(height_m, abs=0.02)


def test_only_persons_whose_foot_and_top_are_in_the_picture_have_one() -> None:
    at = pose()
    box = box_of((0.0, 10.0), aimed(CAR, at), lens())
    assert box is not None
    assert one(scene(CAR, at, box, label="car")).stature_m is None
    assert one(scene(CAR, at, (box[0], -5.0, box[2], box[3]))).stature_m is None
    flying = pose(height_m=60.0)
    above = box_of(around(55.0, 0.0), aimed(GIMBAL, flying), lens(), height_m=1.7)
    assert one(scene(GIMBAL, flying, above)).stature_m is None


@pytest.mark.parametrize(("mount", "range_m"), [(DOG, 5.0), (CAR, 10.0)])
def test_the_error_that_is_told_is_the_error_that_there_is(
    mount: MountConfig, range_m: float
) -> None:
    """Of 2000 pictures with tilt, height and box off by what is claimed, 68 in 100 are within."""
    rng = np.random.default_rng(4)
    sure = pose(tilt_error_deg=0.3, height_error_m=0.02)
    view, eye = aimed(mount, sure), lens()
    true_box = np.array(box_of(around(range_m, 5.0), view, eye))
    claimed_px = sight(true_box[None], eye, view).foot_error_px[0]
    within = []
    for _ in range(2000):
        tilt_deg = np.degrees(view.tilt_error_rad) * rng.normal()
        off = pose(
            tilt_error_deg=0.3, height_error_m=0.02, pitch_deg=tilt_deg,
            height_m=view.height_error_m * rng.normal(),
        )  # fmt: skip
        edges = true_box + claimed_px[1] * np.array([0, rng.normal(), 0, rng.normal()])
        tall, error = statures(sight(edges[None], eye, aimed(mount, off)), aimed(mount, off))
        within.append(abs(tall[0] - 1.7) <= error[0])
    assert np.mean(within) == pytest.approx(0.683, abs=0.05)
