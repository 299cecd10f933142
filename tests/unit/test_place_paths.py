"""Objects over time: speed, standing seen from a car, outliers, a frame that moves on."""

import math
from dataclasses import replace

import numpy as np
import pytest

from config.cameras import GroundConfig, LensConfig
from perception.place.frame import LocalFrame
from perception.place.placed import Scene, WorldTrack
from perception.place.placer import CameraSetup, Placer
from perception.place.pose import UnitPose
from tests.placed_scenes import CAR, SIZE, WIDE, aimed, box_of, lens, pose, track

HOME = LocalFrame.at(54.1, 12.1)


def placer(lens_config: LensConfig = WIDE) -> Placer:
    return Placer({"front": CameraSetup(lens=lens_config, mount=CAR)}, GroundConfig(), 0.5)


def pose_at(east_m: float, north_m: float, **changes: float | None) -> UnitPose:
    lat_deg, lon_deg = HOME.to_degrees(east_m, north_m)
    return pose(lat_deg=lat_deg, lon_deg=lon_deg, **changes)


def look(
    placing: Placer,
    mono_s: float,
    at: UnitPose,
    *places: tuple[float, float],
    noise_px: float = 0.0,
) -> Scene:
    """A scene of persons at these places, east and north of HOME."""
    unit = HOME.to_metres(at.lat_deg, at.lon_deg)
    random = np.random.default_rng(round(mono_s * 1000))
    tracks = []
    for number, place in enumerate(places, 1):
        box = box_of((place[0] - unit[0], place[1] - unit[1]), aimed(CAR, at), lens())
        assert box is not None
        shaken = [edge + random.normal(0, noise_px) for edge in box]
        tracks.append(track((shaken[0], shaken[1], shaken[2], shaken[3]), number, mono_s))
    return placing.place("front", mono_s, SIZE, tracks, replace(at, mono_s=mono_s))


def where(scene: Scene, one: WorldTrack) -> tuple[float, float]:
    assert scene.frame is not None
    assert one.point is not None
    degrees = scene.frame.to_degrees(one.point.east_m, one.point.north_m)
    return HOME.to_metres(*degrees)


def test_a_walker_has_its_speed_and_direction_within_the_error_told() -> None:
    placing = placer()
    for step in range(40):
        now_s = step / 10
        scene = look(placing, now_s, pose(), (-3 + 1.4 * now_s, 12.0), noise_px=1.0)
    (one,) = scene.tracks
    assert one.velocity_mps is not None
    assert one.velocity_covariance is not None
    error_mps = math.sqrt(one.velocity_covariance[0, 0])
    assert error_mps < 0.5
    assert abs(one.velocity_mps[0] - 1.4) < 3 * error_mps
    assert one.velocity_mps[0] == pytest.approx(1.4, abs=0.4)
    assert one.speed_mps == pytest.approx(1.4, abs=0.5)


def test_somebody_who_stands_has_no_speed_seen_from_a_car_that_drives() -> None:
    placing = placer()
    for step in range(30):
        now_s = step / 10
        at = pose_at(0.0, 8.0 * now_s, speed_mps=8.0)
        scene = look(placing, now_s, at, (3.0, 40.0), noise_px=1.0)
    (one,) = scene.tracks
    assert where(scene, one) == pytest.approx((3.0, 40.0), abs=1.0)
    assert one.speed_mps is not None
    assert one.speed_mps < 0.6
    assert not scene.parked


def test_the_shared_part_of_an_error_does_not_average_out() -> None:
    placing = placer()
    at = pose(position_error_m=2.0)
    first = look(placing, 0.0, at, (0.0, 10.0))
    for step in range(1, 100):
        last = look(placing, step / 10, at, (0.0, 10.0))
    for scene in (first, last):
        assert scene.tracks[0].point is not None
        assert math.sqrt(scene.tracks[0].point.covariance[0, 0]) > 2.0


def test_one_leap_is_not_believed_three_are() -> None:
    placing = placer()
    for step in range(10):
        scene = look(placing, step / 10, pose(), (0.0, 10.0))
    scene = look(placing, 1.0, pose(), (0.0, 25.0))
    assert where(scene, scene.tracks[0]) == pytest.approx((0.0, 10.0), abs=0.5)
    assert placing.outliers == 1
    for step in range(11, 14):
        scene = look(placing, step / 10, pose(), (0.0, 25.0))
    assert where(scene, scene.tracks[0]) == pytest.approx((0.0, 25.0), abs=0.5)


def test_while_it_is_not_seen_it_goes_on_and_the_error_grows() -> None:
    placing = placer()
    for step in range(20):
        now_s = step / 10
        scene = look(placing, now_s, pose(), (-2 + 1.5 * now_s, 10.0))
    seen = scene.tracks[0]
    hidden = track(seen.box, 1, 2.9, seen=False)
    scene = placing.place("front", 2.9, SIZE, [hidden], pose())
    (one,) = scene.tracks
    assert where(scene, one)[0] == pytest.approx(-2 + 1.5 * 2.9, abs=0.4)
    assert one.point is not None
    assert seen.point is not None
    assert one.point.covariance[0, 0] > seen.point.covariance[0, 0]


def test_five_kilometres_on_the_frame_moves_and_who_is_followed_stays_in_place() -> None:
    placing = placer()
    look(placing, 0.0, pose_at(0.0, 0.0))
    frames = []
    for step in range(1, 20):
        unit = pose_at(0.0, 4990.0 + step, speed_mps=10.0)
        scene = look(placing, step / 10, unit, (2.0, 5025.0))
        frames.append(scene.frame)
        (one,) = scene.tracks
        assert where(scene, one) == pytest.approx((2.0, 5025.0), abs=2.0)
        assert one.speed_mps is not None
        assert one.speed_mps < 1.5
    assert len({id(frame) for frame in frames}) == 2


def test_a_stamp_that_jumps_starts_the_paths_anew() -> None:
    placing = placer()
    look(placing, 100.0, pose(), (0.0, 10.0))
    for mono_s in (50.0, 1e9):
        scene = look(placing, mono_s, pose(), (5.0, 12.0))
        assert where(scene, scene.tracks[0]) == pytest.approx((5.0, 12.0), abs=0.2)


def test_the_same_pictures_give_the_same_scenes() -> None:
    runs = []
    for _ in range(2):
        placing = placer()
        for step in range(10):
            scene = look(placing, step / 10, pose(), (0.0, 10.0), (2.0, 15.0), noise_px=2.0)
        runs.append([one.point.covariance.tobytes() for one in scene.tracks if one.point])
    assert runs[0] == runs[1]
