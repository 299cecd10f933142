"""A board's settings: what the unit file writes, as the bytes that the board keeps.

SMP carries bytes and no types. Here a whole number is 4 bytes little-endian, signed; another number
an IEEE 754 single, little-endian; true and false one byte; a text UTF-8 without an end mark.
"""

import struct
from typing import Literal, TypeAlias

Value: TypeAlias = bool | int | float | str
Type = Literal["bool", "int", "float", "text", "hex"]


class SettingValueError(ValueError):
    """This is no value of that type; the text says why."""


def type_of(value: Value) -> Type:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
    return "text"


def encode(value: Value) -> bytes:
    """Raises SettingValueError."""
    try:
        match value:
            case bool():
                return b"\1" if value else b"\0"
            case int():
                return struct.pack("<i", value)
            case float():
                return struct.pack("<f", value)
    except (struct.error, OverflowError) as error:
        raise SettingValueError(f"{value} does not fit into 4 bytes") from error
    return value.encode()


def decode(raw: bytes, kind: Type) -> Value:
    """Raises SettingValueError if these bytes are none of that type."""
    try:
        match kind:
            case "bool":
                if raw not in (b"\0", b"\1"):
                    raise SettingValueError(f"{raw.hex()} is neither 00 nor 01")
                return raw == b"\1"
            case "int":
                return int(struct.unpack("<i", raw)[0])
            case "float":
                return float(struct.unpack("<f", raw)[0])
            case "text":
                return raw.decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise SettingValueError(f"{raw.hex()} is no {kind}") from error
    return raw.hex()


def parse(text: str, kind: Type) -> bytes:
    """What somebody typed. Raises SettingValueError."""
    try:
        match kind:
            case "bool":
                return encode({"true": True, "false": False}[text.lower()])
            case "int":
                return encode(int(text, 0))
            case "float":
                return encode(float(text))
            case "hex":
                return bytes.fromhex(text)
    except (ValueError, KeyError) as error:
        if isinstance(error, SettingValueError):
            raise
        raise SettingValueError(f"{text} is no {kind}") from error
    return text.encode()
