"""A small MQTT 5 broker of our own that does as a test tells it: refuses, forgets, exaggerates.

It reads what a client sends with a parser of its own, and notes every breach of what it allowed:
more unacknowledged messages than its Receive Maximum, packets above its Maximum Packet Size.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = (
    1,
    2,
    3,
    4,
    8,
    9,
    12,
    14,
)
PINGRESP = 13
# MQTT 5, 2.2.2.2: how long the value of each property is; 0 stands for what has its own length.
_SIZES = {1: 1, 2: 4, 11: -1, 17: 4, 19: 2, 23: 1, 24: 4, 25: 1, 33: 2, 34: 2, 35: 2, 36: 1}
_SIZES |= {37: 1, 39: 4, 40: 1, 41: 1, 42: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A PUBLISH as it came."""

    topic: str
    payload: bytes
    packet_id: int
    retain: bool
    dup: bool
    size: int
    user_properties: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """A CONNECT as it came."""

    client_id: str
    username: str | None
    clean_start: bool
    session_expiry_s: int | None
    will_topic: str | None
    will_retain: bool
    protocol: int


@dataclass(slots=True, kw_only=True)
class Manners:
    """How the broker behaves. A test may change it between connections."""

    connack: int | None = 0  # None: says nothing
    receive_maximum: int | None = None
    maximum_packet_bytes: int | None = None
    retain_available: bool = True
    suback: int = 1
    # What a message is answered with; None: nothing, ever.
    puback: Callable[[Heard], int | None] = lambda _heard: 0
    ack_after_s: float = 0.0  # acknowledgements wait so long, or until the window is full
    raw: bytes | None = None  # instead of a CONNACK


@dataclass(slots=True)
class _Client:
    link: socket.socket
    lock: threading.Lock = field(default_factory=threading.Lock)
    unacked: int = 0
    owed: list[bytes] = field(default_factory=list)
    owed_since_s: float = 0.0

    def send(self, packet: bytes) -> None:
        with self.lock, contextlib.suppress(OSError):
            self.link.sendall(packet)


class FakeBroker:
    """One port; a thread for each connection."""

    def __init__(self, manners: Manners | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.manners = manners or Manners()
        self._tls = tls
        self.greetings: list[Greeting] = []
        self.heard: list[Heard] = []
        self.subscribed: list[str] = []
        self.goodbyes: list[int] = []  # reason codes of DISCONNECTs
        self.breaches: list[str] = []
        self.most_unacked = 0
        self.clients: list[_Client] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="fake-broker", daemon=True).start()

    @property
    def connections(self) -> int:
        return len(self.greetings)

    # --- what a test may do ---

    def send(self, packet: bytes) -> None:
        """These bytes to whoever connected last."""
        self.clients[-1].send(packet)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        body = _text(topic) + (struct.pack("!H", 7) if qos else b"") + b"\0" + payload
        self.send(packet(PUBLISH, body, (qos << 1) | retain))

    def disconnect(self, reason: int) -> None:
        self.send(packet(DISCONNECT, bytes([reason, 0])))

    def reset(self) -> None:
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.link.shutdown(socket.SHUT_RDWR)
                client.link.close()

    # --- the threads ---

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError, UnicodeDecodeError):
            if self._tls is not None:
                link = self._tls.wrap_socket(link, server_side=True)
            client = _Client(link)
            self.clients.append(client)
            for first, body, size in self._packets(client):
                self._answer(client, first, body, size)
        link.close()

    def _packets(self, client: _Client) -> Iterator[tuple[int, bytes, int]]:
        pending = bytearray()
        while True:
            while (found := _take(pending)) is not None:
                yield found
            if client.owed:
                self._settle(client)
            client.link.settimeout(0.002 if client.owed else 30)
            try:
                data = client.link.recv(65_536)
            except TimeoutError:
                continue
            if not data:
                raise EOFError
            pending += data

    def _answer(self, client: _Client, first: int, body: bytes, size: int) -> None:
        kind = first >> 4
        if not self.greetings and kind != CONNECT:
            raise EOFError  # TLS, say
        if kind == CONNECT:
            self.greetings.append(_greeting(body))
            self._welcome(client)
        elif kind == PUBLISH:
            self._take_in(client, first, body, size)
        elif kind == SUBSCRIBE:
            topics = list(_topics(body))
            self.subscribed += topics
            client.send(
                packet(SUBACK, body[:2] + b"\0" + bytes([self.manners.suback] * len(topics)))
            )
        elif kind == PINGREQ:
            client.send(packet(PINGRESP, b""))
        elif kind == DISCONNECT:
            self.goodbyes.append(body[0] if body else 0)
            raise EOFError

    def _welcome(self, client: _Client) -> None:
        manners = self.manners
        if manners.raw is not None:
            client.send(manners.raw)
            return
        if manners.connack is None:
            return
        properties = b""
        if manners.receive_maximum is not None:
            properties += struct.pack("!BH", 33, manners.receive_maximum)
        if manners.maximum_packet_bytes is not None:
            properties += struct.pack("!BI", 39, manners.maximum_packet_bytes)
        if not manners.retain_available:
            properties += b"\x25\0"
        head = bytes([0, manners.connack, len(properties)])
        client.send(packet(CONNACK, head + properties))
        if manners.connack:
            raise EOFError

    def _take_in(self, client: _Client, first: int, body: bytes, size: int) -> None:
        heard = _heard(first, body, size)
        self.heard.append(heard)
        client.unacked += 1
        self.most_unacked = max(self.most_unacked, client.unacked)
        manners = self.manners
        if client.unacked > (manners.receive_maximum or 65_535):
            self.breaches.append(f"{client.unacked} unacknowledged")
        if manners.maximum_packet_bytes is not None and size > manners.maximum_packet_bytes:
            self.breaches.append(f"a packet of {size} bytes")
        if heard.retain and not manners.retain_available:
            self.breaches.append("retained")
        code = manners.puback(heard)
        if code is None:
            return
        if not client.owed:
            client.owed_since_s = time.monotonic()
        answer = struct.pack("!H", heard.packet_id) + (bytes([code, 0]) if code else b"")
        client.owed.append(packet(PUBACK, answer))
        if not manners.ack_after_s:
            self._settle(client)

    def _settle(self, client: _Client) -> None:
        full = client.unacked >= (self.manners.receive_maximum or 65_535)
        waited_s = time.monotonic() - client.owed_since_s
        if full or waited_s >= self.manners.ack_after_s:
            owed, client.owed = client.owed, []
            client.unacked -= len(owed)  # first: the client may be quick
            client.send(b"".join(owed))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.link.shutdown(socket.SHUT_RDWR)
            client.link.close()


