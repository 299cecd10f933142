"""Pixels and rays: held against OpenCV, and against what both models do beyond their reach."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.cameras import LensConfig
from perception.place.lens import Floats, Lens
from tests.placed_scenes import lens

BROWN = LensConfig(
    width_px=1280,
    height_px=720,
    fx_px=700,
    fy_px=705,
    cx_px=630,
    cy_px=365,
    distortion=(-0.32, 0.11, 0.001, -0.0007, -0.02),
)
FISHEYE = BROWN.model_copy(
    update={"model": "fisheye", "fx_px": 400, "distortion": (0.03, -0.01, 0.002, -0.0007)}
)
PIXELS = np.random.default_rng(1).uniform((100, 60), (1180, 660), (200, 2))


def matrix(config: LensConfig) -> Floats:
    return np.array(
        [[config.fx_px, 0, config.cx_px], [0, config.fy_px, config.cy_px], [0, 0, 1]], np.float64
    )


def test_a_distorted_lens_gives_the_pixels_that_opencv_gives() -> None:
    rays = np.random.default_rng(2).uniform((-0.8, -0.5, 1), (0.8, 0.5, 1), (200, 3))
    theirs, _ = cv2.projectPoints(
        rays, np.zeros(3), np.zeros(3), matrix(BROWN), np.array(BROWN.distortion)
    )
    ours, seen = lens(BROWN).pixels(rays)
    assert seen.all()
    assert np.abs(ours - theirs[:, 0]).max() < 1e-9


def test_a_fisheye_gives_the_pixels_that_opencv_gives() -> None:
    rays = np.random.default_rng(3).uniform((-2, -2, 1), (2, 2, 1), (200, 3))
    theirs, _ = cv2.fisheye.projectPoints(
        rays[:, None], np.zeros(3), np.zeros(3), matrix(FISHEYE), np.array(FISHEYE.distortion)
    )
    ours, seen = lens(FISHEYE).pixels(rays)
    assert seen.all()
    assert np.abs(ours - theirs[:, 0]).max() < 1e-9


@pytest.mark.parametrize("config", [BROWN, FISHEYE], ids=["brown", "fisheye"])
def test_there_and_back_again(config: LensConfig) -> None:
    rays, sound = lens(config).rays(PIXELS)
    back, seen = lens(config).pixels(rays)
    assert sound.all()
    assert seen.all()
    assert np.abs(back - PIXELS).max() < 1e-3
    assert np.allclose(np.linalg.norm(rays, axis=1), 1)


@given(st.lists(st.floats(-0.6, 0.6), min_size=5, max_size=5), st.integers(0, 1000))
def test_whatever_the_coefficients_a_sound_ray_comes_out_where_it_went_in(
    numbers: list[float], seed: int
) -> None:
    k1, k2, p1, p2, k3 = numbers
    config = BROWN.model_copy(update={"distortion": (k1, k2, p1 / 10, p2 / 10, k3)})
    pixels = np.random.default_rng(seed).uniform((0, 0), (1280, 720), (50, 2))
    rays, sound = lens(config).rays(pixels)
    assert np.isfinite(rays).all()
    back, _ = lens(config).pixels(rays[sound])
    assert np.abs(back - pixels[sound]).max(initial=0) < 0.01


def test_where_the_model_folds_back_a_pixel_is_not_believed() -> None:
    strong = BROWN.model_copy(update={"distortion": (-0.5, 0.0, 0.0, 0.0, 0.0)})
    rays, sound = lens(strong).rays(np.array([[640.0, 360.0], [1279.0, 719.0]]))
    assert sound.tolist() == [True, False]
    assert np.isfinite(rays).all()


def test_a_smaller_picture_of_the_same_shape_sees_the_same() -> None:
    small = Lens.of(BROWN, 640, 360)
    assert small is not None
    whole, _ = lens(BROWN).rays(np.array([[1000.5, 500.5]]))
    half, _ = small.rays(np.array([[500.0, 250.0]]))
    assert np.allclose(whole, half)


def test_pictures_of_another_shape_are_not_guessed_at() -> None:
    assert Lens.of(BROWN, 640, 480) is None


def test_an_angle_of_view_reaches_from_border_to_border() -> None:
    for model, widest in (("brown", 90.0), ("fisheye", 170.0)):
        config = LensConfig(horizontal_fov_deg=widest, model=model)
        rays, sound = lens(config).rays(np.array([[-0.5, 359.5], [1279.5, 359.5]]))
        assert sound.all()
        assert np.degrees(np.arccos(rays[0] @ rays[1])) == pytest.approx(widest, abs=0.01)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"horizontal_fov_deg": 80, "fx_px": 500}, "not both"),
        ({"fx_px": 500}, "lacks width_px"),
        ({"horizontal_fov_deg": 80, "distortion": [0.1, 0.2]}, "4 or 5 numbers"),
        ({"horizontal_fov_deg": 80, "model": "fisheye", "distortion": [0.1] * 5}, "has 4 numbers"),
    ],
)
def test_a_lens_that_is_half_described_is_refused(written: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LensConfig.model_validate(written)
