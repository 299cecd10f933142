"""A TCP link between a unit and its broker with the weather of a radio: what a test says, happens.

Toxiproxy's list of toxics in one thread: latency and jitter, bandwidth, slices, silence (half open:
nobody hears, nobody hangs up), resets, hang-ups, and a port at which nobody listens.
"""

import contextlib
import random
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Self

_RESET = b"\1\0\0\0\0\0\0\0"  # linger 0: the peer sees a reset, as when a modem loses its network


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the link does to each direction. The default is a cable."""

    delay_s: float = 0.0  # one way
    jitter_s: float = 0.0  # more or less than the delay, evenly; the order is kept
    kbit_s: float | None = None
    slice_bytes: int | None = None  # pass on in pieces of this size
    buffer_bytes: int = 65_536  # what the modem holds; then the sender has to wait


@dataclass(slots=True, eq=False)
class _Pipe:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    chunks: deque[tuple[float, bytes]] = field(default_factory=deque)  # when it may go on
    held_bytes: int = 0
    free_s: float = 0.0  # when the line has sent all that it was given
    last_s: float = 0.0  # jitter does not change the order

    def take(self, weather: Weather, data: bytes, now_s: float, chance: random.Random) -> None:
        size = weather.slice_bytes or (1400 if weather.kbit_s else len(data))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self.free_s = max(self.free_s, now_s)
            if weather.kbit_s:
                self.free_s += len(piece) * 8 / (weather.kbit_s * 1000)
            late_s = weather.delay_s + weather.jitter_s * chance.uniform(-1, 1)
            self.last_s = max(self.last_s, self.free_s + max(0.0, late_s))
            self.chunks.append((self.last_s, piece))
            self.held_bytes += len(piece)

    def give(self, now_s: float) -> int:
        """Pass on what is due. Returns the bytes; raises OSError when the other end is gone."""
        given = 0
        while self.chunks and self.chunks[0][0] <= now_s:
            _, piece = self.chunks.popleft()
            self.sink.settimeout(5)
            self.sink.sendall(piece)
            self.held_bytes -= len(piece)
            given += len(piece)
        return given


class Link:
    """Listens on `port` and passes bytes on to the broker while it is up."""

    def __init__(self, broker_port: int, weather: Weather | None = None, *, seed: int = 7) -> None:
        self._broker_port = broker_port
        self._weather = weather or Weather()
        self._chance = random.Random(seed)
        self._mode: Literal["up", "cut", "stalled", "shut"] = "up"
        self._resets = 0
        self._listener: socket.socket | None = self._listen(0)
        self.port = int(self._listener.getsockname()[1]) if self._listener else 0
        self._pairs: list[tuple[_Pipe, _Pipe]] = []  # up, down
        self.up_bytes = self.down_bytes = self.accepted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._thread.start()

    # --- what a test may do, from any thread ---

    def cut(self) -> None:
        """Reset all connections; new ones are hung up on until `mend`."""
        self._mode = "cut"

    def shut(self) -> None:
        """Reset all connections; nobody listens (connection refused) until `mend`."""
        self._mode = "shut"

    def stall(self) -> None:
        """Half open: all stand, new ones are taken too, and nothing passes until `mend`."""
        self._mode = "stalled"

    def mend(self) -> None:
        self._mode = "up"

    def reset(self) -> None:
        """Reset all connections; new ones are welcome at once."""
        self._resets += 1

    def change(self, **weather: Any) -> None:
        """New weather for what comes from now on: `change(kbit_s=64)`."""
        self._weather = replace(self._weather, **weather)

    # --- the thread ---

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._weather.kbit_s:
            # What our own kernel takes in counts as sent for the unit's; a slow modem takes little.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        listener.bind(("127.0.0.1", port))
        listener.listen(16)
        return listener

    def _run(self) -> None:
        resets = 0
        while not self._stop.is_set():
            if self._mode in ("cut", "shut") or resets != self._resets:
                resets = self._resets
                self._drop_all()
            self._open_or_shut()
            self._pass_on()
        self._drop_all()
        if self._listener is not None:
            self._listener.close()

    def _open_or_shut(self) -> None:
        if self._mode == "shut" and self._listener is not None:
            self._listener.close()
            self._listener = None
        elif self._mode != "shut" and self._listener is None:
            self._listener = self._listen(self.port)

    def _pass_on(self) -> None:
        flowing = self._mode == "up"
        pipes = {
            pipe.source: pipe
            for pair in self._pairs
            for pipe in pair
            if flowing and pipe.held_bytes < self._weather.buffer_bytes
        }
        waiting = [*pipes, *([self._listener] if self._listener else [])]
        ready, _, _ = select.select(waiting, [], [], self._patience_s() if flowing else 0.02)
        for sock in ready:
            if sock is self._listener:
                self._accept()
            elif sock in pipes:
                self._read(pipes[sock])
        if flowing:
            for pair in list(self._pairs):
                self._write(pair)

    def _patience_s(self) -> float:
        now_s = time.monotonic()
        due = [pipe.chunks[0][0] - now_s for pair in self._pairs for pipe in pair if pipe.chunks]
        return max(0.0, min([0.02, *due]))

    def _accept(self) -> None:
        assert self._listener is not None
        near, _ = self._listener.accept()
        if self._mode == "cut":
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._broker_port), 1)
        except OSError:
            near.close()
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        self._pairs.append((_Pipe(near, far), _Pipe(far, near)))

    def _read(self, pipe: _Pipe) -> None:
        try:
            data = pipe.source.recv(16_384)
        except OSError:
            data = b""
        if data:
            pipe.take(self._weather, data, time.monotonic(), self._chance)
            return
        for pair in list(self._pairs):
            if pipe in pair:
                with contextlib.suppress(OSError):
                    pipe.give(float("inf"))  # what was sent before the hang-up still arrives
                self._close(pair)

    def _write(self, pair: tuple[_Pipe, _Pipe]) -> None:
        now_s = time.monotonic()
        try:
            self.up_bytes += pair[0].give(now_s)
            self.down_bytes += pair[1].give(now_s)
        except OSError:
            self._close(pair)

    def _close(self, pair: tuple[_Pipe, _Pipe]) -> None:
        if pair in self._pairs:
            self._pairs.remove(pair)
            for pipe in pair:
                pipe.source.close()

    def _drop_all(self) -> None:
        for pair in self._pairs:
            for pipe in pair:
                with contextlib.suppress(OSError):
                    pipe.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                pipe.source.close()
        self._pairs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(5)
