"""Packed fields: fixed sizes, little-endian, texts behind their length."""

import struct

TEXT_BYTES = 32


class BadPayloadError(ValueError):
    """The frame was whole, and what is in it is no such message."""


class Unpacker:
    """Takes fields off a payload, in order."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    def take(self, form: struct.Struct) -> tuple[int, ...]:
        """Integers. Raises BadPayloadError where the payload ends before."""
        try:
            values = form.unpack_from(self._payload, self._at)
        except struct.error as error:
            raise BadPayloadError("it ends too early") from error
        self._at += form.size
        return values

    def text(self) -> str:
        """ASCII behind its length; what is none is replaced. Raises BadPayloadError."""
        (length,) = self.take(_LENGTH)
        end = self._at + length
        if length > TEXT_BYTES or end > len(self._payload):
            raise BadPayloadError("a text is longer than allowed")
        data, self._at = self._payload[self._at : end], end
        return data.decode("ascii", "replace")

    def at_end(self) -> None:
        """Raises BadPayloadError where something is left."""
        if self._at != len(self._payload):
            raise BadPayloadError("it is too long")


_LENGTH = struct.Struct("<B")


def packed_text(text: str) -> bytes:
    """At most TEXT_BYTES of it, with `?` for what is no ASCII."""
    data = text.encode("ascii", "replace")[:TEXT_BYTES]
    return bytes((len(data),)) + data
