"""Where a simulated receiver's bytes go: a pseudo-terminal, or whoever connects over TCP.

Like on a real line, bytes that nobody reads are lost; the writer never waits.
"""

import os
import pty
import select
import socket
import termios
import tty
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from config.language import tell
from drivers.base import DeviceUnavailableError
from drivers.stream import listening_tcp

CHUNK_BYTES = 4096


class Outlet(Protocol):
    """Takes bytes, and does not wait for a reader."""

    @property
    def name(self) -> str:
        """What a reader opens."""

    def write(self, data: bytes) -> None:
        """Hand over; what nobody takes is dropped."""

    def close(self) -> None:
        """Readers find the plug pulled. Never raises."""


class PtyOutlet:
    """A pseudo-terminal: for its reader a serial port like any other."""

    def __init__(self, link: Path | None = None) -> None:
        """With `link`, a symbolic link of that name leads to it.

        Raises DeviceUnavailableError, with the cure.
        """
        self._master, self._slave = pty.openpty()  # the slave stays open: readers come and go
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._target = os.ttyname(self._slave)
        self._link = link
        if link is not None:
            try:
                _point(link, self._target)
            except OSError as error:
                os.close(self._master)
                os.close(self._slave)
                raise DeviceUnavailableError(
                    tell(
                        "cannot make the link {link}: {why}; give another path",
                        link=link,
                        why=error.strerror,
                    )
                ) from error

    @property
    def name(self) -> str:
        return str(self._link or self._target)

    def fileno(self) -> int:
        """To wait for what readers write back."""
        return self._master

    def read(self) -> bytes:
        """What whoever has it open wrote to it; empty if nothing. Does not wait."""
        try:
            return os.read(self._master, CHUNK_BYTES)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        try:
            written = os.write(self._master, data)
        except BlockingIOError:
            written = 0
        if written < len(data):
            # Full: nobody has read for a while. Whoever comes shall find news, not the past.
            termios.tcflush(self._slave, termios.TCIFLUSH)
            with suppress(BlockingIOError):
                os.write(self._master, data)

    def close(self) -> None:
        if self._link is not None:
            with suppress(OSError):
                if str(self._link.readlink()) == self._target:
                    self._link.unlink()
        os.close(self._master)
        os.close(self._slave)


def _point(link: Path, target: str) -> None:
    """Make or move the link; a file that is no link is left alone."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(17, "there is a file of that name")
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


class TcpOutlet:
    """A TCP server; each client gets everything from when it came."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        """Listen; port 0 takes any that is free. Raises DeviceUnavailableError, with the cure."""
        self._server = listening_tcp(address, port)
        self._clients: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    @property
    def name(self) -> str:
        return f"tcp://{self._server.getsockname()[0]}:{self.port}"

    def write(self, data: bytes) -> None:
        while select.select([self._server], [], [], 0)[0]:
            client, _ = self._server.accept()
            client.setblocking(False)
            self._clients.append(client)
        for client in self._clients[:]:
            try:
                client.send(data)
            except BlockingIOError:
                continue  # it does not keep up: this burst is lost to it
            except OSError:
                self._clients.remove(client)
                client.close()

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._server.close()
