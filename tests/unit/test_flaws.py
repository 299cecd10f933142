"""Black and torn pictures are told from dark and grey ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.detection.flaws import flaw
from perception.detection.preprocess import MAX_SIDE_PX, check
from perception.errors import ImageError

RANDOM = np.random.default_rng(1)
SCENE = RANDOM.integers(0, 256, (720, 1280, 3), dtype=np.uint8)


def torn(rows: int) -> np.ndarray:
    image = SCENE.copy()
    image[rows:] = 128
    return image


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (SCENE, None),
        (np.zeros((720, 1280, 3), np.uint8), "black"),
        (np.full((720, 1280, 3), 16, np.uint8), "black"),
        (SCENE // 8, None),  # a night scene
        (torn(360), "torn"),
        (torn(500), "torn"),
        (torn(700), None),  # a border of twenty rows
        (np.full((720, 1280, 3), 128, np.uint8), None),  # fog, or a test card
        (torn(360)[::-1], None),  # grey sky
    ],
    ids=["scene", "black", "video black", "night", "half", "a third", "border", "grey", "sky"],
)
def test_what_is_wrong_with_a_picture(image: np.ndarray, wanted: str | None) -> None:
    assert flaw(image) == wanted


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 255))
def test_any_size_can_be_asked_about(width: int, height: int, value: int) -> None:
    flaw(np.full((height, width, 3), value, np.uint8))


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (None, "no_picture"),
        (np.zeros(5, np.uint8), "no_picture"),
        (np.zeros((0, 10, 3), np.uint8), "empty"),
        (np.zeros((10, 10, 3), np.uint16), "sixteen_bit"),
        (np.zeros((10, 10, 3), np.float32), "wrong_type"),
        (np.zeros((10, 10), np.uint8), "one_channel"),
        (np.zeros((10, 10, 1), np.uint8), "one_channel"),
        (np.zeros((10, 10, 4), np.uint8), "alpha_channel"),
        (np.zeros((10, 10, 2), np.uint8), "wrong_channels"),
        (np.zeros((1, MAX_SIDE_PX + 1, 3), np.uint8), "too_large"),
    ],
)
def test_what_is_no_picture_is_named(image: object, kind: str) -> None:
    with pytest.raises(ImageError) as refusal:
        check(image)  # type: ignore[arg-type]

    assert refusal.value.kind == kind
