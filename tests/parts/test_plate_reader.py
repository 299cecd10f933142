"""The real networks on drawn plates: there is no set of real ones."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.errors import ImageError, ModelError
from perception.plates import reader as reader_module
from perception.plates.reader import PlateReader
from perception.plates.vote import Ballot, Memory, Shot, picture_quality, reading_quality
from tests.plate_pictures import plate, some_plate, vehicle


@pytest.fixture(scope="module")
def reader() -> Iterator[PlateReader]:
    try:
        yield PlateReader.open()
    except ModelError as error:
        pytest.skip(f"the extra `plates` is not installed here: {error}")


def read(reader: PlateReader, picture: np.ndarray) -> str | None:
    found = reader.read(picture)
    return found[0].fit.plate.text if found else None


@pytest.mark.parametrize(
    "seen",
    [{}, {"turn_deg": 8}, {"yaw": 0.2}, {"light": 0.4, "noise": 4}, {"plate_px": 70}],
    ids=["straight", "turned", "from the side", "dark", "small"],
)
def test_nine_of_ten_drawn_plates_are_read(reader: PlateReader, seen: dict[str, float]) -> None:
    rng = np.random.default_rng(5)
    drawn = [some_plate(rng) for _ in range(10)]
    right = sum(
        read(reader, vehicle(text, colour, seed=number, **seen)) == text  # type: ignore[arg-type]
        for number, (text, colour) in enumerate(drawn)
    )
    assert right >= 9


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("鲁A12345", "blue"), ("鲁B7Z88K", "yellow"), ("鲁AD12345", "green"),
        ("粤B12345D", "yellow_green"), ("京A0023警", "white"), ("粤ZA123港", "black"),
    ],
)  # fmt: skip
def test_the_background_is_told(reader: PlateReader, text: str, colour: str) -> None:
    found = reader.read(vehicle(text, colour))  # type: ignore[arg-type]
    assert (found[0].fit.plate.text, found[0].colour) == (text, colour)


def test_each_character_has_its_own_confidence(reader: PlateReader) -> None:
    found = reader.read(vehicle("鲁A12345"))[0]
    assert len(found.fit.confidences) == 7
    assert all(0 < each <= 1 for each in found.fit.confidences)
    assert found.height_px == pytest.approx(31, abs=14)


def test_a_plate_that_was_cut_out_before_is_read_too(reader: PlateReader) -> None:
    small = cv2.resize(plate("鲁A12345"), (160, 51), interpolation=cv2.INTER_AREA)
    assert read(reader, small) == "鲁A12345"


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 400, 3), (400, 7, 3), (64, 64, 3), (300, 500, 3)])
def test_pictures_without_a_plate_have_none(reader: PlateReader, shape: tuple[int, ...]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert reader.read(noise) == []
    assert reader.read(np.zeros(shape, np.uint8)) == []


def test_other_words_on_a_vehicle_are_no_plate(reader: PlateReader) -> None:
    picture = np.full((240, 320, 3), 200, np.uint8)
    cv2.putText(picture, "EXPRESS 24 H", (40, 120), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    assert reader.read(picture) == []


@pytest.mark.parametrize(
    "picture", [np.zeros((60, 60), np.uint8), np.zeros((60, 60, 3), np.uint16)]
)
def test_a_picture_of_another_kind_is_refused(reader: PlateReader, picture: np.ndarray) -> None:
    with pytest.raises(ImageError):
        reader.read(picture)


def test_without_the_extra_the_cure_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "PACKAGE", "no_such_package_of_ours")
    with pytest.raises(ModelError) as caught:
        PlateReader.open()
    assert caught.value.cure == "install it: pip install 'patrol-edge[plates]'"


def test_many_poor_pictures_together_say_what_one_does_not(reader: PlateReader) -> None:
    rng = np.random.default_rng(3)
    alone = together = 0
    for number in range(8):
        text, colour = some_plate(rng)
        ballot = Ballot()
        for look in range(6):
            picture = vehicle(
                text, colour, plate_px=66 + 3 * look, blur=0.8, noise=9, seed=100 * number + look
            )
            for reading in reader.read(picture)[:1]:
                alone += reading.fit.plate.text == text
                ballot.add(Shot(reading, reading_quality(reading, picture), float(look)))
        verdict = ballot.verdict()
        together += verdict is not None and verdict.fit.plate.text == text
    assert together / 8 >= alone / 48
    assert together >= 6


def test_a_sharp_picture_outvotes_two_blurred_ones(reader: PlateReader) -> None:
    right = reader.read(vehicle("鲁A12345"))[0]
    wrong = reader.read(vehicle("鲁A12346"))[0]
    ballot = Ballot()
    for quality, reading in ((0.05, wrong), (0.05, wrong), (0.9, right)):
        ballot.add(Shot(reading, quality, 0.0))
    verdict = ballot.verdict()
    assert verdict is not None
    assert verdict.fit.plate.text == "鲁A12345"
    assert verdict.best.quality == 0.9


def test_a_ballot_is_bounded_and_keeps_the_best(reader: PlateReader) -> None:
    reading = reader.read(vehicle("鲁A12345"))[0]
    ballot = Ballot()
    for number in range(100):
        ballot.add(Shot(replace(reading), number / 100, float(number)))
    assert len(ballot.shots) == 12
    assert min(shot.quality for shot in ballot.shots) >= 0.88
    assert ballot.taken == 100


def test_a_sharp_near_picture_promises_more() -> None:
    near = picture_quality(vehicle("鲁A12345", width_px=320))
    far = picture_quality(vehicle("鲁A12345", width_px=120, plate_px=40))
    blurred = picture_quality(vehicle("鲁A12345", blur=3.0))
    assert near > far > 0
    assert near > blurred
    assert picture_quality(np.zeros((3, 3, 3), np.uint8)) == 0.0


def test_a_plate_is_told_once_a_minute() -> None:
    memory = Memory(60.0)
    assert memory.is_new("鲁A12345", 0.0)
    assert not memory.is_new("鲁A12345", 59.9)
    assert memory.is_new("鲁B12345", 59.9)
    assert memory.is_new("鲁A12345", 60.0)
