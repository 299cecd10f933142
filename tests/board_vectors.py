"""Test vectors of the board link, for whoever implements it: docs/board-link.vectors.json.

python -m tests.board_vectors > docs/board-link.vectors.json
"""

import json
import zlib
from collections.abc import Iterable
from datetime import date
from enum import IntEnum
from typing import Any

from firmware_bridge.runtime import cobs
from firmware_bridge.runtime.frames import Frame, encode
from firmware_bridge.runtime.inventory import BoardIdentity, Input, Temperature
from firmware_bridge.runtime.reports import (
    Ack,
    BoardEvent,
    ChannelState,
    Pointing,
    Report,
    Welcome,
)
from firmware_bridge.runtime.requests import (
    Bye,
    Describe,
    EventClear,
    EventRead,
    Heartbeat,
    Hello,
    Output,
    Ping,
    Point,
    Set,
)
from firmware_bridge.runtime.splitter import Splitter
from firmware_bridge.runtime.vocabulary import EventKind, Item, Pattern, Result, Type
from firmware_bridge.simulated.equipment import PAYLOAD
from firmware_bridge.simulated.firmware import SimulatedFirmware

SESSION = 0x12345678
SIREN = Set((Output(channel=2, on=True, level=800, pattern=Pattern.WAIL, for_ms=10_000),))
BEACON = Set((Output(channel=1, on=True),))
ALL_OFF = Set(tuple(Output(channel=number, on=False, level=0) for number in range(5)))

REPORT = Report(
    session=SESSION,
    uptime_ms=123_456,
    dead_man=True,
    faults=2,
    supply_mv=11_400,
    supply_ma=None,
    inputs=0b0010,
    first_event=3,
    last_event=4,
    frames_in=99,
    bad_in=1,
    repeats=2,
    temperatures=(255, None, -105),
    channels=(ChannelState(True, 800, Pattern.WAIL, 9_500), ChannelState(False, 0, 0, 0, True)),
    pointings=(Pointing(1, -30_000, 12_500, moving=True),),
)
MESSAGES: tuple[tuple[str, int, Any], ...] = (
    ("hello", 0, Hello(SESSION, 100, "patrol-edge")),
    ("heartbeat", 7, Heartbeat(SESSION)),
    ("bye", 0, Bye(SESSION)),
    ("ping", 1, Ping()),
    ("siren on", 2, SIREN),
    ("all off", 3, ALL_OFF),
    ("point", 4, Point(5, -30_000, 12_500, 45_000)),
    ("describe board", 5, Describe(Item.BOARD)),
    ("describe channel", 6, Describe(Item.CHANNEL, 2)),
    ("read event", 0xFFFF, EventRead(3)),
    ("clear events", 0, EventClear(3)),
    ("done", 2, Ack(Type.SET, Result.OK)),
    ("not the next one", 9, Ack(Type.SET, Result.OUT_OF_ORDER, b"\x03\x00")),
    (
        "what the board is",
        5,
        Ack(
            Type.DESCRIBE,
            Result.OK,
            BoardIdentity(
                model="patrol-io",
                serial="0001",
                firmware="1.2.0",
                hardware="C",
                calibrated=date(2026, 5, 4),
                channels=6,
                inputs=4,
                temperatures=2,
            ).pack(),
        ),
    ),
    ("a channel", 6, Ack(Type.DESCRIBE, Result.OK, PAYLOAD.channels[2].pack())),
    ("an input", 6, Ack(Type.DESCRIBE, Result.OK, Input(name="sos", kind=1).pack())),
    ("a temperature", 6, Ack(Type.DESCRIBE, Result.OK, Temperature("board").pack())),
    (
        "an event",
        6,
        Ack(
            Type.EVENT_READ,
            Result.OK,
            BoardEvent(number=3, kind=EventKind.DEAD_MAN, value=401, at_ms=120_000).pack(),
        ),
    ),
    (
        "welcome",
        0,
        Welcome(session=SESSION, model="patrol-io", firmware="1.2.0", boot=41, cause=1),
    ),
    ("report", 17, REPORT),
)
STUFFED = (
    b"",
    b"\0",
    b"\x11\x22\0\x33",
    bytes(range(1, 255)),
    bytes(range(255)),
    bytes(range(1, 256)),
    bytes([*range(1, 255), 0]),
)

