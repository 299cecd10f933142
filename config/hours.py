"""Hours of the day and days of the week, as rules are told of them."""

import re
from typing import Annotated

from pydantic import AfterValidator

from config.language import tell

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(
    r"(?:(?P<days>[a-z]{3}(?:[,-][a-z]{3})*) )?"
    r"(?P<from>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<to>(?:[01]\d|2[0-3]):[0-5]\d|24:00)"
)


def hours(words: str) -> str:
    """`22:00-06:00`, `mon-fri 07:30-18:00`, `sat,sun 00:00-24:00`; raises ValueError."""
    read_hours(words)
    return words


def read_hours(words: str) -> tuple[frozenset[int], int, int]:
    """Days (0 is Monday), and minutes of the day from and to. Raises ValueError with the cure."""
    found = _HOURS.fullmatch(words.strip().lower())
    if found is None:
        raise ValueError(tell("write hours as 22:00-06:00, or with days as mon-fri 07:30-18:00"))
    begin, end = (int(found[part][:2]) * 60 + int(found[part][3:]) for part in ("from", "to"))
    if begin == end:
        raise ValueError(tell("these hours are empty; for the whole day write 00:00-24:00"))
    return _days(found["days"]), begin, end


def _days(words: str | None) -> frozenset[int]:
    if words is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in words.split(","):
        first, _, last = part.partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise ValueError(
                    tell("{name} is no day; days are {days}", name=name, days=", ".join(DAYS))
                )
        a, b = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(a, b + 1 if b >= a else b + 8)}
    return frozenset(found)


Hours = Annotated[str, AfterValidator(hours)]
