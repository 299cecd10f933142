"""A web server with one file and bad manners, on loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Manners:
    """How the server behaves; counts of what it was asked."""

    content: bytes
    ranges: bool = True
    cut_after: int | None = None  # bytes of each reply before the connection drops
    statuses: list[int] = field(default_factory=list)  # answered before the file is
    announce: bool = True  # Content-Length
    chunk_pause_s: float = 0.0
    location: str = ""  # where to redirect to
    requests: list[str | None] = field(default_factory=list)  # the Range of each


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.0"  # the end of the file may be the end of the connection

    def do_GET(self) -> None:
        manners = self.server.manners
        wanted = self.headers["Range"]
        manners.requests.append(wanted)
        if manners.statuses:
            self._status(manners.statuses.pop(0))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and manners.ranges else 0
        if start >= len(manners.content) > 0:
            self.send_error(416)
            return
        self._send(manners, start)

    def _status(self, status: int) -> None:
        self.send_response(status)
        if self.server.manners.location:
            self.send_header("Location", self.server.manners.location)
        self.end_headers()

    def _send(self, manners: Manners, start: int) -> None:
        body, size = manners.content[start:], len(manners.content)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if manners.announce:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body[: manners.cut_after]), 16_384):
            time.sleep(manners.chunk_pause_s)
            self.wfile.write(body[: manners.cut_after][at : at + 16_384])

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    manners: Manners

    def handle_error(self, *args: Any) -> None:
        """A client that hangs up is what these tests are about."""


@contextmanager
def serving(manners: Manners) -> Iterator[str]:
    """The address of the file."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.manners = manners
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/model.onnx"
        finally:
            server.shutdown()
            thread.join()