# --- packets -----------------------------------------------------------------------------------


def packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A control packet (MQTT 5, section 2.1)."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind << 4 | flags]) + bytes(digits) + body


def _take(pending: bytearray) -> tuple[int, bytes, int] | None:
    """First byte, body and size of the next whole packet, taken out; None if there is none yet."""
    length, position = 0, 1
    while True:
        if position >= len(pending):
            return None
        digit = pending[position]
        length |= (digit & 0x7F) << (7 * (position - 1))
        position += 1
        if digit < 0x80:
            break
    if len(pending) < position + length:
        return None
    first, body = pending[0], bytes(pending[position : position + length])
    del pending[: position + length]
    return first, body, position + length


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        data = self._data[self._at : self._at + size]
        self._at += size
        return data

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def varint(self) -> int:
        value = shift = 0
        while True:
            digit = self.number(1)
            value |= (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                return value

    def block(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return self.block().decode()

    def rest(self) -> bytes:
        return self._data[self._at :]

    def properties(self) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {}
        length = self.varint()
        end = self._at + length
        while self._at < end:
            key = self.number(1)
            size = _SIZES.get(key, 0)
            if size > 0:
                value = self.take(size)
            elif size < 0:
                value = str(self.varint()).encode()
            else:
                value = self.block() + (b"\0" + self.block() if key == 38 else b"")
            found.setdefault(key, []).append(value)
        return found


def _heard(first: int, body: bytes, size: int) -> Heard:
    reader = _Reader(body)
    topic, packet_id = reader.text(), reader.number(2)
    properties = reader.properties()
    pairs = (each.decode().split("\0", 1) for each in properties.get(38, ()))
    return Heard(
        topic=topic,
        payload=reader.rest(),
        packet_id=packet_id,
        retain=bool(first & 1),
        dup=bool(first & 8),
        size=size,
        user_properties=tuple((name, value) for name, value in pairs),
        content_type=next((each.decode() for each in properties.get(3, ())), None),
    )


def _greeting(body: bytes) -> Greeting:
    reader = _Reader(body)
    reader.text()
    protocol, flags = reader.number(1), reader.number(1)
    reader.number(2)
    properties = reader.properties() if protocol == 5 else {}
    client_id = reader.text()
    will_topic = None
    if flags & 0x04:
        if protocol == 5:
            reader.properties()
        will_topic = reader.text()
        reader.block()
    expiry = next((int.from_bytes(each, "big") for each in properties.get(17, ())), None)
    return Greeting(
        client_id=client_id,
        username=reader.text() if flags & 0x80 else None,
        clean_start=bool(flags & 0x02),
        session_expiry_s=expiry,
        will_topic=will_topic,
        will_retain=bool(flags & 0x20),
        protocol=protocol,
    )


def _topics(body: bytes) -> Iterator[str]:
    reader = _Reader(body)
    reader.number(2)
    reader.properties()
    while reader.rest():
        yield reader.text()
        reader.number(1)
