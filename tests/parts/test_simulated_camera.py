"""`patrol-edge simulate camera`, opened by the driver as a network camera, and told what to do."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from config.devices import StreamCameraConfig
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.cameras.stream import StreamCamera
from drivers.clock import SystemClock
from drivers.samples import Frame
from drivers.simulated.camera import SimulatedCamera, street
from drivers.simulated.verbs import obey
from tests.simulators import end


def decoded(data: bytes | None) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None":
    if data is None:
        return None
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


def test_what_can_befall_a_camera_is_in_its_pictures() -> None:
    camera = SimulatedCamera(street(320, 180), 25.0)
    plain = decoded(camera.picture(1.0))
    later = decoded(camera.picture(4.0))
    assert plain is not None
    assert later is not None
    assert np.abs(plain.astype(int) - later).max() > 100, "a car drives"

    assert obey(camera.verbs(), "cover on", 0.0) == "ok"
    covered = decoded(camera.picture(5.0))
    assert covered is not None
    assert covered.std() < 3
    obey(camera.verbs(), "cover off", 0.0)
    obey(camera.verbs(), "freeze on", 0.0)
    assert camera.picture(6.0) == camera.picture(7.0)
    obey(camera.verbs(), "freeze off", 0.0)
    obey(camera.verbs(), "glare on", 0.0)
    bright = decoded(camera.picture(8.0))
    assert bright is not None
    assert bright.mean() > 240
    obey(camera.verbs(), "hang on", 0.0)
    assert camera.picture(9.0) is None
    assert obey(camera.verbs(), "fps 1000", 0.0).startswith("error 1000 is not within")
    assert "freeze on|off" in obey(camera.verbs(), "help", 0.0)


@contextmanager
def simulated(folder: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    program = [sys.executable, "-m", "edge.cli.main", "simulate", "camera", "--port", "0"]
    with subprocess.Popen(
        [*program, "--control", str(folder / "control"), *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        try:
            yield process, told.partition("a camera: ")[2].strip()
        finally:
            end(process)


def tell(folder: Path, order: str) -> str:
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(folder / "control"))
        control.sendall(f"{order}\n".encode())
        return control.recv(4096).decode().strip()


def next_frame(camera: StreamCamera, within_s: float = 5.0) -> Frame:
    ends_s = time.monotonic() + within_s
    while time.monotonic() < ends_s:
        frame = camera.read()
        if frame is not None:
            return frame
    raise AssertionError("no picture")


def read_on(camera: StreamCamera) -> None:
    for _ in range(20):
        camera.read()


def test_the_driver_opens_it_like_a_real_one(tmp_path: Path) -> None:
    with simulated(tmp_path, "--fps", "20") as (_, url):
        config = StreamCameraConfig(kind="stream", url=url, stalled_after_s=1.0)
        camera = StreamCamera.open("front", config, SystemClock())
        try:
            first = next_frame(camera)
            assert (first.width_px, first.height_px) == (640, 360)
            began_s, before = time.monotonic(), first.number
            while time.monotonic() - began_s < 1.0:
                last = next_frame(camera)
            assert 12 <= last.number - before <= 28
            assert tell(tmp_path, "gone on") == "ok"
            with pytest.raises(DeviceLostError):
                read_on(camera)
        finally:
            camera.close()
        with pytest.raises(DeviceUnavailableError):
            StreamCamera.open("front", config, SystemClock())
        assert tell(tmp_path, "gone off") == "ok"
        again = StreamCamera.open("front", config, SystemClock())
        assert next_frame(again).width_px == 640
        again.close()


def test_a_port_in_use_and_a_file_that_is_no_clip_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        program = [sys.executable, "-m", "edge.cli.main", "simulate", "camera"]
        ran = subprocess.run([*program, "--port", port], capture_output=True, text=True, timeout=60)
        assert ran.returncode == 1
        assert "give another --port" in ran.stderr
    (tmp_path / "clip.mp4").write_text("no video")
    options = ["--port", "0", "--clip", str(tmp_path / "clip.mp4")]
    ran = subprocess.run([*program, *options], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert "is no video that can be read" in ran.stderr
