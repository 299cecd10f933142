"""What the host says: payloads, packed and unpacked.

`unpack` raises BadPayloadError; it is strict: a board does nothing that it understands by half.
"""

import struct
from dataclasses import dataclass
from typing import Self

from firmware_bridge.runtime.packing import BadPayloadError, Unpacker, packed_text
from firmware_bridge.runtime.vocabulary import MOST_CHANNELS, Item, Type

_HELLO = struct.Struct("<IH")
_SESSION = struct.Struct("<I")
_COUNT = struct.Struct("<B")
_OUTPUT = struct.Struct("<BBHBI")
_POINT = struct.Struct("<BiiI")
_DESCRIBE = struct.Struct("<BB")
_EVENT = struct.Struct("<I")

FULL_LEVEL = 1000


@dataclass(frozen=True, slots=True)
class Hello:
    session: int  # 1..2^32-1, another one each time
    heartbeat_ms: int
    host: str = ""  # for the board's console

    TYPE = Type.HELLO

    def pack(self) -> bytes:
        return _HELLO.pack(self.session, self.heartbeat_ms) + packed_text(self.host)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        session, heartbeat_ms = fields.take(_HELLO)
        hello = cls(session, heartbeat_ms, fields.text())
        fields.at_end()
        if not session:
            raise BadPayloadError("session 0 is no session")
        return hello


@dataclass(frozen=True, slots=True)
class _OfSession:
    session: int

    def pack(self) -> bytes:
        return _SESSION.pack(self.session)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        (session,) = fields.take(_SESSION)
        fields.at_end()
        return cls(session)


class Heartbeat(_OfSession):
    """The host lives, and the thread that has the board moves."""

    TYPE = Type.HEARTBEAT


class Bye(_OfSession):
    """The host ends on purpose: all off, and no dead-man event."""

    TYPE = Type.BYE


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there: any request renews the host's sign of life."""

    TYPE = Type.PING

    def pack(self) -> bytes:
        return b""

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        Unpacker(payload).at_end()
        return cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one channel shall do."""

    channel: int
    on: bool
    level: int = FULL_LEVEL  # 0..1000
    pattern: int = 0
    for_ms: int = 0  # then off by itself; 0: as long as the channel's own limit


@dataclass(frozen=True, slots=True)
class Set:
    """All of these at once, or none."""

    outputs: tuple[Output, ...]

    TYPE = Type.SET

    def pack(self) -> bytes:
        packed = (
            _OUTPUT.pack(each.channel, each.on, each.level, each.pattern, each.for_ms)
            for each in self.outputs
        )
        return _COUNT.pack(len(self.outputs)) + b"".join(packed)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        (count,) = fields.take(_COUNT)
        if not 1 <= count <= MOST_CHANNELS:
            raise BadPayloadError("it sets no channel, or too many")
        outputs = []
        for _ in range(count):
            channel, on, level, pattern, for_ms = fields.take(_OUTPUT)
            outputs.append(
                Output(channel=channel, on=on != 0, level=level, pattern=pattern, for_ms=for_ms)
            )
        fields.at_end()
        return cls(tuple(outputs))


@dataclass(frozen=True, slots=True)
class Point:
    """Where a pan/tilt head shall look."""

    channel: int
    pan_mdeg: int
    tilt_mdeg: int
    speed_mdps: int = 0  # 0: the head's own

    TYPE = Type.POINT

    def pack(self) -> bytes:
        return _POINT.pack(self.channel, self.pan_mdeg, self.tilt_mdeg, self.speed_mdps)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        point = cls(*fields.take(_POINT))
        fields.at_end()
        return point


@dataclass(frozen=True, slots=True)
class Describe:
    item: int
    index: int = 0

    TYPE = Type.DESCRIBE

    def pack(self) -> bytes:
        return _DESCRIBE.pack(self.item, self.index)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        describe = cls(*fields.take(_DESCRIBE))
        fields.at_end()
        return describe


@dataclass(frozen=True, slots=True)
class _OfEvent:
    number: int

    def pack(self) -> bytes:
        return _EVENT.pack(self.number)

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        fields = Unpacker(payload)
        (number,) = fields.take(_EVENT)
        fields.at_end()
        return cls(number)


class EventRead(_OfEvent):
    """The first event that is held with this number or a later one."""

    TYPE = Type.EVENT_READ


class EventClear(_OfEvent):
    """This event and all before it are safe with the host."""

    TYPE = Type.EVENT_CLEAR


Request = Ping | Set | Point | Describe | EventRead | EventClear

DESCRIBE_BOARD = Describe(Item.BOARD)
