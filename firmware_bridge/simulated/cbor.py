"""As much CBOR (RFC 8949) as SMP needs: maps, lists, texts, bytes, whole numbers, booleans, null.

The board's side of the line is written apart from the host's, which uses a library: what both
understand alike is the protocol, not a shared mistake.
"""

from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 8
_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE = {20: False, 21: True, 22: None}


class BadCborError(ValueError):
    """These bytes are no CBOR, or more of it than is taken here."""


def dumps(value: Any) -> bytes:
    """Of bool, None, int, str, bytes, list, tuple, dict and what they hold. Raises BadCborError."""
    match value:
        case None | bool():
            return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list() | tuple():
            return _head(4, len(value)) + b"".join(dumps(each) for each in value)
        case dict():
            members = b"".join(dumps(part) for pair in value.items() for part in pair)
            return _head(5, len(value)) + members
    raise BadCborError(f"{type(value).__name__} has no place in a reply")


def loads(data: bytes) -> Any:
    """The one value in these bytes. Raises BadCborError."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise BadCborError(f"{len(data) - end} bytes follow the value")
    return value


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for code, size in _SIZES.items():
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + number.to_bytes(size, "big")
    raise BadCborError("a number of more than 64 bits")


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends."""
    if depth > MAX_DEPTH:
        raise BadCborError("nested too deep")
    major, number, at = _opened(data, at)
    match major:
        case 0:
            return number, at
        case 1:
            return -1 - number, at
        case 2 | 3:
            return _string(data, at, number, as_text=major == 3)
        case 4 | 5:
            return _container(data, at, number, depth, as_map=major == 5)
        case 7 if number in _SIMPLE:
            return _SIMPLE[number], at
    raise BadCborError(f"type {major} is not taken here")


def _opened(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument, and where the content begins."""
    if at >= len(data):
        raise BadCborError("ends early")
    major, number = data[at] >> 5, data[at] & 31
    at += 1
    if number < 24:
        return major, number, at
    size = _SIZES.get(number)
    if size is None or at + size > len(data) or major == 7:
        raise BadCborError("a length that is not taken here")
    return major, int.from_bytes(data[at : at + size], "big"), at + size


def _string(data: bytes, at: int, size: int, *, as_text: bool) -> tuple[str | bytes, int]:
    if at + size > len(data):
        raise BadCborError("a string ends early")
    raw = data[at : at + size]
    try:
        return (raw.decode() if as_text else raw), at + size
    except UnicodeDecodeError as error:
        raise BadCborError("a text that is no UTF-8") from error


def _container(data: bytes, at: int, count: int, depth: int, *, as_map: bool) -> tuple[Any, int]:
    if count > len(data) - at:  # each member takes a byte or more
        raise BadCborError("more members than there are bytes")
    values = []
    for _ in range(count * 2 if as_map else count):
        value, at = _value(data, at, depth + 1)
        values.append(value)
    return (_mapped(values) if as_map else values), at


def _mapped(values: list[Any]) -> dict[str, Any]:
    keys: Iterable[Any] = values[::2]
    if not all(isinstance(key, str) for key in keys):
        raise BadCborError("a key that is no text")
    return dict(zip(values[::2], values[1::2], strict=True))
