"""Lenses and mounts that we know, measured from what they show: rendered boards, marked masts."""

import cv2
import numpy as np
import pytest

from config.cameras import GroundConfig, MountConfig
from perception.calibration import drawing
from perception.calibration.boards import Charuco, Checkerboard, View
from perception.calibration.lens_fit import CalibrationError, LensFit, fit_lens
from perception.calibration.mount_fit import Sighting, fit_mount
from tests.calibration_scenes import (
    BARREL,
    COLUMNS,
    FISHEYE,
    ROWS,
    SIZE,
    SQUARE_M,
    board_views,
    charuco,
    checkerboard,
    sightings,
)
from tests.placed_scenes import aimed, lens, pose

BOARD = Checkerboard(COLUMNS, ROWS, SQUARE_M)
MAST = MountConfig(height_m=2.1, pitch_deg=-9.0, roll_deg=1.5, yaw_deg=12.0)
STANDS = [(4.0, 0.0), (6.0, 20.0), (9.0, 5.0), (12.0, 30.0), (15.0, -5.0), (20.0, 15.0)]


def views_of(pictures: list[np.ndarray], board: Checkerboard | Charuco) -> list[View]:  # type: ignore[type-arg]
    found = [board.find(picture, f"{number}.png") for number, picture in enumerate(pictures)]
    return [view for view in found if view is not None]


@pytest.fixture(scope="module")
def views() -> list[View]:
    return views_of(board_views(lens(BARREL, SIZE), checkerboard(), 12), BOARD)


@pytest.fixture(scope="module")
def measured(views: list[View]) -> LensFit:
    return fit_lens(views, SIZE, "brown")


def test_a_lens_is_measured_from_a_checkerboard(measured: LensFit) -> None:
    assert measured.fx_px == pytest.approx(420, rel=0.005)
    assert measured.fy_px == pytest.approx(422, rel=0.005)
    assert (measured.cx_px, measured.cy_px) == pytest.approx((314, 184), abs=3)
    assert measured.rms_px < 0.3
    assert measured.focal_error < 0.01
    assert abs(measured.fx_px / 420 - 1) < 4 * measured.focal_error


def test_what_it_measured_sees_what_the_real_one_sees(measured: LensFit) -> None:
    config = BARREL.model_copy(
        update={
            name: getattr(measured, name)
            for name in ("fx_px", "fy_px", "cx_px", "cy_px", "distortion")
        }
    )
    pixels = np.random.default_rng(1).uniform((40, 40), (600, 320), (100, 2))
    ours, theirs = lens(config, SIZE).rays(pixels)[0], lens(BARREL, SIZE).rays(pixels)[0]
    angles = np.degrees(np.arccos(np.clip((ours * theirs).sum(axis=1), -1, 1)))
    assert angles.max() < 0.4


def test_a_charuco_board_may_be_seen_in_part() -> None:
    board = Charuco(10, 7, SQUARE_M, "4x4")
    pictures = board_views(lens(BARREL, SIZE), charuco(board), 12)
    for picture in pictures[:3]:
        picture[:, :130] = 0
    found = views_of(pictures, board)
    assert len(found) >= 10
    assert min(len(view.pixels) for view in found) < 54
    fit = fit_lens(found, SIZE, "brown")
    assert fit.fx_px == pytest.approx(420, rel=0.01)
    assert fit.rms_px < 0.5


def test_a_fisheye_is_measured_as_one() -> None:
    pictures = board_views(lens(FISHEYE, SIZE), checkerboard(), 14)
    fit = fit_lens(views_of(pictures, BOARD), SIZE, "fisheye")
    assert fit.fx_px == pytest.approx(220, rel=0.01)
    assert fit.rms_px < 0.5


def test_too_few_views_are_refused_and_flat_ones_warned_of(measured: LensFit) -> None:
    assert not [text for text in measured.warnings() if "tilted" in text]
    pictures = board_views(lens(BARREL, SIZE), checkerboard(), 5, tilt=0.02)
    views = views_of(pictures, BOARD)
    with pytest.raises(CalibrationError, match="at least 4"):
        fit_lens(views[:3], SIZE, "brown")
    told = " ".join(fit_lens(views, SIZE, "brown").warnings())
    assert "only" in told
    assert "never tilted" in told


def test_a_view_that_does_not_fit_is_named(views: list[View]) -> None:
    views = list(views)
    shaken = views[4].pixels + np.random.default_rng(1).normal(0, 6, views[4].pixels.shape)
    views[4] = View("shaken.png", views[4].board, shaken.astype(np.float32))
    assert "shaken.png" in " ".join(fit_lens(views, SIZE, "brown").warnings())


