"""Where a picture goes in the model's input, and the way back."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.detection.preprocess import Fit, InputFormat, Preprocessor, place, scale_to
from perception.errors import ImageError

FITS: tuple[Fit, ...] = ("centre", "corner", "squash", "warp")
SIDES = st.integers(1, 3000)


def fmt(fit: Fit, *, rgb: bool = False, pad: int = 114) -> InputFormat:
    return InputFormat(fit=fit, pad=pad, mean=(0.0,) * 3, scale=(1.0,) * 3, rgb=rgb)


@given(fit=st.sampled_from(FITS), width=SIDES, height=SIDES, data=st.data())
def test_a_box_comes_back_from_the_input_to_where_it_was(
    fit: Fit, width: int, height: int, data: st.DataObject
) -> None:
    where = place(fmt(fit), (width, height), (416, 416))
    x = sorted(data.draw(st.tuples(st.floats(0, width), st.floats(0, width))))
    y = sorted(data.draw(st.tuples(st.floats(0, height), st.floats(0, height))))
    box = np.array([[x[0], y[0], x[1], y[1]]], np.float32)
    scale = np.array([where.scale_x, where.scale_y] * 2, np.float32)
    offset = np.array([where.offset_x, where.offset_y] * 2, np.float32)

    back = where.to_original(box * scale + offset)

    assert back == pytest.approx(box, abs=0.01 / min(where.scale_x, where.scale_y, 1))


@given(fit=st.sampled_from(FITS), width=st.integers(1, 700), height=st.integers(1, 700))
def test_any_shape_of_picture_fills_the_tensor(fit: Fit, width: int, height: int) -> None:
    pre = Preprocessor(fmt(fit, pad=0), 64, 32)

    pre.fill(np.full((height, width, 3), 255, np.uint8))

    assert pre.tensor.shape == (1, 3, 32, 64)
    assert 0 < pre.tensor.max() <= 255


def test_the_bars_of_an_earlier_picture_do_not_stay() -> None:
    pre = Preprocessor(fmt("corner"), 64, 64)
    pre.fill(np.full((64, 64, 3), 255, np.uint8))

    pre.fill(np.full((32, 64, 3), 200, np.uint8))

    assert np.unique(pre.tensor[0, :, 32:]) == 114
    assert np.unique(pre.tensor[0, :, :32]) == 200


def test_channels_are_in_the_order_and_scale_of_the_model() -> None:
    image = np.empty((8, 8, 3), np.uint8)
    image[:] = (10, 20, 30)  # blue, green, red
    form = InputFormat(fit="squash", pad=0, mean=(30.0, 10.0, 0.0), scale=(1.0, 2.0, 0.5), rgb=True)
    pre = Preprocessor(form, 8, 8)

    pre.fill(image)

    assert pre.tensor[0, :, 0, 0].tolist() == [0.0, 20.0, 5.0]


def test_nanodet_sampling_is_that_of_its_authors() -> None:
    """`get_resize_matrix` of NanoDet: T(input centre) @ scale @ T(-picture centre)."""
    image = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    ratio = 416 / 640
    matrix = np.array([[ratio, 0, 208 - 320 * ratio], [0, ratio, 208 - 240 * ratio], [0, 0, 1]])
    expected = cv2.warpPerspective(image, matrix, (416, 416)).transpose(2, 0, 1)
    pre = Preprocessor(fmt("warp", pad=0), 416, 416)

    pre.fill(image)

    assert np.abs(pre.tensor[0] - expected).max() <= 2


def test_resampling_by_area_is_near_the_true_mean_and_bilinear_is_not() -> None:
    """Stripes of one pixel are grey from afar; a bilinear sampler sees black or white ones."""
    stripes = np.zeros((360, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    size = (240, 135)
    by_area, bilinear = (scale_to(stripes, size, area=a).astype(float) for a in (True, False))

    assert by_area.shape == (135, 240, 3)
    assert np.abs(by_area - 127.5).max() < 60
    assert np.abs(bilinear - 127.5).max() > 80


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((1, 20_000, 3), np.uint8),
    ],
    ids=["grey", "four channels", "empty", "float", "too wide"],
)
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ImageError):
        Preprocessor(fmt("centre"), 64, 64).fill(image)
