"""Bytes from outside, as they come: serial port, TCP, UDP. This module alone imports pyserial."""

import errno
import select
import socket
import stat
import termios
from pathlib import Path
from typing import Protocol, Self

import serial

from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError

CHUNK_BYTES = 4096
SEND_S = 0.5  # for what is written to a serial port
BY_ID = Path("/dev/serial/by-id")

# What pyserial lets through: termios.error, which is no OSError, comes when a plug is pulled while
# the port is being set up.
_SERIAL_ERRORS = (serial.SerialException, OSError, termios.error)


class ByteStream(Protocol):
    """An open source of bytes, used by one thread."""

    def read(self, wait_s: float) -> bytes:
        """What is waiting; if nothing is, what comes first within `wait_s`; empty if nothing does.

        Raises DeviceLostError when the source has gone.
        """

    def close(self) -> None:
        """Release the source. Never raises."""


class SerialStream:
    """A serial port, opened for this process alone."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    @classmethod
    def open(cls, path: str, baud: int) -> Self:
        """`path` is a device of this computer. Raises DeviceUnavailableError, with the cure."""
        if "://" in path:
            raise DeviceUnavailableError(
                tell(
                    "{path} is no device of this computer; for a serial port on the network "
                    "write kind: tcp with host: and port:, and set the box there to raw TCP (no "
                    "RFC 2217)",
                    path=path,
                )
            )
        try:
            # timeout 0: a read never blocks; waiting is done with select, which costs less.
            return cls(serial.Serial(path, baud, timeout=0, write_timeout=SEND_S, exclusive=True))
        except (*_SERIAL_ERRORS, ValueError) as error:
            raise DeviceUnavailableError(_why_not(path, baud, error)) from error

    def read(self, wait_s: float) -> bytes:
        try:
            select.select([self._port.fileno()], [], [], wait_s)
            return bytes(self._port.read(CHUNK_BYTES))
        except (*_SERIAL_ERRORS, ValueError) as error:
            raise DeviceLostError(self._gone()) from error

    def fileno(self) -> int:
        """To wait for what comes."""
        return int(self._port.fileno())

    def send(self, data: bytes) -> None:
        """Into the kernel's buffer, which empties at the line's speed.

        Raises DeviceLostError when the port has gone, or takes nothing for SEND_S.
        """
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise DeviceLostError(
                tell(
                    "{port} takes no bytes: is it a serial port without flow control?",
                    port=self._port.port,
                )
            ) from error
        except (*_SERIAL_ERRORS, ValueError) as error:
            raise DeviceLostError(self._gone()) from error

    @property
    def baud(self) -> int:
        """Bits per second."""
        return int(self._port.baudrate)

    @property
    def is_usb(self) -> bool:
        """Whether it is a device on USB itself (CDC ACM), which has no speed of its own."""
        return Path(self._port.port or "").resolve().name.startswith("ttyACM")

    def set_baud(self, baud: int) -> None:
        """Go on at another speed; what has arrived at the old one is thrown away.

        Raises DeviceLostError.
        """
        try:
            self._port.baudrate = baud
            self._port.reset_input_buffer()
        except _SERIAL_ERRORS as error:
            raise DeviceLostError(self._gone()) from error
        except ValueError as error:
            raise DeviceLostError(
                tell("{port} does not do {baud} baud", port=self._port.port, baud=baud)
            ) from error

    def close(self) -> None:
        try:
            self._port.close()
        except _SERIAL_ERRORS:
            return  # it has gone: nothing is left to release

    def _gone(self) -> str:
        return tell("{port} has gone: is its plug in?", port=self._port.port)


class TcpStream:
    """The receiving side of a TCP connection."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._socket = connection
        self._name = name

    @classmethod
    def connect(cls, host: str, port: int, timeout_s: float = 5.0) -> Self:
        """`timeout_s` is for each address of the host. How long its name is looked up is up to the
        system's resolver (resolv.conf(5), `timeout` and `attempts`): by default 10 s for each name
        server and search domain while none answers. A numeric address needs no look-up.

        Raises DeviceUnavailableError, with the cure.
        """
        name = f"{host}:{port}"
        try:
            connection = socket.create_connection((host, port), timeout_s)
        except (socket.gaierror, ValueError) as error:  # ValueError: no name can look like that
            raise DeviceUnavailableError(
                tell(
                    "cannot connect to {name}: its name is not found; check the name and the "
                    "network, or write the IP address",
                    name=name,
                )
            ) from error
        except OSError as error:
            raise DeviceUnavailableError(
                tell(
                    "cannot connect to {name}: {reason}; is it on, and is the address right?",
                    name=name,
                    reason=_reason(error),
                )
            ) from error
        # A server that loses power sends no goodbye: let the kernel notice within about 30 s.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
        connection.setblocking(False)
        return cls(connection, name)

    def send(self, data: bytes) -> None:
        """A short request, small enough for the kernel's buffer. Raises DeviceLostError."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise DeviceLostError(
                tell("{name} has gone: {reason}", name=self._name, reason=_reason(error))
            ) from error

    def read(self, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            if not ready:
                return b""
            data = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise DeviceLostError(
                tell("{name} has gone: {reason}", name=self._name, reason=_reason(error))
            ) from error
        if not data:
            raise DeviceLostError(tell("{name} has closed the connection", name=self._name))
        return data

    def close(self) -> None:
        self._socket.close()


class UdpStream:
    """Datagrams sent to this computer. A sentence never goes over the end of its datagram."""

    def __init__(self, receiver: socket.socket) -> None:
        self._socket = receiver

    @classmethod
    def bind(cls, address: str, port: int) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        return cls(bound_udp(address, port))

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def read(self, wait_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            return self._socket.recv(65_536) + b"\r\n" if ready else b""
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise DeviceLostError(tell("UDP socket: {reason}", reason=_reason(error))) from error

    def close(self) -> None:
        self._socket.close()


def listening_tcp(address: str, port: int) -> socket.socket:
    """A server that never waits; port 0 takes any that is free.

    Raises DeviceUnavailableError, with the cure.
    """
    try:
        server = socket.create_server((address, port))
    except OSError as error:
        raise DeviceUnavailableError(
            tell(
                "cannot listen on {address} port {port}: {why}; give another port",
                address=address,
                port=port,
                why=error.strerror,
            )
        ) from error
    server.setblocking(False)
    return server


def bound_udp(address: str, port: int) -> socket.socket:
    """A socket for datagrams to this computer, that never waits.

    Raises DeviceUnavailableError, with the cure.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    receiver = socket.socket(family, socket.SOCK_DGRAM)
    try:
        receiver.bind((address, port))
    except (OSError, ValueError, TypeError) as error:  # TypeError for a NUL in the address
        receiver.close()
        raise DeviceUnavailableError(
            tell(
                "cannot listen on UDP {address} port {port}: {reason}; `bind` is an address "
                "of this computer, and no other program may use the port",
                address=address,
                port=port,
                reason=_reason(error),
            )
        ) from error
    receiver.setblocking(False)
    return receiver


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, termios.error):
        text = str(error.args[-1])
    return text or str(error) or type(error).__name__


def _why_not(path: str, baud: int, error: Exception) -> str:
    """One line: what is wrong with this port, and what to do."""
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return tell("{path} is not there; {ports_there}", path=path, ports_there=_ports_there())
    if number in (errno.EACCES, errno.EPERM):
        return tell(
            "no permission for {path}: add the user to its group (usually dialout), log in anew",
            path=path,
        )
    if number in (errno.EAGAIN, errno.EBUSY):
        return tell(
            "{path} is in use by another program (the unit, gpsd, ModemManager?): stop that one",
            path=path,
        )
    if _is_no_device(path):
        return tell(
            "{path} is not a serial port; {ports_there}", path=path, ports_there=_ports_there()
        )
    return tell(
        "cannot open {path} at {baud} baud: {reason}", path=path, baud=baud, reason=_reason(error)
    )


def _is_no_device(path: str) -> bool:
    """Whether something else is there."""
    try:
        return not stat.S_ISCHR(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _ports_there() -> str:
    try:
        names = sorted(str(port) for port in BY_ID.iterdir())
    except OSError:
        names = []
    if not names:
        return tell("no serial device is plugged in ({folder} is empty)", folder=BY_ID)
    return tell("there are: {names}", names=", ".join(names))
