"""A text in pieces: nothing is lost, and none is too long."""

from hypothesis import given
from hypothesis import strategies as st

from edge.acting.pieces import LONGEST_PIECE, pieces, shortest_s


@given(st.text(max_size=1000))
def test_together_they_are_the_text(text: str) -> None:
    found = pieces(text)

    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(piece) <= LONGEST_PIECE for piece in found)


def test_sentences_stay_whole_and_short_ones_go_together() -> None:
    first, second = "Please step back from the gate. ", "The street is closed until eight o'clock."
    assert pieces(first + second) == (first + second,)
    assert pieces(first * 2 + second) == ((first * 2).strip(), second)
    chinese = "\u8bf7\u52ff\u9760\u8fd1\u3002" * 20
    assert all(piece.endswith("\u3002") for piece in pieces(chinese))


def test_what_a_text_takes_at_least() -> None:
    assert shortest_s("\u8bf7" * 80) == 10.0
    assert shortest_s("x" * 300) == 10.0
