"""How values, types and near misses are put into words."""

import difflib
import re
from collections.abc import Iterable

MAX_SHOWN = 60
MAX_LOOKED_AT = 1000  # of a text that may be as large as the file
# Up to the last @: a password may hold any character, also / and @.
CREDENTIALS = re.compile(r"^([A-Za-z0-9+.-]*://).*@|^\S*:\S*@", re.DOTALL)
SECRET_PARAMETER = re.compile(
    r"(?i)\b(password|passwd|passwort|pwd|pass|token|secret|auth|key)=[^&\s]*"
)


def masked(text: str) -> str:
    """The text without what may be a password in a URL."""
    return SECRET_PARAMETER.sub(r"\1=***", CREDENTIALS.sub(r"\1***@", text))


def shown(value: object) -> str:
    """A value as it may stand in a message: one line, not long, no password."""
    return f"'{one_line(masked(str(value)[:MAX_LOOKED_AT]), MAX_SHOWN)}'"


def one_line(text: str, length: int) -> str:
    """The text without line breaks and invisible characters, cut to this length."""
    text = "".join(char if char.isprintable() else "?" for char in text[: length + 1])
    return text if len(text) <= length else text[: length - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, None if none is near."""
    by_folded = {_folded(candidate): candidate for candidate in known}
    found = difflib.get_close_matches(_folded(word), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _folded(word: str) -> str:
    return word.lower().replace("-", "_").replace(" ", "_")[:MAX_SHOWN]


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def figure(number: float) -> str:
    """A number as a person writes it: 5, 0.2, 22.2."""
    return str(int(number)) if float(number).is_integer() else f"{number:.6g}"


def in_days(days: int) -> str:
    """`today`, `in 1 day`, `in 9 days`: when it is so many whole days ahead."""
    return "today" if days < 1 else f"in {counted(days, 'day')}"
