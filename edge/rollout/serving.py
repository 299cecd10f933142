"""A small web server with the files that units are to fetch, for as long as a roll-out lasts.

It knows a file by its SHA-256, gives nothing else, and goes on where a connection broke off
(RFC 9110, section 14). What it gives is signed, so the way there need not be trusted.
"""

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHUNK_BYTES = 64 * 1024
ANSWER_S = 60.0  # a unit that takes nothing for so long is left
RANGE = re.compile(r"bytes=(\d{1,15})-")
NAME = re.compile(r"/([0-9a-f]{64})\.peb")


def address_towards(host: str, port: int) -> str:
    """This computer's address on the way to that host, which is one that units reach, too.

    Nothing is sent. Raises OSError.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, target = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0])


class FileServer:
    """Used with `with`. `offer` gives the address of a file."""

    def __init__(self, address: str, port: int = 0) -> None:
        """Listens on this address alone. Raises OSError."""
        server = _Server6 if ":" in address else _Server
        self._server = server((address, port), _Handler)
        host = f"[{address}]" if ":" in address else address
        self._base = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="files", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def offer(self, path: Path, sha256: str) -> str:
        """Where units find it from now on."""
        self._server.files[sha256] = path
        return f"{self._base}/{sha256}.peb"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.files: dict[str, Path] = {}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A unit that hangs up comes again."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"
    timeout = ANSWER_S

    def do_GET(self) -> None:
        named = NAME.fullmatch(self.path)
        path = None if named is None else self.server.files.get(named[1])
        if path is None:
            self.send_error(404)
            return
        with path.open("rb") as file:
            size = file.seek(0, 2)
            wanted = RANGE.fullmatch(self.headers.get("Range", ""))
            start = int(wanted[1]) if wanted else 0
            if start >= size:
                self.send_error(416)
                return
            self._headers(start, size, part=wanted is not None)
            file.seek(start)
            while chunk := file.read(CHUNK_BYTES):
                self.wfile.write(chunk)

    def _headers(self, start: int, size: int, *, part: bool) -> None:
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The replies tell how far it is."""
