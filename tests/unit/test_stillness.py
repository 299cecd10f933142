"""What counts as movement before a camera that stands, and what is only light and noise."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.detection.stillness import Stillness

RANDOM = np.random.default_rng(3)
NOISE = 4.0  # grey levels, of a cheap camera in the evening


def scene() -> np.ndarray:
    """Walls, windows and ground, in soft patches; (360, 640, 3) float32."""
    patches = RANDOM.integers(40, 170, (9, 16, 3), dtype=np.uint8)
    return cv2.resize(patches, (640, 360)).astype(np.float32)


SCENE = scene()
GRAIN = RANDOM.normal(0, NOISE, (2 * 360, 640, 3)).astype(np.float32)


def shot(
    person: tuple[int, int] | None = None, gain: float = 1.0, offset: float = 0.0, seed: int = 0
) -> np.ndarray:
    """A picture with a person of 12 x 30 px at x, y, in some light, with noise."""
    image = SCENE.copy()
    if person is not None:
        x, y = person
        image[y : y + 30, x : x + 12] = 210 - image[y : y + 30, x : x + 12]
    first = seed * 7 % 360
    image = image * gain + offset + GRAIN[first : first + 360]
    return np.clip(image, 0, 255).astype(np.uint8)


def settled() -> Stillness:
    stillness = Stillness()
    for number in range(5):
        stillness.moved(shot(seed=number), number * 0.1)
    return stillness


def test_noise_is_no_movement() -> None:
    stillness = settled()

    assert not any(stillness.moved(shot(seed=10 + n), 1 + n * 0.1) for n in range(20))


@settings(deadline=None, max_examples=20)
@given(gain=st.floats(0.6, 1.3), offset=st.floats(-15, 15))
def test_a_change_of_light_is_no_movement(gain: float, offset: float) -> None:
    assert not settled().moved(shot(gain=gain, offset=offset, seed=20), 1.0)


@settings(deadline=None, max_examples=20)
@given(x=st.integers(0, 628), y=st.integers(0, 330), gain=st.floats(0.8, 1.2))
def test_a_person_who_comes_is_movement_in_any_light(x: int, y: int, gain: float) -> None:
    grey = SCENE[y : y + 30, x : x + 12].mean(axis=2)
    if np.abs(210 - 2 * grey).mean() < 40:  # as bright as what is behind: nobody would see it
        return

    assert settled().moved(shot((x, y), gain=gain, seed=30), 1.0)


def test_who_walks_on_is_movement_all_the_while_and_who_stays_becomes_scene() -> None:
    stillness = settled()

    assert all(stillness.moved(shot((50 + 6 * n, 150), seed=n), 1 + n * 0.2) for n in range(20))
    moved = [stillness.moved(shot((170, 150), seed=n), 5 + n * 2.0) for n in range(90)]
    assert moved[0]
    assert not moved[-1]


def test_the_first_picture_another_size_and_a_new_scene_are_movement() -> None:
    stillness = settled()

    assert stillness.moved(shot()[:180], 1.0)
    assert not stillness.moved(shot(seed=5)[:180], 1.1)
    stillness.forget()
    assert stillness.moved(shot()[:180], 1.2)
    assert Stillness().moved(shot(), 0.0)


def test_only_the_window_counts() -> None:
    stillness = Stillness()
    window = (320, 0, 640, 360)
    stillness.moved(shot(seed=1), 0.0, window)

    assert not stillness.moved(shot((50, 150), seed=2), 0.1, window)
    assert stillness.moved(shot((450, 150), seed=3), 0.2, window)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2000, 3), (90, 160)])
def test_any_size_and_any_stamp_can_be(size: tuple[int, int]) -> None:
    stillness = Stillness()
    for number, mono_s in enumerate((0.0, 5.0, 1.0, 1.0, 1e6)):
        image = np.full((*size, 3), number * 10, np.uint8)
        stillness.moved(image, mono_s)
