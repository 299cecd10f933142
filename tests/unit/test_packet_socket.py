"""Whole packets only, whatever pieces they come in; rubbish is an error, never a crash."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.link.packet_socket import BadPacketError, PacketSocket
from tests.mqtt_server import packet

MOST = 4000


class Pieces:
    """A socket that gives these pieces, one for each call, and then nothing yet, or its end."""

    def __init__(self, pieces: list[bytes], *, ends: bool = False) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._ends = ends
        self.sent = b""
        self.takes = 10**9

    def recv(self, _size: int) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._ends:
            return b""
        raise BlockingIOError

    def send(self, data: bytearray) -> int:
        if not self.takes:
            raise BlockingIOError
        taken = bytes(data[: self.takes])
        self.takes -= len(taken)
        self.sent += taken
        return len(taken)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def over(pieces: Pieces) -> PacketSocket:
    return PacketSocket(pieces, MOST)  # type: ignore[arg-type]


def read_as_paho_does(packets: PacketSocket) -> list[bytes]:
    """A byte, the length a byte at a time, the rest."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while head := packets.recv(1):
            length = shift = 0
            while True:
                digit = packets.recv(1)
                head += digit
                length |= (digit[0] & 0x7F) << shift
                shift += 7
                if digit[0] < 0x80:
                    break
            body = b""
            while len(body) < length:
                body += packets.recv(length - len(body))
            found.append(head + body)
    return found


@given(st.data(), st.lists(st.binary(max_size=300), max_size=20))
def test_packets_come_whole_whatever_the_pieces(data: st.DataObject, bodies: list[bytes]) -> None:
    sent = [packet(4, body) for body in bodies]
    stream, pieces = b"".join(sent), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        pieces.append(stream[:size])
        stream = stream[size:]
    packets, found = over(Pieces(pieces)), []
    for _ in range(len(pieces) + 1):
        packets.fill()
        found += read_as_paho_does(packets)
    assert found == sent
    assert not packets.readable


@given(st.lists(st.binary(min_size=1, max_size=2000), max_size=10))
def test_any_bytes_are_packets_or_an_error(pieces: list[bytes]) -> None:
    packets = over(Pieces(pieces, ends=True))
    with contextlib.suppress(BadPacketError):
        for _ in range(len(pieces) + 2):
            packets.fill()
            read_as_paho_does(packets)
        assert packets.recv(1) == b""


@pytest.mark.parametrize(
    "data", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f", packet(3, b"x" * (MOST + 1))]
)
def test_an_endless_length_and_one_that_is_too_large(data: bytes) -> None:
    with pytest.raises(BadPacketError):
        over(Pieces([data])).fill()


def test_what_the_kernel_does_not_take_is_kept() -> None:
    pieces = Pieces([])
    packets = over(pieces)
    assert packets.send(b"a" * 100) == 100
    packets.send(b"b" * 100)
    pieces.takes = 150
    packets.flush()
    assert packets.wants_to_send
    pieces.takes = 10**9
    packets.flush()
    assert pieces.sent == b"a" * 100 + b"b" * 100
    assert not packets.wants_to_send


def test_much_at_once_is_taken_in_parts() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        packets = PacketSocket(near, MOST)
        one = packet(3, b"x" * 3000)
        far.sendall(one * 40)
        count, more = 0, True
        while more:
            more = packets.fill()
            count += len(read_as_paho_does(packets))
        assert count == 40
