"""A text in pieces that are spoken one after the other: the first sounds sooner, and whatever is
not spoken yet can be left out."""

import re
import unicodedata
from collections.abc import Iterator

LONGEST_PIECE = 80  # characters
# As fast as anybody speaks: a text that takes longer even so is refused before it is begun.
IDEOGRAPHS_PER_S = 8.0
LETTERS_PER_S = 30.0
_ENDS = re.compile("(?<=[\u3002\uff01\uff1f\uff1b.!?;\n])")  # the wide ones of Chinese, too
_PAUSES = re.compile("(?<=[\uff0c\u3001\uff1a,:\\s])")


def pieces(text: str) -> tuple[str, ...]:
    """Sentences, and parts of those that are too long. Together they are the text (but spaces)."""
    return tuple(piece.strip() for piece in _joined(_cut(text)) if piece.strip())


def shortest_s(text: str) -> float:
    """What it takes at least to say this."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return wide / IDEOGRAPHS_PER_S + (len(text) - wide) / LETTERS_PER_S


def _cut(text: str) -> Iterator[str]:
    for sentence in _ENDS.split(text):
        if len(sentence) <= LONGEST_PIECE:
            yield sentence
            continue
        for part in _joined(iter(_PAUSES.split(sentence))):
            yield from (part[at : at + LONGEST_PIECE] for at in range(0, len(part), LONGEST_PIECE))


def _joined(parts: Iterator[str]) -> Iterator[str]:
    """Short ones together, as long as they are no longer than one may be."""
    held = ""
    for part in parts:
        if held and len(held) + len(part) > LONGEST_PIECE:
            yield held
            held = ""
        held += part
    if held:
        yield held
