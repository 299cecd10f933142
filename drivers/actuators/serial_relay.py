"""Relay boards on a serial line with a protocol of their own: three that are sold everywhere.

- `lcus`: LCUS and other CH340 boards: A0, channel, 1 or 0, sum of these bytes. No answer.
- `kmtronic`: FF, channel, 1 or 0 (KMtronic USB relay controller, command list). No answer.
- `numato`: ASCII lines, `relay on 0`, and `relay read 0` is answered (Numato Lab, USB Relay Module
  user guide); channels are numbered from 0 there, from 1 here.
"""

import re
import time
from typing import Self

from config.actuators import SerialRelayVia
from config.language import tell
from drivers.actuators.lines import Lease, SharedLines
from drivers.base import DeviceLostError
from drivers.stream import SerialStream

ANSWER_S = 0.2
_NUMATO = "0123456789ABCDEFGHIJKLMNOPQRSTUV"  # channels of boards with up to 32 relays


def lcus(channel: int, on: bool) -> bytes:
    frame = bytes([0xA0, channel, on])
    return frame + bytes([sum(frame) & 0xFF])


def kmtronic(channel: int, on: bool) -> bytes:
    return bytes([0xFF, channel, on])


def numato(channel: int, on: bool) -> bytes:
    return f"relay {'on' if on else 'off'} {_NUMATO[channel - 1]}\r".encode()


FRAMES = {"lcus": lcus, "kmtronic": kmtronic, "numato": numato}


class SerialRelaySwitch:
    def __init__(self, lease: Lease[SerialStream], config: SerialRelayVia) -> None:
        self._lease = lease
        self._config = config

    @classmethod
    def open(cls, config: SerialRelayVia, lines: SharedLines) -> Self:
        """Raises DeviceUnavailableError."""
        lease = lines.lease(config.port, lambda: SerialStream.open(config.port, config.baud))
        return cls(lease, config)

    def set(self, on: bool) -> None:
        frame = FRAMES[self._config.protocol](self._config.channel, on)
        with self._lease.use() as stream:
            stream.send(frame)

    def get(self) -> bool | None:
        """Only Numato boards tell it."""
        if self._config.protocol != "numato":
            return None
        with self._lease.use() as stream:
            stream.send(f"relay read {_NUMATO[self._config.channel - 1]}\r".encode())
            return numato_answer(_gathered(stream))

    def close(self) -> None:
        self._lease.close()


_ANSWER = re.compile(rb"relay read \w\s+(on|off)\b")


def numato_answer(heard: bytes) -> bool:
    """What a Numato board said last of a relay, among its echoes and prompts.

    Raises DeviceLostError where it says nothing of the kind.
    """
    answers = _ANSWER.findall(heard)
    if not answers:
        raise DeviceLostError(
            tell("the relay board says {heard!r}: is it a Numato board?", heard=heard[:40])
        )
    return bool(answers[-1] == b"on")


def _gathered(stream: SerialStream) -> bytes:
    """What comes until the answer has, with the prompt that ends it, or nothing more does."""
    heard = b""
    ends_s = time.monotonic() + ANSWER_S
    while (left_s := ends_s - time.monotonic()) > 0:
        heard += stream.read(left_s)
        if _ANSWER.search(heard) and heard.endswith(b">"):
            break
    return heard
