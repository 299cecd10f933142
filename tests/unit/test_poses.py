"""The pose at a picture's stamp: between samples, a little after them, and never from bad ones."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.cameras import PoseConfig
from drivers.samples import Attitude, FixKind, GnssEpoch
from edge.seeing.poses import AHEAD_S, HELD_MOST_DEG, Poses
from perception.place.frame import LocalFrame
from perception.place.placed import Unplaced
from perception.place.pose import UnitPose

FRAME = LocalFrame.at(54.1, 12.1)
CAR = PoseConfig(course_is_heading=True, tilt_error_deg=1.0)
DOG = PoseConfig()
DRONE = PoseConfig(height_m=None)


def epoch(mono_s: float, east_m: float, north_m: float, **changes: float | None) -> GnssEpoch:
    lat_deg, lon_deg = FRAME.to_degrees(east_m, north_m)
    plain = GnssEpoch(
        mono_s=mono_s,
        utc=None,
        fix=FixKind.FIX_3D,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        speed_mps=10.0,
        course_deg=90.0,
        error_m=1.4142135,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def known(poses: Poses, mono_s: float) -> UnitPose:
    found = poses.at(mono_s)
    assert isinstance(found, UnitPose), found
    return found


def driven(config: PoseConfig = CAR, seconds: int = 6, **changes: float | None) -> Poses:
    """East at 10 m/s, told once a second."""
    poses = Poses(config)
    for second in range(seconds):
        poses.note_gnss(epoch(100.0 + second, 10.0 * second, 0.0, **changes))
    return poses


def east_m(pose: UnitPose) -> float:
    return FRAME.to_metres(pose.lat_deg, pose.lon_deg)[0]


def test_between_two_positions_the_unit_was_between_them() -> None:
    pose = known(driven(), 102.25)
    assert east_m(pose) == pytest.approx(22.5, abs=1e-3)
    assert pose.heading_deg == pytest.approx(90.0)
    assert pose.position_error_m > 1.0
    assert pose.age_s == pytest.approx(0.25)


def test_after_the_last_one_it_is_carried_on_with_growing_doubt_and_not_far() -> None:
    poses = driven()
    just, later = known(poses, 105.2), known(poses, 107.0)
    assert east_m(just) == pytest.approx(52.0, abs=1e-3)
    assert east_m(later) == pytest.approx(70.0, abs=1e-3)
    assert later.position_error_m > just.position_error_m + 1
    assert poses.at(105.0 + AHEAD_S + 0.1) is Unplaced.NO_POSE


def test_before_the_first_one_and_without_any_there_is_none() -> None:
    assert driven().at(99.9) is Unplaced.NO_POSE
    assert Poses(CAR).at(100.0) is Unplaced.NO_POSE
    assert driven().at(math.nan) is Unplaced.BAD_POSE


def test_a_course_is_a_heading_for_a_car_only() -> None:
    assert known(driven(CAR), 103.0).heading_deg == pytest.approx(90.0)
    assert known(driven(DOG), 103.0).heading_deg is None


def test_a_slow_course_is_no_heading() -> None:
    assert known(driven(CAR, speed_mps=1.0), 103.0).heading_deg is None


def test_a_car_that_stops_keeps_its_heading_and_loses_it_as_it_creeps() -> None:
    poses = driven()
    for step, speed_mps in enumerate((7.0, 4.0, 2.0, 0.5)):
        poses.note_gnss(epoch(101.5 + step + 4, 50.0, 0.0, speed_mps=speed_mps))
    for second in range(10, 60):
        poses.note_gnss(epoch(100.0 + second, 50.0, 0.0, speed_mps=0.05, course_deg=211.0))
    stands = known(poses, 158.0)
    assert stands.heading_deg == pytest.approx(90.0)
    assert stands.heading_error_deg < 15
    for second in range(60, 75):
        poses.note_gnss(epoch(100.0 + second, 50.0, 0.0, speed_mps=1.0, course_deg=0.0))
    assert known(poses, 173.5).heading_deg is None


def test_a_heading_of_two_antennas_turns_the_short_way() -> None:
    poses = Poses(DOG)
    poses.note_gnss(epoch(100.0, 0.0, 0.0, heading_deg=350.0, speed_mps=0.0))
    poses.note_gnss(epoch(101.0, 0.0, 0.0, heading_deg=20.0, speed_mps=0.0))
    pose = known(poses, 100.5)
    assert pose.heading_deg == pytest.approx(5.0)
    assert pose.heading_error_deg > 1.0
    assert known(poses, 103.3).heading_deg is None  # a dog turns on the spot


def test_a_unit_that_never_turns_needs_no_sensor() -> None:
    poses = driven(PoseConfig(heading_deg=123.0), speed_mps=0.0)
    assert known(poses, 103.0).heading_deg == pytest.approx(123.0)
    assert known(poses, 103.0).heading_error_deg == 5.0


def test_attitude_is_read_between_samples_and_not_long_after() -> None:
    poses = driven(DRONE)
    assert poses.at(103.0) is Unplaced.NO_HEIGHT
    told = Attitude(mono_s=103.0, pitch_deg=-4.0, roll_deg=2.0, heading_deg=358.0, height_m=60.0)
    poses.note_attitude(told)
    after = replace(told, mono_s=103.2, pitch_deg=-8.0, heading_deg=4.0, height_m=61.0)
    poses.note_attitude(after)
    pose = known(poses, 103.1)
    assert (pose.pitch_deg, pose.roll_deg) == pytest.approx((-6.0, 2.0))
    assert pose.heading_deg == pytest.approx(1.0)
    assert pose.height_m == pytest.approx(60.5)
    assert pose.tilt_error_deg == told.tilt_error_deg
    assert poses.at(104.0) is Unplaced.NO_HEIGHT


def test_without_attitude_the_configured_tilt_error_counts() -> None:
    assert known(driven(CAR), 103.0).tilt_error_deg == CAR.tilt_error_deg


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: replace(one, lat_deg=math.nan),
        lambda one: replace(one, lon_deg=math.inf),
        lambda one: replace(one, mono_s=math.nan),
        lambda one: replace(one, speed_mps=math.nan),
        lambda one: replace(one, course_deg=math.inf),
    ],
)
def test_a_sample_that_is_no_number_is_refused_and_counted(
    spoil: Callable[[GnssEpoch], GnssEpoch],
) -> None:
    poses = driven()
    before = poses.at(105.2)
    poses.note_gnss(spoil(epoch(106.0, 60.0, 0.0)))
    assert poses.at(105.2) == before
    assert poses.counts() == {"not_finite": 1}


def test_bad_attitude_is_refused_and_counted() -> None:
    poses = driven()
    poses.note_attitude(Attitude(mono_s=105.0, pitch_deg=math.nan, roll_deg=0.0))
    assert poses.counts() == {"not_finite": 1}
    assert known(poses, 105.0).pitch_deg == 0.0


def test_a_late_sample_and_a_jump_are_refused_and_counted() -> None:
    poses = driven()
    before = poses.at(105.2)
    poses.note_gnss(epoch(103.5, 0.0, 0.0))
    poses.note_gnss(epoch(106.0, 5000.0, 0.0))
    assert poses.at(105.2) == before
    assert poses.counts() == {"late": 1, "jumped": 1}


@pytest.mark.parametrize("start_s", [10.0, 1e9], ids=["back", "ahead"])
def test_a_clock_that_has_really_jumped_is_believed_after_three_samples(start_s: float) -> None:
    poses = driven()
    for step in range(4):
        poses.note_gnss(epoch(start_s + step, 50.0 + 10.0 * step, 0.0))
    assert east_m(known(poses, start_s + 3)) == pytest.approx(80.0, abs=1e-3)


def test_a_single_stamp_from_the_future_does_not_end_it_all() -> None:
    poses = driven()
    poses.note_gnss(epoch(1e9, 60.0, 0.0))
    for step in range(6, 10):
        poses.note_gnss(epoch(100.0 + step, 10.0 * step, 0.0))
    assert east_m(known(poses, 109.0)) == pytest.approx(90.0, abs=1e-3)


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=20), NUMBERS)
def test_whatever_is_told_a_pose_is_sound_or_there_is_none(
    samples: list[tuple[float, ...]], asked_s: float
) -> None:
    poses = Poses(CAR)
    for mono_s, lat, lon, speed, course in samples:
        if math.isfinite(lat) and abs(lat) > 90:
            continue  # drivers see to the ranges
        poses.note_gnss(
            GnssEpoch(
                mono_s=mono_s,
                utc=None,
                fix=FixKind.FIX_3D,
                lat_deg=lat,
                lon_deg=max(-180.0, min(180.0, lon)) if math.isfinite(lon) else lon,
                speed_mps=abs(speed) if abs(speed) < 400 else None,
                course_deg=course % 360 if math.isfinite(course) else course,
            )
        )
        poses.note_attitude(Attitude(mono_s=mono_s, pitch_deg=speed, roll_deg=course))
    pose = poses.at(asked_s)
    if isinstance(pose, UnitPose):
        assert math.isfinite(pose.lat_deg)
        assert pose.position_error_m > 0
        assert pose.heading_deg is None or pose.heading_error_deg <= HELD_MOST_DEG
