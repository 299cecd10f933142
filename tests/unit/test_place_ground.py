"""From boxes to the ground: known persons come out where they stand, or with the reason why not."""

import math
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from config.cameras import GroundConfig, MountConfig
from perception.detections import Track
from perception.place.placed import Scene, Unplaced, WorldTrack
from perception.place.placer import CameraSetup, Placer
from perception.place.pose import UnitPose
from tests.placed_scenes import (
    CAR,
    DOG,
    GIMBAL,
    SIZE,
    WIDE,
    aimed,
    around,
    box_of,
    lens,
    pose,
    track,
)


def scene(
    mount: MountConfig,
    at: UnitPose | Unplaced,
    *boxes: tuple[float, float, float, float] | None,
    label: str = "person",
) -> Scene:
    placer = Placer({"front": CameraSetup(lens=WIDE, mount=mount)}, GroundConfig(), 0.2)
    tracks = [track(box, number, label=label) for number, box in enumerate(boxes, 1) if box]
    return placer.place("front", 0.0, SIZE, tracks, at)


def one(found: Scene) -> WorldTrack:
    assert len(found.tracks) == 1
    return found.tracks[0]


@pytest.mark.parametrize("heading_deg", [0.0, 37.0, 180.0, 271.0])
@pytest.mark.parametrize(("mount", "range_m"), [(DOG, 6.0), (CAR, 12.0), (CAR, 25.0)])
def test_a_person_is_put_where_it_stands(
    mount: MountConfig, range_m: float, heading_deg: float
) -> None:
    at = pose(heading_deg=heading_deg, pitch_deg=1.5, roll_deg=-2.0)
    place = around(range_m, heading_deg + 20)
    found = one(scene(mount, at, box_of(place, aimed(mount, at), lens())))
    assert found.point is not None
    assert (found.point.east_m, found.point.north_m) == pytest.approx(place, abs=0.05)


def test_from_the_air_the_box_is_placed_by_its_ray_alone() -> None:
    at = pose(height_m=60.0, heading_deg=90.0)
    place = around(55.0, 95.0)
    found = one(scene(GIMBAL, at, box_of(place, aimed(GIMBAL, at), lens(), height_m=0.9)))
    assert found.point is not None
    assert (found.point.east_m, found.point.north_m) == pytest.approx(place, abs=0.05)


def test_a_lens_ahead_of_the_antenna_and_to_its_side_is_reckoned_with() -> None:
    mount = MountConfig(height_m=1.5, pitch_deg=-8, yaw_deg=90, forward_m=1.0, left_m=-0.5)
    at = pose(heading_deg=90.0)  # so the camera looks south
    place = (1.0, -10.0)
    found = one(scene(mount, at, box_of(place, aimed(mount, at), lens())))
    assert found.point is not None
    assert (found.point.east_m, found.point.north_m) == pytest.approx(place, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "error_m", "axis"),
    [
        ({"heading_error_deg": 3.0}, 10 * math.radians(3), 0),  # domain: 0.5 m at 10 m, across
        ({"position_error_m": 2.0}, 2.0, 0),
        ({"tilt_error_deg": 1.0}, (10**2 + 2**2) / 2 * math.radians(1), 1),  # (R² + h²) / h
    ],
    ids=["heading", "position", "tilt"],
)
def test_each_error_of_the_pose_is_in_the_covariance(
    changes: dict[str, float | None], error_m: float, axis: int
) -> None:
    at = pose(**changes)
    box = box_of((0.0, 10.0), aimed(CAR, at), lens())
    placed = one(scene(CAR, at, box, label="bicycle")).point  # no size is known of one
    sure = one(scene(CAR, pose(), box, label="bicycle")).point
    assert placed is not None
    assert sure is not None
    more = placed.covariance[axis, axis] - sure.covariance[axis, axis]
    assert math.sqrt(more) == pytest.approx(error_m, rel=0.1)


def test_the_size_of_a_person_narrows_the_range() -> None:
    at = pose(tilt_error_deg=1.0)
    box = box_of((0.0, 10.0), aimed(DOG, at), lens())
    assert box is not None
    known = one(scene(DOG, at, box)).point
    assert known is not None
    assert math.sqrt(known.covariance[1, 1]) < 1.0
    unknown = one(scene(DOG, at, box, label="bicycle")).point
    assert unknown is not None
    assert unknown.covariance[1, 1] > 9 * known.covariance[1, 1]


