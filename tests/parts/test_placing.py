"""A street with people we know, through tracker, poses and ground to latitude and longitude."""

import itertools
import math

import numpy as np
import pytest

from config.cameras import LensConfig, PoseConfig
from config.devices import FileCameraConfig
from config.loading import load
from config.models import Settings, UnitConfig
from config.perception import PerceptionConfig
from drivers.samples import FixKind, Frame, GnssEpoch
from edge.seeing.chain import Chain
from edge.seeing.look import Look
from edge.seeing.placing import Placing
from edge.seeing.poses import Poses
from perception.detections import Detections
from perception.place.frame import LocalFrame
from perception.place.geometry import aim
from perception.place.placed import Unplaced
from perception.place.pose import UnitPose
from tests.placed_scenes import CAR, SIZE, box_of, lens

STREET = LocalFrame.at(54.1, 12.1)
BARREL = LensConfig(
    width_px=1920,
    height_px=1080,
    fx_px=1000,
    fy_px=1000,
    cx_px=955,
    cy_px=545,
    distortion=(-0.28, 0.08, 0.0005, -0.0005, 0.0),
)
SETTINGS = Settings(
    unit=UnitConfig(id="car-1", kind="patrol_car"),
    cameras={"front": FileCameraConfig(kind="file", path="/x", lens=BARREL, mount=CAR)},  # type: ignore[arg-type]
    pose=PoseConfig(course_is_heading=True, tilt_error_deg=1.0),
)
SPEED_MPS = 6.0  # the car, north-east
COURSE_DEG = 45.0
WALKER = (18.0, 26.0, -1.2, 0.0)  # east, north, and their speeds
WAITER = (28.0, 22.0, 0.0, 0.0)


def chain() -> tuple[Chain, Poses]:
    poses = Poses(SETTINGS.pose)
    placing = Placing.build(SETTINGS, poses)
    return Chain.build(PerceptionConfig(), ["front"], 0.5, itertools.count(1), placing), poses


def unit_at(mono_s: float) -> tuple[float, float]:
    way_m = SPEED_MPS * mono_s
    bearing = math.radians(COURSE_DEG)
    return way_m * math.sin(bearing), way_m * math.cos(bearing)


def epoch(second: float) -> GnssEpoch:
    lat_deg, lon_deg = STREET.to_degrees(*unit_at(second))
    return GnssEpoch(
        mono_s=second,
        utc=None,
        fix=FixKind.RTK_FIXED,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        speed_mps=SPEED_MPS,
        course_deg=COURSE_DEG,
        error_m=0.03,
    )


def seen(mono_s: float) -> Detections:
    """The boxes of all persons in the picture, as a perfect detector gives them."""
    east_m, north_m = unit_at(mono_s)
    truth = UnitPose(
        mono_s=mono_s, lat_deg=54.1, lon_deg=12.1, position_error_m=0, heading_deg=COURSE_DEG
    )
    view = aim(CAR, truth)
    assert view is not None
    eye = lens(BARREL, SIZE)
    boxes = []
    for e, n, ve, vn in (WALKER, WAITER):
        place = e + ve * mono_s - east_m, n + vn * mono_s - north_m
        box = box_of(place, view, eye)
        assert box is not None
        boxes.append(box)
    return Detections(
        np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32), np.zeros(2, np.int64)
    )


def drive(seconds: float, glance_at: int | None = None) -> Look:
    """The last look. `glance_at`: before this picture another one was not looked at."""
    following, poses = chain()
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for step in range(round(seconds * 10)):
        mono_s = step / 10
        if step % 10 == 0:
            poses.note_gnss(epoch(mono_s))
        if step == glance_at:
            spared = Frame(camera="front", number=0, mono_s=mono_s - 0.05, image=image)
            following.place(spared, ())
        frame = Frame(camera="front", number=step, mono_s=mono_s, image=image)
        look = following.see(frame, seen(mono_s))
    return look


def test_people_in_front_of_a_driving_car_are_on_the_map_where_they_are() -> None:
    look = drive(2.55)
    now_s = look.frame.mono_s
    assert look.scene.frame is not None
    found = {}
    for one in look.scene.tracks:
        assert one.point is not None
        degrees = look.scene.frame.to_degrees(one.point.east_m, one.point.north_m)
        found[STREET.to_metres(*degrees)] = one
    for e, n, ve, vn in (WALKER, WAITER):
        truth = e + ve * now_s, n + vn * now_s
        place, one = min(found.items(), key=lambda item: math.dist(item[0], truth))
        assert place == pytest.approx(truth, abs=0.7)
        assert one.velocity_mps == pytest.approx((ve, vn), abs=0.6)
    assert look.scene.footprint is not None


def test_without_positions_the_scene_says_why_and_the_tracks_go_on() -> None:
    following, _ = chain()
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for step in range(5):
        frame = Frame(camera="front", number=step, mono_s=step / 10, image=image)
        look = following.see(frame, seen(step / 10))
    assert look.scene.unplaced is Unplaced.NO_POSE
    assert [one.unplaced for one in look.scene.tracks] == [Unplaced.NO_POSE] * 2


def test_a_camera_on_a_mast_stands_though_no_receiver_says_so() -> None:
    mast = FileCameraConfig(kind="file", path="/x", fixed=True)  # type: ignore[arg-type]
    settings = SETTINGS.model_copy(update={"cameras": {"mast": mast}})
    placing = Placing.build(settings, Poses(settings.pose))
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)

    scene = placing(Frame(camera="mast", number=0, mono_s=0.0, image=image), ())

    assert scene.parked, "zones in its picture would never be looked at"
    assert scene.unplaced is Unplaced.NO_MOUNT


def test_a_picture_that_the_model_is_spared_ends_no_path() -> None:
    one, two = drive(2.0), drive(2.0, glance_at=19)

    spreads = [
        [track.velocity_covariance.tolist() for track in look.scene.tracks]  # type: ignore[union-attr]
        for look in (one, two)
    ]
    assert spreads[0] == spreads[1]


def test_the_same_drive_gives_the_same_places() -> None:
    one, two = drive(1.5), drive(1.5)
    assert [track.velocity_mps for track in one.scene.tracks] == [
        track.velocity_mps for track in two.scene.tracks
    ]


def test_a_unit_file_describes_a_camera_down_to_its_place(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "unit.yaml"
    path.write_text(
        "unit: {id: dog-1, kind: robot_dog}\n"
        "cameras:\n"
        "  front:\n"
        "    kind: v4l2\n"
        "    device: /dev/v4l/by-id/x\n"
        "    lens: {horizontal_fov_deg: 90}\n"
        "    mount: {height_m: 0.6, pitch_deg: -5}\n"
    )
    settings = load(path, {}).settings
    camera = settings.cameras["front"]
    assert camera.mount is not None
    assert camera.mount.height_m == 0.6
    assert settings.ground.max_range_m == 25
    assert settings.pose.course_is_heading is False
