"""Plate texts: what is one, what becomes one, what never does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.plates.formats import (
    ALPHABET,
    FORMATS,
    LOOK_ALIKE,
    Plate,
    colour_fits,
    fit,
    normalised,
    parse,
)

texts = st.sampled_from(FORMATS).flatmap(
    lambda known: st.tuples(*(st.sampled_from(slot) for slot in known.slots)).map("".join)
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("鲁A12345", "ordinary"),
        ("京AD12345", "electric_small"),
        ("京AFZ1234", "electric_small"),
        ("粤B12345D", "electric_large"),
        ("沪C1234警", "police"),
        ("苏E12Z4学", "learner"),
        ("冀B1234挂", "trailer"),
        ("粤ZA123港", "border"),
        ("粤ZA123澳", "border"),
        ("使123456", "embassy"),
        ("123456使", "embassy"),
        ("沪A0023领", "consulate"),
        ("京X0001应急", "emergency"),
        ("WJ京12345", "armed_police"),
        ("WJ1234T", "armed_police"),
        ("VA12345", "military"),
    ],
)
def test_each_kind_is_known(text: str, kind: str) -> None:
    assert parse(text) == Plate(text, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "鲁",
        "鲁A1234",
        "鲁A1234567",
        "A鲁12345",
        "鲁112345",
        "京A,12345",
        "京A[12345",
        "ABCDEFG",
    ],
)
def test_what_is_no_plate_is_none(text: str) -> None:
    assert parse(text) is None


def test_the_comma_of_a_well_known_wrong_expression_is_in_no_plate() -> None:
    """`[D,F]` in public regular expressions also takes a comma."""
    assert not any("," in slot for known in FORMATS for slot in known.slots)


@pytest.mark.parametrize(
    "written",
    ["鲁A·12345", "鲁\uff21\uff11\uff12\uff13\uff14\uff15", " 鲁a 12345 ", "鲁A•1234\uff15"],
)
def test_separators_spaces_and_full_width_mean_the_same(written: str) -> None:
    found = parse(written)
    assert found is not None
    assert found.text == "鲁A12345"


def test_o_and_i_become_digits_where_a_digit_may_stand_and_nowhere_else() -> None:
    found = parse("鲁AO2I45")
    assert found is not None
    assert found.text == "鲁A02145"
    assert parse("鲁O12345") is None, "no city has O, and no digit stands there"
    assert parse("鲁I12345") is None


@given(texts)
def test_every_text_of_a_format_is_that_plate(text: str) -> None:
    found = parse(text)
    assert found is not None
    assert found.text == text


@given(texts)
def test_a_look_alike_is_undone(text: str) -> None:
    seen = {meant: alike for alike, meant in LOOK_ALIKE.items()}
    assert parse("".join(seen.get(c, c) for c in text)) == parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_plate_of_the_alphabet_or_none(text: str) -> None:
    found = parse(text)
    if found is not None:
        assert set(found.text) <= set(ALPHABET)
        assert parse(found.text) == found
        assert len(found.text) == len(normalised(text))


@given(texts, st.floats(0.55, 1.0))
def test_what_a_model_is_sure_of_is_fitted_as_it_is(text: str, sure: float) -> None:
    opinions = np.full((len(text), len(ALPHABET)), (1 - sure) / len(ALPHABET), np.float32)
    for row, character in zip(opinions, text, strict=True):
        row[ALPHABET.index(character)] = sure
    found = fit(opinions)
    assert found is not None
    assert found.plate.text == text
    assert found.confidence == pytest.approx(sure ** len(text), rel=1e-4)


@given(st.integers(0, 12))
def test_noise_of_another_length_fits_nothing(count: int) -> None:
    opinions = np.full((count, len(ALPHABET)), 1 / len(ALPHABET), np.float32)
    assert (fit(opinions) is None) == (count not in (7, 8))


def test_a_green_plate_has_eight_characters_and_no_other_has() -> None:
    small, plain = parse("京AD12345"), parse("鲁A12345")
    assert small is not None
    assert plain is not None
    assert colour_fits(small, "green")
    assert not colour_fits(small, "blue")
    assert not colour_fits(plain, "green")
    assert colour_fits(plain, "yellow")
    assert colour_fits(plain, None)
