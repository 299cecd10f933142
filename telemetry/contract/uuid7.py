"""UUID version 7, RFC 9562 section 5.7: sorts by its time, unique by its random bits."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def uuid7(utc: datetime, draw: Callable[[int], int] = secrets.randbits) -> str:
    """A new id: 48 bits of Unix milliseconds, 74 random bits that `draw` gives.

    A clock before 1970 counts as 1970.
    """
    unix_ms = max(0, (utc - _EPOCH) // _MS) & 0xFFFF_FFFF_FFFF
    random = draw(74)
    value = unix_ms << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
