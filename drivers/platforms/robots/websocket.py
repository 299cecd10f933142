"""A WebSocket to a rosbridge, through websocket-client, which this module alone imports."""

import select
import socket
import time
from typing import TYPE_CHECKING, Self

from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError

if TYPE_CHECKING:
    import websocket

OPEN_S = 5.0
PART_S = 0.2  # for the rest of a message that has begun, and for sending
MOST_BYTES = 1_000_000


class TextSocket:
    """Text messages both ways, used by one thread."""

    def __init__(self, connection: "websocket.WebSocket", name: str) -> None:
        self._connection = connection
        self._name = name
        self._came_bytes = 0  # of the message that is under way
        self._ends_s = 0.0
        self._fetch = connection.frame_buffer.recv
        connection.frame_buffer.recv = self._piece

    @classmethod
    def connect(cls, host: str, port: int) -> Self:
        """Raises DeviceUnavailableError, with the cure."""
        try:
            import websocket
        except ImportError as error:
            raise DeviceUnavailableError(
                tell("a rosbridge needs websocket-client: pip install 'patrol-edge[ros]'")
            ) from error
        shown = f"[{host}]" if ":" in host else host
        name = f"ws://{shown}:{port}"
        try:
            connection = websocket.create_connection(
                name, OPEN_S, http_no_proxy=["*"], redirect_limit=0
            )
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise DeviceUnavailableError(
                tell(
                    "cannot connect to the rosbridge at {name}: {error}; is it running (ros2 "
                    "launch rosbridge_server rosbridge_websocket_launch.xml)?",
                    name=name,
                    error=error,
                )
            ) from error
        connection.settimeout(PART_S)
        sock = connection.sock
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection, name)

    def receive(self, wait_s: float) -> str | bytes | None:
        """The next message; None where none comes in time, or only a part of one.

        Raises DeviceLostError.
        """
        import websocket

        sock = self._connection.sock
        if sock is None:
            raise DeviceLostError(tell("the rosbridge at {name} has hung up", name=self._name))
        try:
            if not select.select([sock], [], [], wait_s)[0]:
                return None
            self._ends_s = time.monotonic() + PART_S
            text = self._connection.recv()
            self._came_bytes = 0
        except websocket.WebSocketTimeoutException:
            return None  # the rest of it comes later; what there is, is kept
        except (websocket.WebSocketException, OSError, ValueError, TypeError) as error:
            raise DeviceLostError(
                tell("the rosbridge at {name} has gone: {error}", name=self._name, error=error)
            ) from error
        return text

    def _piece(self, count: int) -> bytes:
        """Each read of the library: a frame may say that it is as long as it likes."""
        import websocket

        if time.monotonic() > self._ends_s:
            raise websocket.WebSocketTimeoutException("the rest comes later")
        data = self._fetch(count)
        self._came_bytes += len(data)
        if self._came_bytes > MOST_BYTES:
            raise websocket.WebSocketException(f"a message of more than {MOST_BYTES} bytes")
        return data

    def send(self, text: str) -> None:
        """Raises DeviceLostError."""
        import websocket

        try:
            self._connection.send(text)
        except (websocket.WebSocketException, OSError) as error:
            raise DeviceLostError(
                tell("the rosbridge at {name} has gone: {error}", name=self._name, error=error)
            ) from error

    def close(self) -> None:
        import websocket

        try:
            self._connection.close(timeout=0)
        except (websocket.WebSocketException, OSError, ValueError):
            return  # it has gone: nothing is left to release
