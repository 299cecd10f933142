"""JSON from somebody who may be hostile: one meaning, bounded, or refused.

Duplicate keys, NaN, infinities and deep nesting are where parsers differ (RFC 8259, sections 4, 6
and 9); two readers of a signed text must not see two different commands in it.
"""

import json
import math
from typing import Any

MAX_DEPTH = 16


class BadJsonError(Exception):
    """This is no JSON that we take; the text says why and repeats none of it."""


def loads(data: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The value. The caller has bounded the size. Raises BadJsonError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJsonError("not UTF-8") from error
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except RecursionError as error:
        raise BadJsonError("nested too deeply") from error
    except ValueError as error:  # also of integers with thousands of digits
        raise BadJsonError("not JSON") from error
    _check_depth(value, max_depth)
    return value


def loads_object(data: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """As `loads`, and it is an object."""
    value = loads(data, max_depth)
    if not isinstance(value, dict):
        raise BadJsonError("not a JSON object")
    return value


def canonical(value: Any) -> bytes:
    """The same bytes for the same value: keys sorted, no spaces, ASCII. For hashing and signing."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJsonError("a key stands there twice")
    return found


def _no_constant(_name: str) -> Any:
    raise BadJsonError("NaN and Infinity are no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadJsonError("a number beyond all bounds")
    return value


def _check_depth(value: Any, max_depth: int) -> None:
    level = [value]
    for _ in range(max_depth + 1):
        level = [
            child
            for part in level
            if isinstance(part, dict | list)
            for child in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return
    raise BadJsonError(f"nested more than {max_depth} deep")
