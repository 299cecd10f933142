"""Putting told words together, so that the whole can still be said in another language."""

from collections.abc import Sequence
from functools import reduce

from config.language import tell


def listed(words: Sequence[str]) -> str:
    """One after the other; empty where there are none."""
    return reduce(_and, words) if words else ""


def _and(one: str, other: str) -> str:
    return tell("{one}, {other}", one=one, other=other)


def of_running_unit(text: str) -> str:
    """The same, and who said so."""
    return tell("{told}; asked the running unit", told=text)
