"""A TCP link between a unit and its broker that a test can cut and mend."""

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self


class Link:
    """Listens on `port` and passes bytes on to the broker while it is up."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._up = threading.Event()
        self._up.set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Reset all connections; new ones are refused until `mend`."""
        self._up.clear()

    def mend(self) -> None:
        self._up.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._up.is_set():
                self._drop_all()
            socks = [end for pair in self._pairs for end in pair]
            ready, _, _ = select.select([self._listener, *socks], [], [], 0.02)
            for sock in ready:
                if sock is self._listener:
                    self._accept()
                else:
                    self._pass_on(sock)
        self._drop_all()
        self._listener.close()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if not self._up.is_set():
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._broker_port), 1)
        except OSError:
            near.close()
            return
        self._pairs.append((near, far))

    def _pass_on(self, sock: socket.socket) -> None:
        pair = next((pair for pair in self._pairs if sock in pair), None)
        if pair is None:
            return
        other = pair[1] if sock is pair[0] else pair[0]
        try:
            data = sock.recv(65_536)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self._pairs.remove(pair)
        for end in pair:
            end.close()

    def _drop_all(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    # Linger 0: the peer sees a reset, as when a modem loses its network.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                end.close()
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
