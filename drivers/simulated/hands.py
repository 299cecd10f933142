"""The hands that do things to a simulated device while it runs: lines on stdin and on a socket."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.language import tell
from drivers.base import DeviceUnavailableError

Obey = Callable[[str, float], str]


class Hands:
    """Lines of text that tell what to do to a device: from stdin, and over a Unix socket."""

    def __init__(self, obey: Obey, control: Path | None, stdin: int | None = None) -> None:
        """Raises DeviceUnavailableError where there can be no socket of that name."""
        self._obey = obey
        self._stdin = stdin
        self._half: dict[int, bytes] = {}
        self._clients: dict[int, socket.socket] = {}
        self._path = control
        self._server = None if control is None else _listen(control)

    def waits_on(self) -> list[int]:
        stdin = [] if self._stdin is None else [self._stdin]
        server = [] if self._server is None else [self._server.fileno()]
        return [*stdin, *server, *self._clients]

    def serve(self, ready: list[int]) -> None:
        for fd in ready:
            if self._server is not None and fd == self._server.fileno():
                client, _ = self._server.accept()
                self._clients[client.fileno()] = client
            elif fd == self._stdin or fd in self._clients:
                self._hear(fd)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        if self._server is not None and self._path is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    def _hear(self, fd: int) -> None:
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        *lines, self._half[fd] = (self._half.get(fd, b"") + data).split(b"\n")
        for line in lines:
            answer = self._obey(line.decode("utf-8", "replace").strip(), time.monotonic())
            with suppress(OSError):
                os.write(1 if fd == self._stdin else fd, answer.encode() + b"\n")
        if not data:
            self._forget(fd)

    def _forget(self, fd: int) -> None:
        self._half.pop(fd, None)
        if fd == self._stdin:
            self._stdin = None
        else:
            self._clients.pop(fd).close()


def _listen(path: Path) -> socket.socket:
    if path.exists() and not path.is_socket():
        raise DeviceUnavailableError(
            tell("{path} is there, and no socket: give another path", path=path)
        )
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        server.bind(str(path))
        server.listen()
    except OSError as error:
        server.close()
        raise DeviceUnavailableError(
            tell(
                "cannot listen on {path}: {why}; give a short path in a folder that you may "
                "write to",
                path=path,
                why=error.strerror or error,
            )
        ) from error
    return server
