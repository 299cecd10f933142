"""Cameras: how steady, how soon a stall is noticed, how soon it is over, what capture costs."""

import contextlib
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import structlog

from config.devices import FileCameraConfig, StreamCameraConfig
from drivers.base import EndOfRecordingError
from drivers.cameras.capture import prepare
from drivers.cameras.file import FileCamera
from drivers.cameras.recordings import open_recording
from drivers.cameras.stream import StreamCamera
from drivers.clock import SystemClock
from edge.running.driver_loop import DriverHealth, run_driver
from edge.work import CAMERA_RETRY_S
from perception.camera.soundness import PictureWatch
from tests.bench.figures import Figure
from tests.camera_sources import CameraServer, HttpCamera, RtspCamera

CLOCK = SystemClock()
AWAY_S = 4.0


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        video = write_video(Path(folder) / "720p.avi")
        yield from playback(video)
        yield from cost(video)
        yield look_cost(video)
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)  # the outages are meant, and the table is on stdout
    for server in (HttpCamera(), RtspCamera()):
        with server:
            yield from outage(server)
    structlog.reset_defaults()


def write_video(path: Path, frames: int = 75) -> Path:
    """720p, 25 pictures a second, with something to decode in them."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (1280, 720))
    noise = np.random.default_rng(1).integers(0, 255, (45, 80, 3), np.uint8)
    image = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
    for index in range(frames):
        writer.write(np.roll(image, index * 4, axis=1))
    writer.release()
    return path


def playback(video: Path) -> Iterator[Figure]:
    """How far behind its stamp a picture is handed over."""
    driver = FileCamera.open("bench", FileCameraConfig(kind="file", path=video, loop=True), CLOCK)
    ages_ms = []
    until_s = time.monotonic() + 4
    while time.monotonic() < until_s:
        frame = driver.read()
        if frame is not None:
            ages_ms.append((time.monotonic() - frame.mono_s) * 1000)
    driver.close()
    late = f"{driver.counters()['skipped_late']} of {len(ages_ms)} skipped late"
    yield Figure(
        name="camera: 720p file, hand-over after stamp, median",
        value=statistics.median(ages_ms),
        unit="ms",
        limit=50,
        peer=late,
    )
    yield Figure(
        name="camera: 720p file, hand-over after stamp, p95",
        value=float(np.percentile(ages_ms, 95)),
        unit="ms",
    )


def cost(video: Path) -> Iterator[Figure]:
    """CPU of one picture through FileCamera against bare VideoCapture, taking turns."""
    prepare()
    bare = []
    ours = []
    for _ in range(5):
        bare.append(bare_cpu_ms(video))
        ours.append(driver_cpu_ms(video))
    yield Figure(
        name="camera: CPU per 720p picture, FileCamera / bare read",
        value=statistics.median(ours) / statistics.median(bare),
        unit="x",
        limit=1.15,
        peer=f"{statistics.median(ours):.2f} ms / {statistics.median(bare):.2f} ms",
    )


def look_cost(video: Path) -> Figure:
    """What judging each camera's picture once a second costs, beside decoding it."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    began_s = time.thread_time()
    pictures = [capture.read()[1] for _ in range(25)]
    decode_ms = (time.thread_time() - began_s) * 1000 / len(pictures)
    capture.release()
    watch, times_ms = PictureWatch(), []
    for number in range(200):
        before_s = time.thread_time()
        watch.look(pictures[number % len(pictures)], float(number))
        times_ms.append((time.thread_time() - before_s) * 1000)
    return Figure(
        name="camera: judging a 720p picture (dark, burnt out, covered, frozen), one a second",
        value=statistics.median(times_ms),
        unit="ms",
        limit=5,
        peer=f"p95 {float(np.percentile(times_ms, 95)):.2f} ms; decoding it {decode_ms:.2f} ms",
    )


def bare_cpu_ms(video: Path) -> float:
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    count, started_s = 0, time.process_time()
    while capture.read()[0]:
        count += 1
    capture.release()
    return (time.process_time() - started_s) * 1000 / count


def driver_cpu_ms(video: Path) -> float:
    clock = Hurry()
    config = FileCameraConfig(kind="file", path=video)
    driver = FileCamera("bench", open_recording(video), config, clock, clock.sleep)
    count, started_s = 0, time.process_time()
    with contextlib.suppress(EndOfRecordingError):
        while True:
            count += driver.read() is not None
    driver.close()
    return (time.process_time() - started_s) * 1000 / count


class Hurry(SystemClock):
    """A clock on which waiting takes no time, so that only the work is measured."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def mono_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds


def outage(server: CameraServer) -> Iterator[Figure]:
    """A camera falls silent, is away, and comes back, as the unit's own loop lives through it."""
    kind = type(server).__name__.removesuffix("Camera").upper()
    config = StreamCameraConfig(kind="stream", url=server.url)
    health = DriverHealth(name="bench", component="camera")
    stop = threading.Event()

    def run() -> None:
        run_driver(
            health,
            lambda: StreamCamera.open("bench", config, CLOCK),
            lambda frame: None,
            stop,
            lambda: None,
            CLOCK,
            CAMERA_RETRY_S,
        )

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: health.samples > 25)
    server.mode = "stall"
    wait_until(lambda: health.outages > 0)
    yield Figure(
        name=f"camera: {kind}, last picture to fault",
        value=time.monotonic() - (health.last_sample_mono_s or 0),
        unit="s",
        limit=2,
    )
    server.vanish()
    server.mode = "play"
    time.sleep(AWAY_S)
    server.listen()
    back_s, before = time.monotonic(), health.samples
    wait_until(lambda: health.samples > before)
    yield Figure(
        name=f"camera: {kind}, back after {AWAY_S:g} s to first picture",
        value=time.monotonic() - back_s,
        unit="s",
        limit=5,
    )
    stop.set()
    thread.join()


def wait_until(done: Callable[[], bool], timeout_s: float = 60.0) -> None:
    until_s = time.monotonic() + timeout_s
    while not done() and time.monotonic() < until_s:
        time.sleep(0.01)
