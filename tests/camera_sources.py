"""Cameras on loopback for tests and benches: MJPEG over HTTP, and RTSP with RTP/JPEG.

Both are real servers on real sockets that can be told, while they run, to stall, to cut the
connection, to send garbage, or to come back. Own minimal implementations of multipart/x-mixed-
replace, RFC 2326 (RTSP 1.0), RFC 3550 (RTP) and RFC 2435 (JPEG in RTP).
"""

import base64
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Literal, Self

import cv2
import numpy as np

Mode = Literal["play", "stall", "cut", "garbage"]


def jpeg(value: int, width_px: int = 320, height_px: int = 240) -> bytes:
    """A picture of one grey level, so that a reader can tell which one it got."""
    image = np.full((height_px, width_px, 3), value % 256, np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


class CameraServer:
    """Listens; each connection is served by a thread that follows `mode`."""

    def __init__(
        self,
        *,
        fps: float = 25.0,
        size_px: tuple[int, int] = (320, 240),
        login: str | None = None,
        pictures: list[bytes] | None = None,
    ) -> None:
        self.mode: Mode = "play"
        self.period_s = 1 / fps
        self.login = login  # "user:password", asked for by HTTP Basic
        self.pictures = pictures or [jpeg(value, *size_px) for value in range(0, 250, 10)]
        self.requests: list[str] = []
        self.sent_s: list[float] = []  # time.monotonic() before each picture was sent
        self.connections = 0
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.listen()

    @property
    def url(self) -> str:
        raise NotImplementedError

    def listen(self) -> None:
        """Begin, or come back at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def vanish(self) -> None:
        """As if somebody pulled the plug: no connection, and nobody listens."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed by `vanish`
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._guard, args=(connection,), daemon=True).start()

    def _guard(self, connection: socket.socket) -> None:
        self._sockets.add(connection)
        with contextlib.suppress(OSError), connection:
            connection.settimeout(30)
            self._serve(connection)
        self._sockets.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def _play(self, send: Callable[[bytes], None], garbage: Callable[[bytes], None]) -> None:
        """Send pictures in real time, following `mode`, until it says cut."""
        number, due_s = 0, time.monotonic()
        random = np.random.default_rng(3)
        while self.mode != "cut":
            if self.mode == "play":
                self.sent_s.append(time.monotonic())
                send(self.pictures[number % len(self.pictures)])
                number += 1
            elif self.mode == "garbage":
                garbage(random.bytes(2000))
            due_s = max(due_s + self.period_s, time.monotonic() - 1)
            time.sleep(max(0.0, due_s - time.monotonic()))

    def _may_enter(self, request: str) -> bool:
        if self.login is None:
            return True
        word = base64.b64encode(self.login.encode()).decode()
        return f"Authorization: Basic {word}" in request


class HttpCamera(CameraServer):
    """GET gives an endless multipart of JPEGs."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    def _serve(self, connection: socket.socket) -> None:
        request = connection.recv(4096).decode()
        self.requests.append(request)
        if not self._may_enter(request):
            connection.sendall(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=camera\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
            return
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        )
        if request.startswith("HEAD"):
            return

        def send(data: bytes) -> None:
            head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
            connection.sendall(head + data + b"\r\n")

        self._play(send, connection.sendall)


class RtspCamera(CameraServer):
    """One MJPEG track, over the RTSP connection (interleaved) or UDP, as the client asks."""

    def __init__(self, **options: object) -> None:
        self.transports: list[str] = []
        super().__init__(**options)  # type: ignore[arg-type] # the same options, passed on

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def _serve(self, connection: socket.socket) -> None:
        pending, transport = b"", ""
        while True:
            while b"\r\n\r\n" not in pending:
                data = connection.recv(4096)
                if not data:
                    return
                pending += data
            head, pending = pending.split(b"\r\n\r\n", 1)
            request = head.decode(errors="replace")
            self.requests.append(request)
            if not self._may_enter(request):
                self._answer(
                    connection, request, "401 Unauthorized", "WWW-Authenticate: Basic realm=camera"
                )
                continue
            method = request.split(" ", 1)[0]
            if method == "SETUP":
                transport = header(request, "Transport")
                self.transports.append(transport)
            self._reply(connection, request, method, transport)
            if method == "TEARDOWN":
                return
            if method == "PLAY":
                self._stream(connection, transport)
                return

    def _reply(self, connection: socket.socket, request: str, method: str, transport: str) -> None:
        if method == "OPTIONS":
            self._answer(
                connection, request, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
            )
        elif method == "DESCRIBE":
            sdp = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 26\r\na=control:track0\r\n"
                f"a=framerate:{1 / self.period_s:.3f}\r\n"
            )
            self._answer(connection, request, "200 OK", "Content-Type: application/sdp", body=sdp)
        elif method == "SETUP":
            if "TCP" not in transport:
                transport += ";server_port=6000-6001"
            self._answer(connection, request, "200 OK", f"Transport: {transport}", "Session: 1")
        else:
            self._answer(connection, request, "200 OK", "Session: 1")

    @staticmethod
    def _answer(
        connection: socket.socket, request: str, status: str, *headers: str, body: str = ""
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {header(request, 'CSeq')}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _stream(self, connection: socket.socket, transport: str) -> None:
        if "TCP" in transport:

            def send_packet(packet: bytes) -> None:
                connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)

            self._play_rtp(send_packet)
        else:
            port = int(transport.split("client_port=")[1].split("-")[0])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                self._play_rtp(lambda packet: udp.sendto(packet, ("127.0.0.1", port)))

    def _play_rtp(self, send_packet: Callable[[bytes], object]) -> None:
        sequence, start_s = 0, time.monotonic()

        def send(data: bytes) -> None:
            nonlocal sequence
            ticks = round((time.monotonic() - start_s) * 90_000)
            for packet in rtp_packets(data, sequence, ticks):
                send_packet(packet)
                sequence += 1

        self._play(send, send_packet)


def header(request: str, name: str) -> str:
    for line in request.split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return ""


def rtp_packets(data: bytes, sequence: int, ticks: int) -> list[bytes]:
    """One baseline 4:2:0 JPEG as RTP payload type 26 (RFC 2435, type 1, tables in the stream)."""
    tables, (width_px, height_px), scan = jpeg_parts(data)
    packets = []
    for at in range(0, len(scan), 1200):
        piece = scan[at : at + 1200]
        last = at + 1200 >= len(scan)
        rtp = struct.pack(
            ">BBHII", 0x80, 26 | (0x80 if last else 0), (sequence + len(packets)) & 0xFFFF, ticks, 1
        )
        main = struct.pack(
            ">BBHBBBB", 0, at >> 16, at & 0xFFFF, 1, 255, width_px // 8, height_px // 8
        )
        quantizers = struct.pack(">BBH", 0, 0, len(tables)) + tables if at == 0 else b""
        packets.append(rtp + main + quantizers + piece)
    return packets


def jpeg_parts(data: bytes) -> tuple[bytes, tuple[int, int], bytes]:
    """Quantization tables, size and entropy-coded bytes of a baseline JPEG (ITU-T T.81, B.1)."""
    tables, size_px, at = b"", (0, 0), 2
    while True:
        kind, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if kind == 0xDB:
            body = data[at + 4 : at + 2 + length]
            tables += b"".join(body[i + 1 : i + 65] for i in range(0, len(body), 65))
        elif kind == 0xC0:
            height_px, width_px = struct.unpack_from(">HH", data, at + 5)
            size_px = (width_px, height_px)
        at += 2 + length
        if kind == 0xDA:
            return tables, size_px, data[at:-2]
