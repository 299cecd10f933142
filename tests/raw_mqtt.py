"""A small MQTT 5 client that says what it is told to, however wrong: for attacks in tests.

It knows no queue and no thread. A PINGREQ is its barrier: what the broker had for this client
before the PINGRESP has arrived by then.
"""

import socket
import ssl
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

ANSWER_S = 20.0  # generous: the machine may be busy


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    payload: bytes


def text(value: str | bytes) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    """MQTT 5, 2.1: first byte, length in groups of seven bits, the rest."""
    length, encoded = len(body), b""
    while True:
        length, group = divmod(length, 128)
        encoded += bytes([group | (0x80 if length else 0)])
        if not length:
            return bytes([first]) + encoded + body


class RawClient:
    """One connection. `code` is the CONNACK's reason, None where none came."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None,
        client_id: str,
        *,
        username: str | None = None,
        will: tuple[str, bytes] | None = None,
        clean: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        """`will`: topic and payload. Raises OSError where no connection comes about."""
        self._sock: socket.socket = socket.create_connection((host, port), ANSWER_S)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""
        self._packet_id = 0
        self.heard: list[Heard] = []
        try:
            if context is not None:
                self._sock = context.wrap_socket(self._sock, server_hostname=host)
            self._sock.settimeout(ANSWER_S)
            self.send(self._greeting(client_id, username, will, clean=clean))
            self.code = self._greeted()
        except OSError:
            self._sock.close()
            raise

    @staticmethod
    def _greeting(
        client_id: str, username: str | None, will: tuple[str, bytes] | None, *, clean: bool
    ) -> bytes:
        flags = (0x02 if clean else 0) | (0x0C if will else 0) | (0x80 if username else 0)
        expiry = b"" if clean else b"\x11" + struct.pack(">I", 600)
        body = text("MQTT") + bytes([5, flags]) + struct.pack(">H", 60)
        body += bytes([len(expiry)]) + expiry + text(client_id)
        if will is not None:
            body += b"\x00" + text(will[0]) + text(will[1])
        if username is not None:
            body += text(username)
        return packet(0x10, body)

    def _greeted(self) -> int | None:
        found = self._next()
        return found[1][1] if found is not None and found[0] >> 4 == 2 else None

    @property
    def accepted(self) -> bool:
        return self.code == 0

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int | None:
        """QoS 1. The PUBACK's reason; None if the broker hung up instead."""
        self._packet_id += 1
        body = text(topic) + struct.pack(">H", self._packet_id) + b"\x00" + payload
        return self._asked(packet(0x33 if retain else 0x32, body), 4, 2)

    def subscribe(self, topic: str) -> int | None:
        """QoS 0. The SUBACK's reason."""
        self._packet_id += 1
        body = struct.pack(">H", self._packet_id) + b"\x00" + text(topic) + b"\x00"
        return self._asked(packet(0x82, body), 9, 3)

    def settle(self) -> bool:
        """Until everything that the broker had for us is in `heard`. False if it hung up."""
        return self._asked(packet(0xC0, b""), 13, None) is not None

    def _asked(self, request: bytes, kind: int, reason_at: int | None) -> int | None:
        try:
            self.send(request)
            while (found := self._next()) is not None:
                if found[0] >> 4 == kind:
                    body = found[1]
                    # A PUBACK of two bytes means success (MQTT 5, 3.4.2.1).
                    return body[reason_at] if reason_at and len(body) > reason_at else 0
        except OSError:
            return None
        return None

    def _next(self) -> tuple[int, bytes] | None:
        """The next packet; PUBLISH ones are kept in `heard`. None at the end of the stream."""
        while (found := self._whole()) is None:
            more = self._sock.recv(65_536)
            if not more:
                return None
            self._data += more
        first, body = found
        if first >> 4 == 3:
            self._keep(first, body)
        return found

    def _whole(self) -> tuple[int, bytes] | None:
        length = 0
        for index in range(1, min(len(self._data), 5)):
            length |= (self._data[index] & 0x7F) << 7 * (index - 1)
            if not self._data[index] & 0x80:
                end = index + 1 + length
                if len(self._data) < end:
                    return None
                found = self._data[0], self._data[index + 1 : end]
                self._data = self._data[end:]
                return found
        return None

    def _keep(self, first: int, body: bytes) -> None:
        size = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        if first & 0x06:
            rest = rest[2:]
        self.heard.append(Heard(topic, rest[1 + rest[0] :]))

    def drop(self) -> None:
        """End without a DISCONNECT, so that the broker publishes the will."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.drop()