def test_a_picture_without_a_board_has_none() -> None:
    blank = np.full((360, 640, 3), 127, np.uint8)
    assert BOARD.find(blank, "x") is None
    assert Charuco(10, 7, SQUARE_M).find(blank, "x") is None


def test_a_mast_at_measured_places_tells_all_of_the_mount() -> None:
    fit = fit_mount(sightings(MAST, STANDS, 2.5, 1.0, bearings=True), lens(BARREL, SIZE))
    assert fit.height_m == pytest.approx(2.1, abs=3 * fit.height_error_m + 0.01)
    assert fit.height_m == pytest.approx(2.1, abs=0.1)
    for ours, truth in ((fit.pitch_deg, -9), (fit.roll_deg, 1.5), (fit.yaw_deg, 12)):
        assert ours == pytest.approx(truth, abs=0.4)
        assert ours == pytest.approx(truth, abs=4 * fit.angle_error_deg)
    assert fit.warnings() == []
    assert fit.rms_px < 2


def test_a_person_who_walks_tells_height_and_pitch_without_a_tape() -> None:
    walk = [(away, bearing) for away in (4, 6, 8, 10, 13, 16) for bearing in (0.0, 25.0)]
    found = sightings(MAST, walk, 1.8, 1.0, distances=False)
    fit = fit_mount(found, lens(BARREL, SIZE))
    assert fit.height_m == pytest.approx(2.1, abs=0.15)
    assert fit.pitch_deg == pytest.approx(-9, abs=0.6)
    assert fit.yaw_deg is None


def test_points_on_the_ground_alone_will_do() -> None:
    fit = fit_mount(sightings(MAST, STANDS, 0.0, 0.5, bearings=True), lens(BARREL, SIZE))
    assert fit.height_m == pytest.approx(2.1, abs=0.1)
    assert fit.pitch_deg == pytest.approx(-9, abs=0.4)


def test_a_height_that_was_measured_is_kept() -> None:
    found = sightings(MAST, STANDS[:2], 2.5, 1.0)
    fit = fit_mount(found, lens(BARREL, SIZE), height_m=2.1)
    assert fit.height_m == 2.1
    assert fit.pitch_deg == pytest.approx(-9, abs=0.5)


def test_a_wrong_distance_is_named_with_its_sighting() -> None:
    found = sightings(MAST, STANDS, 2.5, 1.0, bearings=True)
    wrong = Sighting(
        name="mistyped",
        foot_px=found[1].foot_px,
        top_px=found[1].top_px,
        height_m=2.5,
        distance_m=9.0,
        bearing_deg=found[1].bearing_deg,
    )
    told = " ".join(fit_mount([*found, wrong], lens(BARREL, SIZE)).warnings())
    assert "mistyped" in told


def test_sightings_that_leave_it_open_are_refused() -> None:
    with pytest.raises(CalibrationError, match="do not tell"):
        fit_mount(sightings(MAST, STANDS[:1], 2.5, 1.0), lens(BARREL, SIZE))


def test_what_was_not_measured_stays_as_it_was() -> None:
    found = sightings(MAST, STANDS, 2.5, 1.0)
    old = MountConfig(height_m=1, pitch_deg=0, yaw_deg=77, forward_m=1.2)
    mount = fit_mount(found, lens(BARREL, SIZE)).mount(old)
    assert (mount.yaw_deg, mount.forward_m) == (77, 1.2)
    assert mount.height_m == pytest.approx(2.1, abs=0.1)


def test_the_horizon_is_drawn_where_it_is(measured: LensFit) -> None:
    level = MountConfig(height_m=2.0, pitch_deg=-10)
    picture = np.zeros((360, 640, 3), np.uint8)
    drawn = drawing.overlay(picture, lens(BARREL, SIZE), aimed(level, pose()), GroundConfig())
    horizon_px = 184 - 422 * np.tan(np.radians(10))
    yellow = np.argwhere((drawn == (0, 220, 255)).all(axis=2) & (np.arange(640) == 250))
    assert yellow[:, 0].mean() == pytest.approx(horizon_px, abs=8)
    assert not picture.any()
    sheet = cv2.imdecode(np.frombuffer(drawing.png(drawing.sheet(measured)), np.uint8), 1)
    assert sheet is not None
    assert sheet.shape == (360, 640, 3)
