"""How values, types and near misses are put into words."""

import difflib
import functools
import re
from collections.abc import Iterable

from config.language import pattern, tell

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
    """The text without line breaks and invisible characters, cut to this length. A text that needs
    neither is the same one, with the pattern that it was made from."""
    line = "".join(char if char.isprintable() else "?" for char in text[: length + 1])
    if len(line) > length:
        return line[: length - 1] + "…"
    return text if line == text else line


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
    if not first:
        return end
    if last == "or":
        return tell("{first} or {last}", first=enumerated(first), last=end)
    return tell("{first} and {last}", first=enumerated(first), last=end)


def enumerated(words: Iterable[str]) -> str:
    """`a, b, c`."""
    return functools.reduce(lambda told, word: tell("{told}, {word}", told=told, word=word), words)


def alternatives(words: Iterable[str]) -> str:
    """`a text, or null`: of what holds commas itself."""
    return functools.reduce(
        lambda told, word: tell("{told}, or {word}", told=told, word=word), words
    )


COUNTED = {
    "error": (pattern("{number} error"), pattern("{number} errors")),
    "warning": (pattern("{number} warning"), pattern("{number} warnings")),
    "receiver": (pattern("{number} receiver"), pattern("{number} receivers")),
    "camera": (pattern("{number} camera"), pattern("{number} cameras")),
    "microphone": (pattern("{number} microphone"), pattern("{number} microphones")),
    "rule": (pattern("{number} rule"), pattern("{number} rules")),
    "day": (pattern("{number} day"), pattern("{number} days")),
    "key": (pattern("{number} key"), pattern("{number} keys")),
}


def counted(number: int, thing: str) -> str:
    """`1 error`, `2 errors`."""
    one, many = COUNTED.get(thing, (f"{{number}} {thing}", f"{{number}} {thing}s"))
    return tell(one if number == 1 else many, number=number)


def figure(number: float) -> str:
    """A number as a person writes it: 5, 0.2, 22.2."""
    return str(int(number)) if float(number).is_integer() else f"{number:.6g}"


def in_days(days: int) -> str:
    """`today`, `in 1 day`, `in 9 days`: when it is so many whole days ahead."""
    return tell("today") if days < 1 else tell("in {days}", days=counted(days, "day"))
