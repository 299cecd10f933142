"""A simulated board on a pseudo-terminal: the line between, and the hands that do things to it."""

import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drivers.base import DeviceUnavailableError
from firmware_bridge.simulated.board import SimulatedBoard
from firmware_bridge.simulated.line import QUIET, Line, Noise
from firmware_bridge.simulated.plug import Plug

STEP_S = 0.005  # between two looks at what is due; on a paced line less
Obey = Callable[[str, float], str]


class Bench:
    """A board, its line in both directions, and a pseudo-terminal for whoever is the host."""

    def __init__(
        self, board: SimulatedBoard, link: Path | None, baud: int | None = None, seed: int = 1
    ) -> None:
        """`link` names the pseudo-terminal. Raises DeviceUnavailableError, with the cure."""
        self.board = board
        self.to_board = Line(baud, seed=2 * seed)
        self.to_host = Line(baud, seed=2 * seed + 1)
        self.plug = Plug(link)

    @property
    def name(self) -> str:
        return self.plug.name

    def fileno(self) -> int:
        return self.plug.fileno()

    def set_noise(self, noise: Noise = QUIET) -> None:
        self.to_board.noise = self.to_host.noise = noise

    def power(self, now_s: float, *, on: bool) -> None:
        """What is on the line when the power fails is lost with it."""
        if on:
            self.board.power_on(now_s)
            return
        self.board.power_off()
        self.to_board.clear()
        self.to_host.clear()

    def step(self, now_s: float) -> float:
        """Carry what is due. Returns the seconds after which it must be called again."""
        self.to_board.put(self.plug.read(), now_s)
        self.to_host.put(self.board.feed(self.to_board.take(now_s), now_s), now_s)
        self.to_host.put(self.board.tick(now_s), now_s)
        arrived = self.to_host.take(now_s)
        if arrived:
            self.plug.write(arrived)
        due = [at_s - now_s for line in (self.to_board, self.to_host) if (at_s := line.next_s())]
        return max(0.0, min([STEP_S, *due]))

    def close(self) -> None:
        self.plug.close()


class Hands:
    """Lines of text that tell what to do to the board: from stdin, and over a Unix socket."""

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
        raise DeviceUnavailableError(f"{path} is there, and no socket: give another path")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        server.bind(str(path))
        server.listen()
    except OSError as error:
        server.close()
        raise DeviceUnavailableError(
            f"cannot listen on {path}: {error.strerror or error}; give a short path in a folder "
            "that you may write to"
        ) from error
    return server


def run(bench: Bench, hands: Hands, until: Callable[[], bool]) -> None:
    """Serve the board and the hands until `until` says so."""
    wait_s = 0.0
    while not until():
        watched = [bench.fileno(), *hands.waits_on()]
        ready, _, _ = select.select(watched, [], [], wait_s)
        hands.serve([fd for fd in ready if fd != bench.fileno()])
        wait_s = bench.step(time.monotonic())
