"""The line to an autopilot: a serial port, UDP, TCP, or a recorded flight that is played."""

import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

from config.language import tell
from config.platforms import MavlinkPlatformConfig
from drivers.base import DeviceLostError, EndOfRecordingError
from drivers.clock import Clock
from drivers.platforms.mavlink.log import Piece, pieces
from drivers.stream import SerialStream, TcpStream, bound_udp

DATAGRAM_BYTES = 65_536
LONGEST_PAUSE_S = 5.0  # a longer one in a recording is not waited out


class Link(Protocol):
    """One open line."""

    datagrams: bool  # whether a message never goes over the end of what is read
    talks: bool  # whether anybody hears what is sent

    def read(self, wait_s: float) -> bytes:
        """What has come, or comes within the time. Raises DeviceLostError, EndOfRecordingError."""

    def send(self, data: bytes) -> None:
        """Raises DeviceLostError."""

    def close(self) -> None:
        """Never raises."""


class StreamLink:
    """A serial port or a TCP connection."""

    datagrams = False
    talks = True

    def __init__(self, stream: SerialStream | TcpStream) -> None:
        self._stream = stream
        self.read = stream.read
        self.send = stream.send
        self.close = stream.close


class UdpLink:
    """Listens, as ground stations do, and answers whoever spoke last."""

    datagrams = True
    talks = True

    def __init__(self, receiver: socket.socket) -> None:
        self._socket = receiver
        self._other: tuple[str, int] | None = None

    @classmethod
    def bind(cls, address: str, port: int) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        return cls(bound_udp(address, port))

    def read(self, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            if not ready:
                return b""
            data, other = self._socket.recvfrom(DATAGRAM_BYTES)
        except BlockingIOError:
            return b""
        except ConnectionError:
            return b""  # nobody listens there any more (ICMP): it may come back
        except (OSError, ValueError) as error:
            raise DeviceLostError(tell("UDP socket: {error}", error=error)) from error
        self._other = other[:2]
        return data

    def send(self, data: bytes) -> None:
        """To whoever spoke last; before anybody has spoken there is nobody to hear it."""
        if self._other is None:
            return
        try:
            self._socket.sendto(data, self._other)
        except BlockingIOError:
            return  # the kernel's buffer is full: like a datagram lost on its way
        except (OSError, ValueError) as error:
            raise DeviceLostError(
                tell("cannot send to {address}: {error}", address=self._other[0], error=error)
            ) from error

    def close(self) -> None:
        self._socket.close()


class LogLink:
    """A recording at its own pace. Nobody hears what is sent."""

    datagrams = False
    talks = False

    def __init__(self, config: MavlinkPlatformConfig, path: Path, clock: Clock) -> None:
        self._path, self._loop, self._clock = path, config.loop, clock
        self._baud = config.baud
        self._pieces = self._start()
        self._next: Piece | None = None

    def _start(self) -> Iterator[Piece]:
        self._began_s = self._clock.mono_s()
        self._skipped_s = self._last_s = 0.0
        return pieces(self._path, self._baud)

    def read(self, wait_s: float) -> bytes:
        if self._next is None:
            self._next = next(self._pieces, None)
        if self._next is None:
            if not self._loop:
                raise EndOfRecordingError(
                    tell("{path} has been played to its end", path=self._path)
                )
            self._pieces = self._start()
            return b""
        pause_s = self._next.at_s - self._last_s
        if pause_s > LONGEST_PAUSE_S:
            self._skipped_s += pause_s - LONGEST_PAUSE_S
        self._last_s = self._next.at_s
        due_s = self._began_s + self._next.at_s - self._skipped_s
        left_s = due_s - self._clock.mono_s()
        if left_s > 0:
            select.select([], [], [], min(left_s, wait_s))
        if left_s > wait_s:
            return b""
        data, self._next = self._next.data, None
        return data

    def send(self, data: bytes) -> None:
        """Into nothing."""

    def close(self) -> None:
        """The file is closed already."""


def open_link(config: MavlinkPlatformConfig, clock: Clock) -> Link:
    """As the section says. Raises DeviceUnavailableError, with the cure."""
    if config.path is not None:
        return LogLink(config, config.path, clock)
    if config.port is not None:
        return StreamLink(SerialStream.open(config.port, config.baud))
    if config.host is not None:
        return StreamLink(TcpStream.connect(config.host, config.net_port))
    return UdpLink.bind(config.bind or "127.0.0.1", config.net_port)