# A whole talk: at which millisecond the host says what (None: only time passes, or a button).
TALK: tuple[tuple[int, str, Frame | tuple[int, bool] | None], ...] = (
    (5, "before anybody said hello", Frame(Type.PING, 1)),
    (10, "the host comes", Frame(Type.HELLO, 0, Hello(SESSION, 100, "patrol-edge").pack())),
    (20, "siren on", Frame(Type.SET, 1, SIREN.pack())),
    (30, "its answer was lost: answered again, not done again", Frame(Type.SET, 1, SIREN.pack())),
    (40, "one is missing before this one", Frame(Type.PING, 3)),
    (70, "the report of the change", None),
    (120, "a sign of life", Frame(Type.HEARTBEAT, 1, Heartbeat(SESSION).pack())),
    (270, "the next report", None),
    (470, "and the next", None),
    (519, "the host has been silent for 399 ms", None),
    (520, "for 400 ms: the siren goes off, the event is held", None),
    (600, "what needs no host may be on", Frame(Type.SET, 2, BEACON.pack())),
    (610, "the siren may not", Frame(Type.SET, 3, SIREN.pack())),
    (620, "what happened?", Frame(Type.EVENT_READ, 4, EventRead(1).pack())),
    (630, "the host has it", Frame(Type.EVENT_CLEAR, 5, EventClear(1).pack())),
    (640, "now it may", Frame(Type.SET, 6, SIREN.pack())),
    (700, "the report", None),
    (710, "SOS is pressed", (0, True)),
    (760, "and told", None),
    (770, "emergency stop: the siren goes off", (1, True)),
    (780, "and stays off", Frame(Type.SET, 7, SIREN.pack())),
    (830, "the report", Frame(Type.HEARTBEAT, 2, Heartbeat(SESSION).pack())),
    (900, "another version", Frame(Type.HELLO, 0, Hello(SESSION, 100, "new").pack(), 3)),
    (910, "the host ends, and the last report", Frame(Type.BYE, 0, Bye(SESSION).pack())),
)  # fmt: skip


def vectors() -> dict[str, Any]:
    """Everything, ready for JSON; bytes as hex."""
    return {
        "crc32": [{"data": data.hex(), "crc": zlib.crc32(data)} for data in (b"", b"123456789")],
        "cobs": [{"data": data.hex(), "stuffed": cobs.encode(data).hex()} for data in STUFFED],
        "frames": [_frame(*each) for each in MESSAGES],
        "talk": {
            "about": "a board as firmware_bridge/reference/host/equipment.h has it, from its start "
            "at 0 ms; its supply is 12600 mV and 350 mA, both temperatures 25.0 degrees Celsius",
            "steps": list(_talk()),
        },
    }


def _frame(name: str, sequence: int, message: Any) -> dict[str, Any]:
    frame = Frame(message.TYPE, sequence, message.pack())
    return {
        "name": name,
        "type": frame.type,
        "sequence": sequence,
        "fields": _plain(message),
        "payload": frame.payload.hex(),
        "line": encode(frame).hex(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__slots__"):
        names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        return {name: _plain(getattr(value, name)) for name in names}
    return value


def _talk() -> Iterable[dict[str, Any]]:
    firmware, splitter = SimulatedFirmware(PAYLOAD), Splitter()
    firmware.boot("1.0.0", 0.0)
    for at_ms, about, said in TALK:
        step: dict[str, Any] = {"at_ms": at_ms, "about": about}
        told, now_s = b"", at_ms / 1000
        if isinstance(said, Frame):
            step["host"] = encode(said).hex()
            for item in splitter.feed(encode(said)):
                told += firmware.frame(item, now_s) if isinstance(item, Frame) else b""
        elif said is not None:
            step["input"], step["pressed"] = said
            firmware.press(said[0], now_s, pressed=said[1])
        step["board"] = (told + firmware.tick(now_s)).hex()
        yield step


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1))  # noqa: T201 - it is what it is for
