"""The camera's own motion from pictures and poses, where it is known because it was made up."""

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from perception.place.geometry import turned
from perception.tracking.ego_motion import STANDING, EgoMotion, fit_similarity, turn_homography
from perception.tracking.motion import BoxMotion, Floats
from tests.shared_data import shared

NOTHING = np.zeros((0, 4))
Image = NDArray[np.uint8]


def street(seed: int, width: int = 1280, height: int = 720) -> Image:
    """Blobs and edges of all sizes, as a street has them."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 90, np.uint8)
    for _ in range(150):
        x, y, w, h = (int(v) for v in random.uniform(0, [width, height, 160, 120]))
        colour = random.integers(0, 255, 3).tolist()
        cv2.rectangle(picture, (x, y), (x + w + 6, y + h + 6), colour, -1)
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 0), np.uint8)


def made_up(dx: float, dy: float, turn_deg: float, zoom: float, size: tuple[int, int]) -> Floats:
    warp = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), turn_deg, zoom)
    warp[:, 2] += dx, dy
    return np.asarray(warp, np.float64)


def moved(picture: Image, warp: Floats) -> Image:
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.warpAffine(picture, warp, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def off_px(one: Floats, other: Floats, size: tuple[int, int]) -> float:
    """How far the two differ in the middle half of the picture, at most."""
    corners = np.array([[x, y] for x in (0.25, 0.75) for y in (0.25, 0.75)]) * size
    ways = [corners @ warp[:, :2].T + warp[:, 2] for warp in (one, other)]
    return float(np.abs(ways[0] - ways[1]).max())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 50),
    way=st.tuples(st.floats(-80, 80), st.floats(-40, 40)),
    turn_deg=st.floats(-4, 4),
    zoom=st.floats(0.94, 1.06),
)
def test_a_known_motion_is_found_or_refused(
    seed: int, way: tuple[float, float], turn_deg: float, zoom: float
) -> None:
    before = street(seed)
    warp = made_up(*way, turn_deg, zoom, (1280, 720))
    ego = EgoMotion()
    ego.measure(before, NOTHING)
    found = ego.measure(moved(before, warp), NOTHING)

    assert found is None or off_px(found, warp, (1280, 720)) < 4


def test_a_usual_motion_is_found_and_the_same_each_time() -> None:
    before, warp = street(1), made_up(30, -12, 1.5, 1.02, (1280, 720))
    answers = []
    for _ in range(2):
        ego = EgoMotion()
        ego.measure(before, NOTHING)
        answers.append(ego.measure(moved(before, warp), NOTHING))

    assert answers[0] is not None
    assert np.array_equal(answers[0], answers[1])
    assert off_px(answers[0], warp, (1280, 720)) < 1


def test_real_pictures_with_walkers_in_them() -> None:
    """Two pictures of a street, a tenth of a second apart, the second one shaken."""
    video = cv2.VideoCapture(str(shared("data/video/vtest.avi")))
    pictures = [np.asarray(video.read()[1], np.uint8) for _ in range(20)]
    random = np.random.default_rng(3)
    for before, after in itertools.pairwise(pictures):
        way, turn_deg = random.uniform(-25, 25, 2), float(random.uniform(-2, 2))
        warp = made_up(way[0], way[1], turn_deg, 1.0, (768, 576))
        ego = EgoMotion()
        ego.measure(before, NOTHING)
        found = ego.measure(moved(after, warp), NOTHING)
        assert found is not None
        assert off_px(found, warp, (768, 576)) < 1.5


def test_who_walks_before_a_camera_that_stands_does_not_move_it() -> None:
    """A third of the picture moves; masked or not, the rest decides."""
    before = street(2)
    after = before.copy()
    after[:, 440:860] = before[:, 400:820]
    for followed in (NOTHING, np.array([[400.0, 0, 860, 720]])):
        ego = EgoMotion()
        ego.measure(before, followed)
        assert np.array_equal(ego.measure(after, followed), STANDING)


@pytest.mark.parametrize(
    "after",
    [
        np.zeros((720, 1280, 3), np.uint8),
        np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8),
        street(9),
        street(1)[:360],
        street(1).astype(np.uint16),
        np.zeros((0, 0, 3), np.uint8),
    ],
    ids=["black", "noise", "a cut", "another size", "16 bit", "empty"],
)
def test_what_cannot_be_compared_is_refused(after: Image) -> None:
    ego = EgoMotion()
    ego.measure(street(1), NOTHING)
    assert ego.measure(after, np.array([[math.nan, 0, 10, 10]])) is None


def test_it_refuses_where_half_of_the_corners_go_elsewhere() -> None:
    random = np.random.default_rng(4)
    old = random.uniform(0, 300, (60, 2))
    new = old + np.where(np.arange(60)[:, None] < 27, [5.0, 0.0], random.uniform(-40, 40, (60, 2)))

    assert fit_similarity(old, new, 320) is None
    good = fit_similarity(old[:40], new[:40], 320)
    assert good == pytest.approx(np.array([[1, 0, 5], [0, 1, 0]]), abs=0.1)


def test_a_turn_of_two_poses_moves_the_pixels_as_the_lens_does() -> None:
    """The camera turns right by 3 degrees: what was ahead is now to the left by f tan 3."""
    camera = np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]])
    axes = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # camera to body
    homography = turn_homography(*(camera @ (turned(to, 0, 0) @ axes).T for to in (20, 23)))

    x, y, w = homography @ [640, 360, 1]
    assert (x / w, y / w) == pytest.approx((640 - 1000 * math.tan(math.radians(3)), 360))
    boxes = BoxMotion.start(np.array([[620.0, 310, 660, 410]]))
    boxes.warp(homography)
    assert boxes.place[0, :2] == pytest.approx([x / w, y / w])
    assert boxes.place[0, 3] == pytest.approx(100, rel=0.02)


def test_a_box_that_a_turn_takes_out_of_sight_stays_finite() -> None:
    camera = np.array([[500.0, 0, 640], [0, 500, 360], [0, 0, 1]])
    axes = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    boxes = BoxMotion.start(np.array([[0.0, 310, 40, 410], [1240, 310, 1280, 410]]))
    boxes.warp(turn_homography(*(camera @ (turned(to, 0, 0) @ axes).T for to in (0, 80))))

    assert np.isfinite(boxes.place).all()
    assert (boxes.place[:, 2:] > 0).all()
