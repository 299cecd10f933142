"""What a value without quotes means: a small, unsurprising part of YAML 1.2.

YAML 1.1, which PyYAML resolves by default, reads `no` as false, `22:22` as 1342, `010` as 8 and
`2026-11-22` as a date. Here only these are not text: null, true/false, decimal numbers
(YAML 1.2.2, section 10.3.2, without octal, hexadecimal, infinity and not-a-number).
"""

import math
import re

from config.nodes import ScalarValue

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLS = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
MAX_DIGITS = 30  # far more than any setting; int() of thousands of digits is slow or refused


# Line breaks, control characters, and halves of characters (from "\\ud800" in quotes, or from
# environment variables that are not UTF-8): no setting has a use for them, many would break.
UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class NotFiniteError(ValueError):
    """A number that is none, or that is too large to count with."""


def resolve(raw: str) -> ScalarValue:
    """The value of an unquoted text. Raises NotFiniteError for infinity and not-a-number."""
    if raw in NULLS:
        return None
    if raw in BOOLS:
        return BOOLS[raw]
    if NOT_FINITE.fullmatch(raw):
        raise NotFiniteError(raw)
    if WHOLE.fullmatch(raw):
        if len(raw) > MAX_DIGITS:
            raise NotFiniteError(raw)
        return int(raw)
    if DECIMAL.fullmatch(raw):
        number = float(raw)
        if not math.isfinite(number):
            raise NotFiniteError(raw)
        return number
    return raw
