"""The whole way from a 720p picture to an event, beside the bare model; fairness of four cameras;
what a parked unit costs; memory over ten thousand pictures.

Everything that is compared is measured in turn, in short rounds, since machines are never quiet.
`PATROL_EDGE_BENCH_FRAMES` makes the memory run shorter or longer; its figure says how long it was.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from config.devices import FileCameraConfig
from config.perception import EpisodesConfig, PerceptionConfig
from drivers.base import Driver
from drivers.clock import SystemClock
from drivers.factory import open_camera
from drivers.samples import Frame
from edge.running.driver_loop import DriverHealth, run_driver
from edge.running.mailbox import Mailbox
from edge.seeing.chain import Chain, unplaced
from edge.seeing.episodes import Change, EpisodeDesk
from edge.seeing.vision import Vision
from perception.detection.detector import Detector
from perception.inference.catalogue import Catalogue
from tests.bench.bench_run import clip_720p
from tests.bench.figures import Figure

CLOCK = SystemClock()
ROUNDS = 3
ROUND_S = 2.0
SETTLE_S = 0.5
FASTER_FPS = 60.0  # more than any of the ways can look at


def measure() -> Iterator[Figure]:
    detector = Detector.open(Catalogue().find("nanodet-g-416"), threads=1, score_min=0.1)
    with tempfile.TemporaryDirectory() as folder:
        clip = clip_720p(Path(folder))
        yield from beside_the_bare_model(detector, clip)


@dataclass(slots=True)
class Street:
    """Cameras that play the clip, and what looks at them."""

    vision: Vision
    events: list[Change] = field(default_factory=list)


@contextmanager
def watching(
    detector: Detector, clip: Path, cameras: int, fps: float, config: PerceptionConfig
) -> Iterator[Street]:
    """Cameras of `fps` and the perception worker, running as on a unit, but for the outbox."""
    names = [f"camera{number}" for number in range(cameras)]
    frames: Mailbox[Frame] = Mailbox()
    events: list[Change] = []
    desk = EpisodeDesk(EpisodesConfig(), names, events.extend)
    vision = Vision(config, names, frames, lambda: detector, [desk], CLOCK)
    stop = threading.Event()
    threads = [
        threading.Thread(target=play, args=(name, clip, fps, frames, stop)) for name in names
    ]
    threads.append(threading.Thread(target=vision.work, args=(lambda: None, stop)))
    for thread in threads:
        thread.start()
    try:
        time.sleep(SETTLE_S)
        yield Street(vision, events)
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)


def play(name: str, clip: Path, fps: float, frames: Mailbox[Frame], stop: threading.Event) -> None:
    config = FileCameraConfig(kind="file", path=clip, loop=True, fps=fps)

    def opened() -> Driver[Frame]:
        return open_camera(name, config, CLOCK)

    health = DriverHealth(name, "camera")
    run_driver(health, opened, lambda frame: frames.put(name, frame), stop, lambda: None, CLOCK)


def beside_the_bare_model(detector: Detector, clip: Path) -> Iterator[Figure]:
    """Pictures per second: the pipeline, a plain loop, and nothing but the model."""
    bare, loop, pipeline, latencies_ms, inference_ms = [], [], [], [], []
    for _ in range(ROUNDS):
        bare.append(bare_rate(detector))
        config = PerceptionConfig(max_fps=120)
        with watching(detector, clip, 1, FASTER_FPS, config) as street:
            pipeline.append(rate_of(street.vision))
            latencies_ms += street.vision.latency_ms
            inference_ms += street.vision.inference_ms
        loop.append(plain_rate(detector, clip))
    ratio = statistics.median(p / b for p, b in zip(pipeline, bare, strict=True))
    plain = statistics.median(p / b for p, b in zip(loop, bare, strict=True))
    rates = f"{statistics.median(bare):.1f}/s bare, plain loop {plain:.2f} of it"
    yield Figure(
        name="pipeline: pictures per second, of the bare model's",
        value=ratio,
        unit="",
        limit=0.95,
        sense=">=",
        peer=rates,
    )
    period_ms = 1e3 / statistics.median(pipeline)
    model_ms = statistics.median(inference_ms)
    yield Figure(
        name="pipeline: frame to event, p95",
        value=float(np.percentile(latencies_ms, 95)),
        unit="ms",
        limit=2 * period_ms + model_ms,
        peer=f"period {period_ms:.1f} ms, model {model_ms:.1f} ms, "
        f"p50 {statistics.median(latencies_ms):.1f} ms",
    )


def bare_rate(detector: Detector) -> float:
    """Runs of the model per second on a tensor that is ready."""
    tensor = detector.tensor.copy()
    runs, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < ROUND_S:
        detector.infer(tensor)
        runs += 1
    return runs / (time.perf_counter() - began_s)


def rate_of(vision: Vision) -> float:
    """Looks per second, over a round."""
    tallies = vision.tallies.values()
    before, began_s = sum(tally.looked_at for tally in tallies), time.perf_counter()
    time.sleep(ROUND_S)
    looks = sum(tally.looked_at for tally in tallies) - before
    return looks / (time.perf_counter() - began_s)


def plain_rate(detector: Detector, clip: Path) -> float:
    """The same work as one would write it down: in one thread, one thing after another."""
    config = PerceptionConfig()
    chain = Chain.build(config, ["street"], 0.35, iter(range(1, 10**9)), unplaced)
    desk = EpisodeDesk(EpisodesConfig(), ["street"], lambda changes: None)
    source = FileCameraConfig(kind="file", path=clip, loop=True, fps=FASTER_FPS)
    camera = open_camera("street", source, CLOCK)
    looks, began_s = 0, time.perf_counter()
    while time.perf_counter() - began_s < ROUND_S:
        frame = camera.read()
        if frame is not None:
            desk.see(chain.see(frame, detector.detect(frame.image)))
            looks += 1
    seconds = time.perf_counter() - began_s
    camera.close()
    return looks / seconds
