"""Colours by their names, parts of bodies, and how like a description somebody is."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.errors import ImageError
from perception.search.body import part_colours, parts_seen
from perception.search.colours import EXAMPLES, KIN, NAMES, counts_for, light_of, named
from perception.search.likeness import Description, Evidence, Likeness, matches
from telemetry.contract.search import Attribute, ColourName
from tests.person_pictures import CLOTHES, person, real_parts
from tests.shared_data import shared

PLAIN = np.ones(3, np.float32)
PERSON = frozenset({"person"})


def test_the_names_are_those_of_the_contract() -> None:
    assert set(NAMES) == set(get_args(ColourName)) == set(KIN) == set(EXAMPLES)
    assert len(NAMES) == 11


def test_all_that_is_judged_is_an_attribute_of_the_contract() -> None:
    """And none of them is of a face, or of who somebody is."""
    allowed = set(get_args(Attribute))
    assert allowed == {"upper", "lower", "height", "vehicle", "colour"}
    everything = Description(
        labels=PERSON, upper=frozenset({"red"}), lower=frozenset({"red"}),
        colour=frozenset({"red"}), height_m=(1, 2), types=frozenset({"car"}),
    )  # fmt: skip
    assert set(everything.attributes()) == allowed


@pytest.mark.parametrize("name", NAMES)
def test_each_example_has_its_name(name: str) -> None:
    for value in EXAMPLES[name]:
        pixel = np.array([[value & 255, value >> 8 & 255, value >> 16]], np.uint8)
        assert NAMES[int(named(pixel, PLAIN)[0].argmax())] == name, hex(value)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_memberships_are_shares(pixel: tuple[int, int, int]) -> None:
    shares = named(np.array([pixel], np.uint8), PLAIN)[0]
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert (shares >= 0).all()


@given(st.frozensets(st.sampled_from(NAMES), min_size=1))
def test_a_wanted_name_counts_whole_and_its_kin_less(wanted: frozenset[str]) -> None:
    counts = dict(zip(NAMES, counts_for(wanted), strict=True))
    assert all(counts[name] == 1 for name in wanted)
    assert all(0 <= counts[name] <= 0.5 for name in NAMES if name not in wanted)


@pytest.mark.parametrize("upper", NAMES)
def test_drawn_clothes_are_named_in_daylight_dusk_and_lamplight(upper: str) -> None:
    lower = NAMES[(NAMES.index(upper) + 5) % 11]
    for light, tint in ((1.0, (1, 1, 1)), (0.55, (1, 1, 1)), (0.9, (0.86, 1.0, 1.08))):
        picture, box = person(upper, lower, light=light, tint=tint)
        gains = light_of(picture)
        for part, wanted in (("upper", upper), ("lower", lower)):
            shares = part_colours(picture, box, part, gains)
            assert shares is not None
            kin = {wanted} | {n for n, of in KIN.items() if wanted in of} | KIN[wanted].keys()
            assert NAMES[int(shares.argmax())] in (kin if light < 1 else {wanted}), (light, part)


def test_real_clothes_are_told_from_others() -> None:
    """35 parts of 19 persons; they also set MIDDLE and STEEP, so this is no test of new data."""
    right, wrong, top = [], [], 0
    for picture, box, part, wanted in real_parts(shared("data/coco")):
        shares = part_colours(picture, box, part, light_of(picture))
        assert shares is not None
        right.append(matches(shares, wanted))
        wrong += [matches(shares, frozenset({n})) for n in NAMES if n not in wanted]
        top += NAMES[int(shares.argmax())] in wanted
    rank = np.mean([(np.array(wrong) < each).mean() for each in right])
    assert len(right) == 35
    assert top >= 28
    assert rank >= 0.95
    assert np.median(right) > 0.9
    assert np.percentile(wrong, 85) < 0.5


@pytest.mark.parametrize(
    ("box", "parts"),
    [
        ((100, 40, 160, 200), ("upper", "lower")),
        ((100, 40, 160, 239), ("upper",)),  # its feet are outside the picture
        ((100, 0, 160, 200), ()),  # its head is
        ((100, 40, 220, 200), ()),  # it does not stand
    ],
)
def test_only_parts_whose_place_is_known_are_looked_at(
    box: tuple[float, ...], parts: tuple[str, ...]
) -> None:
    assert parts_seen("person", box, (320, 240)) == parts  # type: ignore[arg-type]
    assert parts_seen("car", box, (320, 240)) == ("colour",)  # type: ignore[arg-type]


@given(st.tuples(*[st.floats(-1e6, 1e6)] * 4))
@settings(max_examples=60)
def test_any_box_has_colours_or_none(box: tuple[float, float, float, float]) -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    for part in ("upper", "lower", "colour"):
        shares = part_colours(picture, box, part, PLAIN)
        assert shares is None or shares.sum() == pytest.approx(1, abs=1e-4)


def test_boxes_that_are_not_numbers_have_no_colours() -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    assert part_colours(picture, (float("nan"), 0, 9, 9), "upper", PLAIN) is None


@pytest.mark.parametrize("picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.uint16)])
def test_light_of_another_kind_of_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ImageError):
        light_of(picture)


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_pictures_have_a_light(value: int) -> None:
    gains = light_of(np.full((40, 40, 3), value, np.uint8))
    assert np.isfinite(gains).all()


# --- over a track ---


def judged(
    wanted: Description, upper: str, lower: str, looks: int = 6, **picture: object
) -> Likeness | None:
    evidence = Evidence()
    for number in range(looks):
        image, box = person(upper, lower, seed=number, **picture)  # type: ignore[arg-type]
        evidence.add(wanted, image, "person", box, light_of(image), number * 0.5)
    return evidence.likeness(wanted, "person")


RED_ON_BLACK = Description(labels=PERSON, upper=frozenset({"red"}), lower=frozenset({"black"}))


def test_who_is_meant_scores_high_and_others_low() -> None:
    meant = judged(RED_ON_BLACK, "red", "black")
    assert meant is not None
    assert meant.score > 0.9
    assert meant.matched == ("upper", "lower")
    assert meant.looks == 6
    for upper, lower in (("blue", "black"), ("red", "white"), ("green", "yellow")):
        other = judged(RED_ON_BLACK, upper, lower)
        assert other is not None
        assert other.score < 0.1
        assert other.unmatched


def test_more_looks_over_a_longer_time_make_it_surer() -> None:
    one, many = judged(RED_ON_BLACK, "red", "black", 1), judged(RED_ON_BLACK, "red", "black", 40)
    assert one is not None
    assert many is not None
    assert one.error > 2 * many.error > 0


def test_what_could_not_be_seen_is_unknown_and_no_guess() -> None:
    wanted = Description(
        labels=PERSON, upper=frozenset({"red"}), lower=frozenset({"black"}), height_m=(1.0, 1.4)
    )
    like = judged(wanted, "red", "black", height_px=199)  # its feet are outside the picture
    assert like is not None
    assert like.matched == ("upper",)
    assert like.unknown == ("lower", "height")
    seated = judged(wanted, "red", "black", looks=0)
    assert seated is None


def test_height_counts_where_it_is_known() -> None:
    wanted = Description(labels=PERSON, height_m=(1.0, 1.4))
    for height_m, low, high in ((1.2, 0.95, 1.0), (1.75, 0.0, 0.05), (1.4, 0.4, 0.6)):
        evidence = Evidence(looks=3, heights_m=[(height_m, 0.08)] * 3)
        like = evidence.likeness(wanted, "person")
        assert like is not None
        assert low <= like.score <= high


def test_vehicles_by_kind_and_colour() -> None:
    wanted = Description(
        labels=frozenset({"car", "truck"}), colour=frozenset({"red"}), types=frozenset({"truck"})
    )
    picture = np.full((200, 300, 3), (40, 32, 196), np.uint8)
    for label, matched in (("truck", {"colour", "vehicle"}), ("car", {"colour"})):
        evidence = Evidence()
        evidence.add(wanted, picture, label, (20, 20, 280, 180), PLAIN, 0.0)
        like = evidence.likeness(wanted, label)
        assert like is not None
        assert set(like.matched) == matched
        assert (like.score > 0.9) == (label == "truck")
    assert "red" in CLOTHES