def test_somebody_who_sits_is_told_with_more_doubt() -> None:
    at = pose()
    stands = box_of((0.0, 6.0), aimed(DOG, at), lens())
    sits = box_of((0.0, 6.0), aimed(DOG, at), lens(), height_m=0.9)
    one_m2, other_m2 = (one(scene(DOG, at, box)).point for box in (stands, sits))
    assert one_m2 is not None
    assert other_m2 is not None
    assert other_m2.covariance[1, 1] > 4 * one_m2.covariance[1, 1]
    assert abs(other_m2.north_m - 6.0) < 2.448 * math.sqrt(other_m2.covariance[1, 1])


@pytest.mark.parametrize(
    ("at", "box", "why"),
    [
        (pose(), (600.0, 100.0, 640.0, 300.0), Unplaced.NEAR_HORIZON),  # above it
        (pose(), (600.0, 250.0, 640.0, 310.0), Unplaced.NEAR_HORIZON),  # within 2 degrees
        (pose(), (600.0, 300.0, 640.0, 719.5), Unplaced.CUT_OFF),
        (pose(heading_deg=None), (600.0, 300.0, 640.0, 500.0), Unplaced.NO_HEADING),
        (pose(lat_deg=math.nan), (600.0, 300.0, 640.0, 500.0), Unplaced.BAD_POSE),
        (pose(pitch_deg=math.inf), (600.0, 300.0, 640.0, 500.0), Unplaced.BAD_POSE),
        (pose(height_m=-5.0), (600.0, 300.0, 640.0, 500.0), Unplaced.BAD_POSE),
        (Unplaced.NO_POSE, (600.0, 300.0, 640.0, 500.0), Unplaced.NO_POSE),
        (Unplaced.NO_HEIGHT, (600.0, 300.0, 640.0, 500.0), Unplaced.NO_HEIGHT),
    ],
)
def test_what_cannot_be_placed_says_why(
    at: UnitPose | Unplaced, box: tuple[float, float, float, float], why: Unplaced
) -> None:
    found = one(scene(DOG, at, box))
    assert found.point is None
    assert found.unplaced is why


def test_farther_than_the_limit_is_not_placed() -> None:
    at = pose(height_m=60.0)
    found = scene(GIMBAL, at, box_of((0.0, 90.0), aimed(GIMBAL, at), lens(), height_m=0.9))
    assert one(found).unplaced is Unplaced.TOO_FAR


def test_without_a_mount_or_a_lens_the_scene_says_so() -> None:
    box = (600.0, 300.0, 640.0, 500.0)
    for setup, why in (
        (CameraSetup(lens=WIDE, mount=None), Unplaced.NO_MOUNT),
        (CameraSetup(lens=None, mount=DOG), Unplaced.NO_LENS),
    ):
        placer = Placer({"front": setup}, GroundConfig(), 0.2)
        found = placer.place("front", 0.0, SIZE, [track(box)], pose())
        assert found.unplaced is why
        assert one(found).unplaced is why
        assert placer.unplaced[why] == 1


def test_all_that_the_tracker_knows_of_a_track_goes_with_it() -> None:
    seen = replace(track((600.0, 300.0, 640.0, 500.0), 7, label="car"), quality=0.4)
    placer = Placer({"front": CameraSetup(lens=WIDE, mount=CAR)}, GroundConfig(), 0.2)
    for at in (pose(), Unplaced.NO_POSE):
        (found,) = placer.place("front", 0.0, SIZE, [seen], at).tracks
        same = {one.name for one in fields(Track)}
        assert {name: getattr(found, name) for name in same} == asdict(seen)


def test_boxes_that_are_no_numbers_break_nothing() -> None:
    at = pose()
    boxes = [(math.nan,) * 4, (math.inf, 0.0, math.inf, 5.0), (-1e9, -1e9, 1e9, 1e9)]
    found = scene(CAR, at, *boxes)
    assert len(found.tracks) == 3
    assert all(one.unplaced is not None for one in found.tracks)
    assert np.isfinite(
        scene(CAR, at, (600.0, 300.0, 640.0, 500.0)).tracks[0].point.covariance
    ).all()  # type: ignore[union-attr]
