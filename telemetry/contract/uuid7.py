"""UUID version 7, RFC 9562 section 5.7: sorts by its time, unique by its random bits."""

import hashlib
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
    return _written(unix_ms, draw(74))


def follows_from(other: str, what: str) -> str:
    """The id of what comes of something else that has a UUIDv7, always the same; with its time."""
    digest = hashlib.sha256(f"{other} {what}".encode()).digest()
    return _written(int(other.replace("-", "")[:12], 16), int.from_bytes(digest) >> 182)


def _written(unix_ms: int, random: int) -> str:
    value = unix_ms << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
