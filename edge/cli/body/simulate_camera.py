"""`patrol-edge simulate camera`: a network camera (MJPEG over HTTP) on loopback."""

import argparse
import select
import sys
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.simulating import add_control, add_duration, ends_s, played
from edge.cli.console import CommandError
from edge.cli.parser import add_command, number_in, tcp_port

if TYPE_CHECKING:
    from drivers.simulated.camera import SimulatedCamera, Source
    from drivers.simulated.hands import Hands

STEP_S = 0.02
BOUNDARY = b"picture"
CAMERA_HELP = """\
Be a camera on the network, with pictures of a street that does not exist, or of a clip. Ends
with Ctrl-C, or after --duration. In the unit's file:

  cameras:
    front: {kind: stream, url: "http://127.0.0.1:8090/video"}

It does what it is told on stdin and on the control socket, a line each; `help` lists what:

  echo 'cover on' | socat - UNIX-CONNECT:/tmp/camera
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        parts, "camera", "be a network camera, and what can befall one", CAMERA_HELP
    )
    add = parser.add_argument
    add(
        "--port", type=tcp_port, default=8090, metavar="N", help="on loopback; 0: any; default 8090"
    )
    add("--fps", type=number_in(0.001, 120), default=25.0, metavar="N", help="default 25")
    add("--clip", type=Path, metavar="FILE", help="a video to play, over and over")
    add_control(parser)
    add_duration(parser)
    parser.set_defaults(handler=simulate)


def simulate(args: argparse.Namespace) -> int:
    from drivers.base import DeviceUnavailableError
    from drivers.simulated.camera import SimulatedCamera
    from drivers.simulated.hands import Hands
    from drivers.simulated.verbs import obey

    end_s = ends_s(args)
    try:
        camera = SimulatedCamera(_source(args.clip), args.fps)
        server = CameraServer(camera, args.port)
        hands = Hands(partial(obey, camera.verbs()), args.control, sys.stdin.fileno())
    except DeviceUnavailableError as error:
        raise CommandError(str(error)) from error
    server.begin()
    name = f"a camera: http://127.0.0.1:{server.server_port}/video"
    return played(name, lambda: _run(hands, end_s), server, hands)


def _source(path: Path | None) -> "Source":
    from drivers.simulated.camera import clip, street

    return street(640, 360) if path is None else clip(path)


def _run(hands: "Hands", end_s: float) -> None:
    while time.monotonic() < end_s:
        ready, _, _ = select.select(hands.waits_on(), [], [], STEP_S)
        hands.serve(ready)


class CameraServer(ThreadingHTTPServer):
    """A thread for each viewer."""

    daemon_threads = True

    def __init__(self, camera: "SimulatedCamera", port: int) -> None:
        """Raises CommandError where the port is taken."""
        self.camera = camera
        try:
            super().__init__(("127.0.0.1", port), _Viewer)
        except OSError as error:
            told = f"port {port} cannot be used: {error.strerror}"
            raise CommandError(told, "give another --port") from error
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="camera")

    def begin(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.camera.gone = True  # connections end
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Viewer(BaseHTTPRequestHandler):
    """One connection: pictures in real time, as multipart/x-mixed-replace, until it ends."""

    server: CameraServer

    def do_GET(self) -> None:
        camera = self.server.camera
        if camera.gone:
            return
        self.send_response(200)
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}"
        self.send_header("Content-Type", kind)
        self.end_headers()
        try:
            self._play(camera)
        except (BrokenPipeError, ConnectionResetError):
            return  # the viewer has left

    def do_HEAD(self) -> None:
        if not self.server.camera.gone:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace")
            self.end_headers()

    def _play(self, camera: "SimulatedCamera") -> None:
        due_s = time.monotonic()
        while not camera.gone:
            now_s = time.monotonic()
            if now_s < due_s:
                time.sleep(min(STEP_S, due_s - now_s))
                continue
            data = camera.picture(now_s)
            due_s = max(due_s + 1 / camera.fps, now_s - 1.0)
            if data is not None:
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(b"--" + BOUNDARY + b"\r\n" + head.encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing: stdout and stderr are for the technician."""
