"""MAVLink frames with any payload and a right checksum, for tests that must get past it."""

from functools import cache
from typing import Any

ARMED_COPTER = bytes((0, 0, 0, 0, 2, 3, 0xD1, 4, 3))  # the payload of a HEARTBEAT, ArduPilot


@cache
def _dialect() -> Any:
    from pymavlink.dialects.v20 import ardupilotmega

    return ardupilotmega


def heartbeat() -> bytes:
    return frame(0, ARMED_COPTER, sequence=0)


def frame(number: int, payload: bytes, *, sequence: int, component: int = 1) -> bytes:
    head = bytes((len(payload), 0, 0, sequence % 256, 1, component)) + number.to_bytes(3, "little")
    body = head + payload
    extra = _dialect().mavlink_map[number].crc_extra
    return b"\xfd" + body + int(_dialect().x25crc(body + bytes([extra])).crc).to_bytes(2, "little")
