"""What the board says: payloads, packed and unpacked.

`unpack` raises BadPayloadError. What stands behind the last field that is known here is passed
over: a later firmware may tell more.
"""

import struct
from dataclasses import dataclass
from typing import Self

from firmware_bridge.runtime.packing import BadPayloadError, Unpacker, packed_text
from firmware_bridge.runtime.vocabulary import (
    MOST_CHANNELS,
    MOST_POINTINGS,
    MOST_TEMPERATURES,
    Type,
)

_ACK = struct.Struct("<BB")
_WELCOME = struct.Struct("<I")
_BOOT = struct.Struct("<IB")
_REPORT = struct.Struct("<IIBHHHHIIHIHHH")
_COUNT = struct.Struct("<B")
_TEMPERATURE = struct.Struct("<h")
_CHANNEL_STATE = struct.Struct("<BHBI")
_POINTING = struct.Struct("<Biib")
_EVENT = struct.Struct("<IBBiI")

UNKNOWN_MILLI = 0xFFFF
UNKNOWN_TEMPERATURE = 0x7FFF
DEAD_MAN_LATCHED = 0x01
ON, FAULTY = 0x01, 0x02


@dataclass(frozen=True, slots=True)
class Ack:
    of_type: int
    result: int
    data: bytes = b""

    TYPE = Type.ACK

    def pack(self) -> bytes:
        return _ACK.pack(self.of_type, self.result) + self.data

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        of_type, result = Unpacker(payload).take(_ACK)
        return cls(of_type, result, payload[_ACK.size :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """The answer to HELLO. Session, model and firmware stand first in every version."""

    session: int  # of the HELLO that it answers
    model: str
    firmware: str
    boot: int = 0  # another number after each start of the board
    cause: int = 0  # of that start, a ResetCause

    TYPE = Type.WELCOME

    def pack(self) -> bytes:
        names = packed_text(self.model) + packed_text(self.firmware)
        return _WELCOME.pack(self.session) + names + _BOOT.pack(self.boot, self.cause)

    @classmethod
    def unpack(cls, payload: bytes, *, whole: bool = True) -> Self:
        """Not `whole`: only what is there in every version."""
        fields = Unpacker(payload)
        (session,) = fields.take(_WELCOME)
        model, firmware = fields.text(), fields.text()
        boot, cause = fields.take(_BOOT) if whole else (0, 0)
        return cls(session=session, model=model, firmware=firmware, boot=boot, cause=cause)


@dataclass(frozen=True, slots=True)
class ChannelState:
    on: bool
    level: int  # 0..1000
    pattern: int
    left_ms: int  # until it goes off by itself; 0: it does not
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a pan/tilt head looks."""

    channel: int
    pan_mdeg: int
    tilt_mdeg: int
    moving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How the board is, all of it."""

    session: int  # 0: it knows no host
    uptime_ms: int
    dead_man: bool = False  # has tripped, and its event was not cleared yet
    faults: int = 0
    supply_mv: int | None = None
    supply_ma: int | None = None
    inputs: int = 0  # a bit for each, 1: pressed
    first_event: int = 0  # the lowest number that is held; 0: none is
    last_event: int = 0  # the highest number that was ever given
    events_lost: int = 0
    frames_in: int = 0
    bad_in: int = 0  # frames with a wrong CRC, length or stuffing
    repeats: int = 0  # requests that came again, and were not done again
    overruns: int = 0  # bytes that came faster than they were looked at
    temperatures: tuple[int | None, ...] = ()  # in 0.1 °C
    channels: tuple[ChannelState, ...] = ()
    pointings: tuple[Pointing, ...] = ()

    TYPE = Type.REPORT

    def pack(self) -> bytes:
        head = _REPORT.pack(
            self.session,
            self.uptime_ms,
            DEAD_MAN_LATCHED if self.dead_man else 0,
            self.faults,
            UNKNOWN_MILLI if self.supply_mv is None else self.supply_mv,
            UNKNOWN_MILLI if self.supply_ma is None else self.supply_ma,
            self.inputs,
            self.first_event,
            self.last_event,
            self.events_lost,
            self.frames_in,
            self.bad_in,
            self.repeats,
            self.overruns,
        )
        parts = [head, _COUNT.pack(len(self.temperatures))]
        parts += [
            _TEMPERATURE.pack(UNKNOWN_TEMPERATURE if each is None else each)
            for each in self.temperatures
        ]
        parts.append(_COUNT.pack(len(self.channels)))
        for state in self.channels:
            bits = (ON if state.on else 0) | (FAULTY if state.faulty else 0)
            parts.append(_CHANNEL_STATE.pack(bits, state.level, state.pattern, state.left_ms))
        parts.append(_COUNT.pack(len(self.pointings)))
        parts += [
            _POINTING.pack(each.channel, each.pan_mdeg, each.tilt_mdeg, each.moving)
            for each in self.pointings
        ]
        return b"".join(parts)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        session, uptime_ms, flags, faults, milli_v, milli_a, *counts = fields.take(_REPORT)
        temperatures = [
            fields.take(_TEMPERATURE)[0] for _ in range(_count(fields, MOST_TEMPERATURES))
        ]
        channels = [fields.take(_CHANNEL_STATE) for _ in range(_count(fields, MOST_CHANNELS))]
        pointings = [fields.take(_POINTING) for _ in range(_count(fields, MOST_POINTINGS))]
        named = dict(zip(_COUNTED, counts, strict=True))
        return cls(
            session=session,
            uptime_ms=uptime_ms,
            dead_man=bool(flags & DEAD_MAN_LATCHED),
            faults=faults,
            supply_mv=None if milli_v == UNKNOWN_MILLI else milli_v,
            supply_ma=None if milli_a == UNKNOWN_MILLI else milli_a,
            temperatures=tuple(
                None if each == UNKNOWN_TEMPERATURE else each for each in temperatures
            ),
            channels=tuple(
                ChannelState(bool(bits & ON), level, pattern, left_ms, bool(bits & FAULTY))
                for bits, level, pattern, left_ms in channels
            ),
            pointings=tuple(
                Pointing(channel, pan, tilt, moving != 0)
                for channel, pan, tilt, moving in pointings
            ),
            **named,
        )


# The last fields of _REPORT, in its order.
_COUNTED = (
    "inputs",
    "first_event",
    "last_event",
    "events_lost",
    "frames_in",
    "bad_in",
    "repeats",
    "overruns",
)


def _count(fields: Unpacker, most: int) -> int:
    (count,) = fields.take(_COUNT)
    if count > most:
        raise BadPayloadError(f"{count} where at most {most} can be")
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent:
    """Something that happened on the board, held there until it is cleared."""

    number: int
    kind: int
    subject: int = 0
    value: int = 0
    at_ms: int = 0  # by the board's uptime

    def pack(self) -> bytes:
        return _EVENT.pack(self.number, self.kind, self.subject, self.value, self.at_ms)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        number, kind, subject, value, at_ms = Unpacker(data).take(_EVENT)
        return cls(number=number, kind=kind, subject=subject, value=value, at_ms=at_ms)
