"""A socket that passes whole MQTT packets on, and many of them with one system call."""

import socket
import ssl
from contextlib import suppress

READ_BYTES = 65_536
LONGEST_LENGTH = 4  # bytes of a packet's remaining length (MQTT 5, section 1.5.5)


class BadPacketError(Exception):
    """The other side sends what no MQTT packet begins with, or one that is too large."""


class PacketSocket:
    """What paho takes for its socket. `open` is connected, shaken hands with, and non-blocking.

    paho reads a PUBACK with three calls, and writes each packet with one; here these are slices of
    memory, and the kernel is called once for all that `fill` found and `flush` has to send.
    """

    def __init__(self, link: socket.socket, max_packet_bytes: int) -> None:
        self._link = link
        self._tls = isinstance(link, ssl.SSLSocket)
        self._max_packet_bytes = max_packet_bytes
        self._in = bytearray()
        self._position = 0  # up to where paho has read
        self._whole = 0  # up to where there are whole packets
        self._out = bytearray()
        self._closed = False
        self.ended = False  # the other side sends nothing more

    # --- for the one who waits ---

    def fileno(self) -> int:
        return self._link.fileno()

    @property
    def wants_to_send(self) -> bool:
        return bool(self._out)

    @property
    def readable(self) -> bool:
        """Whole packets, or the end, are there for paho to read."""
        return self._position < self._whole or self.ended

    def fill(self) -> bool:
        """Take in what has arrived; whether there may be more than was taken.

        Raises BadPacketError, and OSError for a broken connection.
        """
        more = True
        while more and not self.ended and len(self._in) < 2 * self._max_packet_bytes:
            try:
                data = self._link.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                more = False
            else:
                self.ended = not data
                self._in += data
                # TLS may hold more than the kernel shows; TCP does not.
                more = self._tls or len(data) == READ_BYTES
        self._find_packets()
        return more and not self.ended

    def flush(self) -> None:
        """Send what can be sent now. Raises OSError for a broken connection."""
        while self._out:
            try:
                sent = self._link.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._out[:sent]

    def _find_packets(self) -> None:
        while self._whole < len(self._in):
            length, digits = 0, 0
            while True:
                at = self._whole + 1 + digits
                if at >= len(self._in):
                    return
                if digits == LONGEST_LENGTH:
                    raise BadPacketError("a packet's length has no end")
                digit = self._in[at]
                length |= (digit & 0x7F) << (7 * digits)
                digits += 1
                if digit < 0x80:
                    break
            if length > self._max_packet_bytes:
                raise BadPacketError(f"a packet of {length} bytes")
            if self._whole + 1 + digits + length > len(self._in):
                return
            self._whole += 1 + digits + length

    # --- for paho ---

    def recv(self, size: int) -> bytes:
        if self._position >= self._whole:
            if self.ended:
                return b""
            raise BlockingIOError
        end = min(self._position + size, self._whole)
        data = bytes(self._in[self._position : end])
        self._position = end
        if end == self._whole:
            del self._in[:end]
            self._position = self._whole = 0
        return data

    def send(self, data: bytes | bytearray) -> int:
        self._out += data
        return len(data)

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def pending(self) -> int:
        return self._whole - self._position

    def close(self) -> None:
        """paho closes at once after a DISCONNECT, so what is left to send goes first."""
        if not self._closed:
            self._closed = True
            with suppress(OSError):
                self.flush()
            self._link.close()
