"""What a board is and has: the answers to DESCRIBE.

`unpack` raises BadPayloadError, and passes over what a later firmware may tell more.
"""

import struct
from dataclasses import dataclass
from datetime import date
from typing import Self

from firmware_bridge.runtime.packing import Unpacker, packed_text

_BOARD = struct.Struct("<BBBHBB")
_CHANNEL = struct.Struct("<BBIH")
_INPUT = struct.Struct("<B")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardIdentity:
    model: str
    serial: str
    firmware: str
    hardware: str
    calibrated: date | None
    channels: int
    inputs: int
    temperatures: int

    def pack(self) -> bytes:
        day = self.calibrated
        year, month, date_ = (day.year, day.month, day.day) if day else (0, 0, 0)
        counts = _BOARD.pack(self.channels, self.inputs, self.temperatures, year, month, date_)
        names = (self.model, self.serial, self.firmware, self.hardware)
        return counts + b"".join(map(packed_text, names))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        fields = Unpacker(data)
        channels, inputs, temperatures, *day = fields.take(_BOARD)
        model, serial, firmware, hardware = (fields.text() for _ in range(4))
        try:
            calibrated = date(*day) if any(day) else None
        except ValueError:
            calibrated = None  # a month 13: it is not known when
        return cls(
            model=model,
            serial=serial,
            firmware=firmware,
            hardware=hardware,
            calibrated=calibrated,
            channels=channels,
            inputs=inputs,
            temperatures=temperatures,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    name: str
    kind: int  # a ChannelKind, or one of a later firmware
    flags: int = 0  # ChannelFlag
    max_on_ms: int = 0  # the board's own limit; 0: none
    patterns: int = 1  # a bit for each Pattern that it knows

    def pack(self) -> bytes:
        limits = _CHANNEL.pack(self.kind, self.flags, self.max_on_ms, self.patterns)
        return limits + packed_text(self.name)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        fields = Unpacker(data)
        kind, flags, max_on_ms, patterns = fields.take(_CHANNEL)
        return cls(
            name=fields.text(), kind=kind, flags=flags, max_on_ms=max_on_ms, patterns=patterns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    name: str
    kind: int  # an InputKind, or one of a later firmware

    def pack(self) -> bytes:
        return _INPUT.pack(self.kind) + packed_text(self.name)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        fields = Unpacker(data)
        (kind,) = fields.take(_INPUT)
        return cls(name=fields.text(), kind=kind)


@dataclass(frozen=True, slots=True)
class Temperature:
    name: str

    def pack(self) -> bytes:
        return packed_text(self.name)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        return cls(Unpacker(data).text())
