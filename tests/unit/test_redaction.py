"""What is covered is gone for good, and what must be covered is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES, Detections
from perception.errors import ImageError, ModelError
from perception.inference.catalogue import find
from perception.redaction import jpeg
from perception.redaction.covering import CELLS, cover
from perception.redaction.faces import FaceFinder
from perception.redaction.holding import Holding
from perception.redaction.redactor import Redactor
from perception.redaction.regions import heads, of_detections, plates
from tests.shared_data import shared

FACES = "models/face_yunet.onnx"
PARTY = "data/coco/train2017/000000000113.jpg"  # three persons, two of them face the camera


def noise(height: int, width: int, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def boxes(*rows: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def seen(label: str, score: float, box: tuple[float, float, float, float]) -> Detections:
    kind = np.array([PATROL_CLASSES.index(label)], np.int64)
    return Detections(boxes(box), np.array([score], np.float32), kind)


# --- covering ---


def test_many_pictures_give_the_same_cover_so_none_can_be_told_from_it() -> None:
    """The pixels of each cell are shuffled: another face, the same result, byte for byte."""
    face = noise(90, 90)
    other = face.copy()
    rng = np.random.default_rng(2)
    side = 90 // CELLS
    for top in range(0, 90, side):
        for left in range(0, 90, side):
            cell = other[top : top + side, left : left + side].reshape(-1, 3)
            other[top : top + side, left : left + side] = rng.permutation(cell).reshape(
                side, side, 3
            )
    whole = boxes((0, 0, 90, 90))
    assert (face != other).mean() > 0.9
    assert np.array_equal(cover(face, whole), cover(other, whole))


def test_a_cover_holds_no_more_than_a_few_numbers() -> None:
    """9 cells of 3 channels of 16 levels: whatever a region held, 108 bits are left of it."""
    told = set()
    for seed in range(40):
        base = np.full((60, 60, 3), 40 + seed, np.uint8)
        told.add(cover(base, boxes((0, 0, 60, 60))).tobytes())
    assert len(told) <= 4  # 40 shades, 16 levels of 16 shades each


def test_nothing_fine_is_left_of_a_face() -> None:
    rng = np.random.default_rng(3)
    rough = cv2.GaussianBlur(rng.integers(0, 256, (120, 120, 3), np.uint8), (0, 0), 3)
    face = np.asarray(cv2.normalize(rough, None, 0, 255, cv2.NORM_MINMAX), np.uint8)
    covered = cover(face, boxes((0, 0, 120, 120)))
    fine, left = (image - cv2.GaussianBlur(image, (0, 0), 20) for image in _floats(face, covered))
    assert left.std() < 0.15 * fine.std()
    assert abs(np.corrcoef(fine.ravel(), left.ravel())[0, 1]) < 0.35


def _floats(*images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    return [image.astype(np.float32) for image in images]


SIDE = st.floats(-1000, 1000)


@given(st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), max_size=5))
def test_any_region_is_covered_inside_the_picture_and_nothing_else_changes(
    rows: list[tuple[float, float, float, float]],
) -> None:
    image = noise(48, 64)
    before = image.copy()
    covered = cover(image, boxes(*rows))
    inside = np.zeros((48, 64), bool)
    for x1, y1, x2, y2 in rows:
        inside[max(0, int(np.floor(y1))) : max(0, int(np.ceil(y2))), _columns(x1, x2)] = True
    assert np.array_equal(image, before)
    assert np.array_equal(covered[~inside], image[~inside])
    assert covered.shape == image.shape


def _columns(x1: float, x2: float) -> slice:
    return slice(max(0, int(np.floor(x1))), max(0, int(np.ceil(x2))))


def test_a_read_only_picture_is_left_alone() -> None:
    image = noise(40, 40)
    image.setflags(write=False)
    assert not np.array_equal(cover(image, boxes((5, 5, 30, 30))), image)


@pytest.mark.parametrize(
    ("image", "region"),
    [
        (np.zeros((4, 4), np.uint8), (0, 0, 2, 2)),
        (np.zeros((4, 4, 3), np.uint16), (0, 0, 2, 2)),
        (np.zeros((4, 4, 3), np.uint8), (0, 0, float("nan"), 2)),
        (np.zeros((4, 4, 3), np.uint8), (0, 0, float("inf"), 2)),
    ],
    ids=["grey", "16 bit", "nan", "inf"],
)
def test_what_cannot_be_covered_is_refused_rather_than_let_through(
    image: NDArray[np.uint8], region: tuple[float, float, float, float]
) -> None:
    with pytest.raises(ImageError):
        cover(image, boxes(region))


# --- where heads and plates are ---


@given(
    stature=st.floats(20, 700),
    width_share=st.floats(0.2, 1.2),
    lean=st.floats(0, 1),
    shown=st.floats(0.25, 1),
)
def test_the_head_of_an_upright_person_is_inside_however_much_of_him_is_in_the_box(
    stature: float, width_share: float, lean: float, shown: float
) -> None:
    """A head is 0.13 of the stature high; the box may end anywhere below it (`shown`)."""
    height, width = stature * shown, max(stature * 0.26, stature * width_share * 0.4)
    head_x = (width - stature * 0.1) * lean
    x1, y1, x2, y2 = heads(boxes((100, 50, 100 + width, 50 + height)))[0]
    assert x1 <= 100 + head_x
    assert x2 >= 100 + head_x + stature * 0.1
    assert y1 < 50
    assert y2 >= min(50 + stature * 0.13, 50 + height) - 0.01


def test_weak_persons_are_covered_too_and_what_is_hardly_anything_is_not() -> None:
    assert len(of_detections(seen("person", 0.3, (0, 0, 50, 100)))) == 1
    assert len(of_detections(seen("person", 0.1, (0, 0, 50, 100)))) == 0


@pytest.mark.parametrize("label", ["car", "truck", "bus", "motorcycle"])
def test_the_place_of_a_plate_is_covered_where_it_could_be_read(label: str) -> None:
    (band,) = of_detections(seen(label, 0.6, (100, 100, 300, 250)))
    assert band[0] < 100
    assert band[1] < 175  # the middle of its height
    assert band[2] > 300
    assert band[3] > 250
    assert len(of_detections(seen(label, 0.6, (100, 100, 130, 120)))) == 0


def test_bicycles_have_no_plates_and_nothing_gives_nothing() -> None:
    assert of_detections(seen("bicycle", 0.9, (0, 0, 100, 100))).shape == (0, 4)
    assert of_detections(Detections.none()).shape == (0, 4)
    assert plates(boxes()).shape == (0, 4)


def test_in_a_video_a_region_is_held_for_a_while() -> None:
    holding = Holding(hold_s=0.5)
    face = boxes((10, 10, 20, 20))
    assert len(holding.add(face, 0.0)) == 1
    assert len(holding.add(boxes(), 0.3)) == 1
    assert len(holding.add(boxes(), 0.6)) == 0


# --- the face model ---


def test_faces_are_found_where_they_are() -> None:
    finder = FaceFinder.open(find(str(shared(FACES)), "redaction"))
    image = _picture(PARTY)
    found = finder.find(image)
    assert len(found) >= 2
    assert (found[:, 2:] > found[:, :2]).all()
    assert found[:, 3].max() < image.shape[0] * 0.45  # heads, above the table
    twice = finder.find(np.asarray(cv2.resize(image, None, fx=2, fy=2), np.uint8))
    nearest = np.abs(twice[:, None] / 2 - found[None]).max(axis=2).min(axis=0)
    assert np.sort(nearest)[1] < 12  # at least two of them at the same place


def _picture(name: str) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(shared(name))), np.uint8)


def test_without_the_face_model_heads_are_covered_all_the_same() -> None:
    image = noise(200, 200)
    persons = seen("person", 0.9, (50, 20, 100, 180))
    covered = Redactor(None).redact(image, persons)
    assert (covered[22:50, 52:98] != image[22:50, 52:98]).mean() > 0.9


def test_a_model_of_another_kind_is_refused() -> None:
    detector = find("nanodet-g-416", "detection")
    with pytest.raises(ModelError, match="a model for detection, not for redaction"):
        FaceFinder.open(detector)
    with pytest.raises(ModelError, match="no face model"):
        FaceFinder.open(replace(detector, task="redaction"))


@pytest.mark.parametrize(
    "image", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5), np.uint8)], ids=["empty", "grey"]
)
def test_what_is_no_picture_has_no_faces(image: NDArray[np.uint8]) -> None:
    finder = FaceFinder.open(find(str(shared(FACES)), "redaction"))
    with pytest.raises(ImageError):
        finder.find(image)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (33, 31)])
def test_pictures_of_odd_sizes_are_looked_at(size: tuple[int, int]) -> None:
    finder = FaceFinder.open(find(str(shared(FACES)), "redaction"))
    assert finder.find(np.zeros((*size, 3), np.uint8)).shape == (0, 4)


# --- JPEG ---


@given(kib=st.integers(6, 60), quality=st.integers(30, 100))
def test_a_jpeg_is_never_larger_than_it_may_be(kib: int, quality: int) -> None:
    data = jpeg.encode(noise(240, 320), quality=quality, longest_px=300, max_bytes=kib * 1024)
    assert len(data) <= kib * 1024
    assert max(_decoded(data).shape[:2]) <= 300


def test_a_jpeg_holds_pixels_and_nothing_else() -> None:
    data = jpeg.encode(noise(64, 64), quality=80)
    assert data.startswith(b"\xff\xd8\xff\xe0")  # SOI, then APP0 (JFIF)
    assert b"Exif" not in data
    assert b"\xff\xe1" not in data[:200]  # no APP1: neither Exif nor XMP
    assert data.count(b"\xff\xd8\xff") == 1  # no second picture inside


def test_what_fits_into_no_jpeg_is_an_error() -> None:
    with pytest.raises(ImageError, match="100 bytes"):
        jpeg.encode(noise(64, 64), quality=80, max_bytes=100)


def _decoded(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
