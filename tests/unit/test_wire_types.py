"""The border where words of others become fields of a message."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from telemetry.contract.wire_types import Short, Text, short, text

anything = st.text(st.characters(codec=None), max_size=700)  # with lone surrogates, as in paths


@given(anything)
def test_whatever_others_say_fits_the_wire(words: str) -> None:
    assert TypeAdapter(Short).dump_json(TypeAdapter(Short).validate_python(short(words)))
    assert TypeAdapter(Text).dump_json(TypeAdapter(Text).validate_python(text(words)))


def test_what_is_kept_of_it() -> None:
    assert short("  front camera \n") == "front camera"
    assert short(" \n") == "-"
    assert len(short("x" * 81)) == 80
    assert text("x" * 500) == "x" * 500
    assert text("a\nb\udcff") == "a b?"
