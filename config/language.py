"""What a technician reads, in English and in the language of the computer.

A text is English wherever it is made, stored, logged or sent, so that hubs and logs have one
language. It remembers the pattern it was made from and what was put in, so that whoever shows it to
a person can say it in that person's language, from the gettext catalogue of that pattern:

    told = tell("{count} of {wanted} satellites", count=3, wanted=5)   # a str, in English
    localized(told)                                                    # 找到 5 颗卫星中的 3 颗
"""

import gettext
import itertools
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any, LiteralString, Self

DOMAIN = "patrol-edge"
MOST_TOLD = 64 * 1024  # characters of such a text
_WIDE = re.compile(r"\d{4}")
MOST_NESTED = 20  # texts within texts that are taken from elsewhere
MOST_PACKED = 4  # and that are sent: two levels of JSON each, of the 16 that a reader takes
SPLITS = ("; ", "\uff1b")  # between what is wrong and what to do about it
ENGLISH = re.compile(r"(en|C|POSIX)(?![A-Za-z])")
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in gettext's order


class Told(str):
    """An English text that can be said in another language.

    What is derived from it (a slice, a join, a replacement) is a plain str, which stays English:
    make one pattern of the whole sentence instead.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, pattern: str, values: Mapping[str, Any]) -> Self:
        """Raises KeyError for a value that is missing.

        An error is put in by what it says: it would keep all alive that it came through.
        """
        values = {
            name: said(value) if isinstance(value, BaseException) else value
            for name, value in values.items()
        }
        told = cls(pattern.format(**values))
        told.pattern, told.values = pattern, values
        return told


def tell(pattern: LiteralString, /, **values: Any) -> Told:
    """The pattern with these values, as `str.format` puts them in. `{{` is a brace.

    The pattern must be written out here: the catalogues are made from what stands in the source.
    """
    return Told.of(pattern, values)


def pattern(text: LiteralString) -> LiteralString:
    """Marks a pattern that is told later, from a table: `tell(TABLE[key], x=x)`."""
    return text


def said(error: BaseException) -> str:
    """What an error says, as it was told; `str(error)` would be in English for good."""
    text = str(error)
    first = error.args[0] if error.args else None
    return first if isinstance(first, str) and first == text else text


def localized(text: str) -> str:
    """The text in the language of this computer; as it is where there is no translation."""
    if isinstance(text, Half):
        return _halves(localized(text.whole))[text.which]
    if not isinstance(text, Told):
        return text
    values = {
        name: localized(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    try:
        return _catalogue(_languages()).gettext(text.pattern).format(**values)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        return str(text)  # the catalogue is wrong; a test says where


class Half(str):
    """What is wrong, or what to do about it, of a text that says both: `{problem}; {cure}`."""

    __slots__ = ("which", "whole")

    whole: str
    which: int

    @classmethod
    def of(cls, whole: str, which: int) -> Self:
        half = cls(_halves(whole)[which])
        half.whole, half.which = whole, which
        return half


def halves(text: str) -> tuple[str, str]:
    """The problem and its cure, of `{problem}; {cure}`; no cure is an empty text."""
    return Half.of(text, 0), Half.of(text, 1)


def _halves(text: str) -> tuple[str, str]:
    first = min((at for mark in SPLITS if (at := text.find(mark)) >= 0), default=None)
    if first is None:
        return text, ""
    mark = next(mark for mark in SPLITS if text.startswith(mark, first))
    return text[:first], text[first + len(mark) :]


def packed(text: str, deep: int = MOST_PACKED) -> dict[str, Any] | None:
    """What JSON can carry of it, beside the English; None for a plain text. What is nested deeper
    than that stays English."""
    if isinstance(text, Half):
        whole = packed(text.whole, deep)
        return None if whole is None else {"half": text.which, "whole": whole}
    if not isinstance(text, Told) or not deep:
        return None
    return {
        "pattern": text.pattern,
        "values": {name: _carried(value, deep - 1) for name, value in text.values.items()},
    }


def _carried(value: Any, deep: int) -> Any:
    if isinstance(value, str):
        return packed(value, deep) or str(value)
    return value if isinstance(value, int | float | bool) else str(value)


def unpacked(text: str, carried: object) -> str:
    """The text as whoever sent it had it. What does not fit it is a plain text again."""
    try:
        told = _unpacked(carried, MOST_NESTED)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        return text
    return told if told == text else text


def _unpacked(carried: object, deep: int) -> "Told | Half":
    """Raises what comes of a form that is not ours."""
    if not isinstance(carried, dict) or not deep:
        raise TypeError
    if "whole" in carried:
        return Half.of(_unpacked(carried["whole"], deep - 1), 1 if carried["half"] == 1 else 0)
    pattern, values = carried["pattern"], carried["values"]
    if not isinstance(pattern, str) or not isinstance(values, dict):
        raise TypeError
    inner = {
        str(name): _unpacked(value, deep - 1) if isinstance(value, dict) else value
        for name, value in values.items()
    }
    _need_small(pattern, inner)
    return Told.of(pattern, inner)


def _need_small(pattern: str, values: Mapping[str, Any]) -> None:
    """Raises ValueError for a pattern that makes much out of little: `{x:>999999999}`."""
    fields = [part for part in Formatter().parse(pattern) if part[1] is not None]
    if any("{" in (spec or "") or _WIDE.search(spec or "") for _, _, spec, _ in fields):
        raise ValueError("a width like that is not ours")
    if len(fields) * max((len(str(value)) for value in values.values()), default=0) > MOST_TOLD:
        raise ValueError("too long")


def _languages() -> tuple[str, ...]:
    """As the environment asks for them, best first; the first variable that is set counts. What
    comes after English is never needed: all is there in English."""
    told = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    wanted = [part for part in told.split(":") if part]
    return tuple(itertools.takewhile(lambda part: not ENGLISH.match(part), wanted))


@cache
def _catalogue(languages: tuple[str, ...]) -> gettext.NullTranslations:
    folder = Path(str(resources.files("config").joinpath("languages")))
    if not languages:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, folder, languages, fallback=True)
