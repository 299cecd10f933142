"""Bytes to MAVLink messages and back. This module alone imports pymavlink (LGPL-3, optional).

Frames are found and checked here, since pymavlink throws away a whole frame's length after a
damaged byte, and good messages with it: after damage the search goes on at the next byte.
"""

import re
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any

from drivers.base import DeviceUnavailableError
from drivers.platforms.mavlink.numbers import MESSAGES
from drivers.platforms.mavlink.signing import SIGNATURE_BYTES, Signing

# Frame formats: mavlink.io/en/guide/serialization.html
MARKER_1, MARKER_2 = 0xFE, 0xFD
_MARKER = re.compile(rb"[\xfd\xfe]")
HEADER_1, HEADER_2 = 6, 10
CHECKSUM_BYTES = 2
SIGNED_FLAG = 0x01
# Payloads without the fields that came with MAVLink 2, of what is sent to a MAVLink 1 autopilot.
SIZE_IN_1 = {43: 2, 44: 4, 47: 3, 51: 4, 73: 37}
INSTALL = "MAVLink needs pymavlink: pip install 'patrol-edge[mavlink]'"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message with a good checksum."""

    system: int
    component: int
    version: int  # of MAVLink: 1 or 2
    name: str
    fields: Any  # by their names in the definition, in its units


@dataclass(frozen=True, slots=True)
class _Header:
    version: int
    flags: int
    sequence: int
    system: int
    component: int
    number: int
    size: int  # of the whole frame
    payload: slice


class Codec:
    """One line. What is dropped is counted by cause in `counters`."""

    def __init__(self, system: int, component: int, signing: Signing | None = None) -> None:
        """Raises DeviceUnavailableError without pymavlink."""
        try:
            from pymavlink.dialects.v20 import ardupilotmega
        except ImportError as error:
            raise DeviceUnavailableError(INSTALL) from error
        self._dialect: Any = ardupilotmega
        self._decoder: Any = ardupilotmega.MAVLink(None)
        self._signing = signing
        self._pending = bytearray()
        self._sequence = 0
        self._last: dict[tuple[int, int], int] = {}
        self.system = system
        self.component = component
        self.counters: Counter[str] = Counter()
        self.lost: Counter[int] = Counter()  # messages, by the number of their system

    # --- what comes ---

    def feed(self, data: bytes, *, whole: bool = False) -> list[Heard]:
        """The messages that are complete now. `whole`: no frame goes on after this (a datagram)."""
        self._pending += data
        heard, at = list[Heard](), 0
        while True:
            at = self._next_marker(at)
            header = _header(self._pending, at)
            if header is None or at + header.size > len(self._pending):
                break
            frame = bytes(self._pending[at : at + header.size])
            at += self._judge(frame, header, heard, at)
        if whole and at < len(self._pending):
            self.counters["garbage_bytes"] += len(self._pending) - at
            at = len(self._pending)
        del self._pending[:at]
        return heard

    def _next_marker(self, at: int) -> int:
        found = _MARKER.search(self._pending, at)
        start = len(self._pending) if found is None else found.start()
        if start > at:
            self.counters["garbage_bytes"] += start - at
        return start

    def _judge(self, frame: bytes, header: _Header, heard: list[Heard], at: int) -> int:
        """How far to go on: past the frame, or past its first byte, which was none."""
        kind = self._dialect.mavlink_map.get(header.number)
        if kind is None:
            return self._unknown(header, at)
        if self._checksum(frame, header, kind.crc_extra) != _told_checksum(frame, header):
            self.counters["bad_checksum"] += 1
            return 1
        self._note_sequence(header)
        message = self._message(frame, header)
        if message is not None:
            heard.append(message)
        return header.size

    def _unknown(self, header: _Header, at: int) -> int:
        """Of another dialect, whose checksum cannot be told: believed if a frame follows it."""
        end = at + header.size
        if end == len(self._pending) or self._pending[end] in (MARKER_1, MARKER_2):
            self.counters["unknown_message"] += 1
            return header.size
        self.counters["garbage_bytes"] += 1
        return 1

    def _checksum(self, frame: bytes, header: _Header, extra: int) -> int:
        body = frame[1 : header.payload.stop] + bytes([extra])
        return int(self._dialect.x25crc(body).crc)

    def _note_sequence(self, header: _Header) -> None:
        sender = (header.system, header.component)
        last = self._last.get(sender)
        self._last[sender] = header.sequence
        if last is not None:
            missing = (header.sequence - last - 1) % 256
            self.lost[header.system] += missing if missing < 128 else 0  # else it came late

    def _message(self, frame: bytes, header: _Header) -> Heard | None:
        if header.flags & ~SIGNED_FLAG:
            self.counters["incompatible"] += 1
            return None
        if self._signing is not None and not self._is_ours(frame, header):
            self.counters["unsigned"] += 1
            return None
        try:
            fields = self._decoder.decode(bytearray(frame))
        except (self._dialect.MAVError, struct.error, ValueError, UnicodeError):
            self.counters["undecodable"] += 1
            return None
        self.counters["messages"] += 1
        name = str(fields.get_type())
        return Heard(header.system, header.component, header.version, name, fields)

    def _is_ours(self, frame: bytes, header: _Header) -> bool:
        if self._signing is None or header.number == MESSAGES["RADIO_STATUS"]:
            return True  # a radio has no key, and tells of nothing but itself
        signed = bool(header.flags & SIGNED_FLAG)
        return signed and self._signing.accepts(frame, header.system, header.component)

    # --- what goes ---

    def encode(self, name: str, *, version: int = 2, **fields: Any) -> bytes:
        """A message of ours as a frame; signed, where there is a key and it is version 2."""
        kind = getattr(self._dialect, f"MAVLink_{name.lower()}_message")
        blank = self._dialect.MAVLink(None)
        payload = bytes(kind(**fields).pack(blank))[HEADER_2:-CHECKSUM_BYTES]
        if version == 1:
            full = SIZE_IN_1.get(kind.id, kind.unpacker.size)
            payload = payload[:full].ljust(full, b"\0")
        body = self._head(kind.id, len(payload), version) + payload
        checksum = self._dialect.x25crc(body[1:] + bytes([kind.crc_extra])).crc
        frame = body + int(checksum).to_bytes(CHECKSUM_BYTES, "little")
        self._sequence = (self._sequence + 1) % 256
        return self._signing.signed(frame) if self._signing and version != 1 else frame

    def _head(self, number: int, length: int, version: int) -> bytes:
        sender = (self._sequence, self.system, self.component)
        if version == 1:
            return bytes((MARKER_1, length, *sender, number))
        flags = SIGNED_FLAG if self._signing else 0
        return bytes((MARKER_2, length, flags, 0, *sender)) + number.to_bytes(3, "little")


def _header(data: bytearray, at: int) -> _Header | None:
    """None while too few bytes have come to tell."""
    there = len(data) - at
    if there < HEADER_1 or (data[at] == MARKER_2 and there < HEADER_2):
        return None
    length, first = data[at + 1], at + 2
    if data[at] == MARKER_1:
        sequence, system, component, number = data[first : first + 4]
        head, flags, version = HEADER_1, 0, 1
    else:
        flags, _, sequence, system, component = data[first : first + 5]
        number, head, version = int.from_bytes(data[at + 7 : at + 10], "little"), HEADER_2, 2
    size = head + length + CHECKSUM_BYTES + (SIGNATURE_BYTES if flags & SIGNED_FLAG else 0)
    payload = slice(head, head + length)
    return _Header(version, flags, sequence, system, component, number, size, payload)


def _told_checksum(frame: bytes, header: _Header) -> int:
    end = header.payload.stop
    return int.from_bytes(frame[end : end + CHECKSUM_BYTES], "little")
