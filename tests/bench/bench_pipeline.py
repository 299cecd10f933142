"""The whole way from a 720p picture to an event, beside the bare model; fairness of four cameras;
what a parked unit costs; memory over ten thousand pictures.

With the model that ships, in about two minutes. Everything that is compared is measured in turn, in
short rounds, since machines are never quiet; figures are medians over the rounds and say how busy
the computer was. `PATROL_EDGE_BENCH_FRAMES` makes the memory run shorter or longer; its figure says
how long it was.
"""

import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from config.devices import FileCameraConfig
from config.perception import EpisodesConfig, PerceptionConfig
from drivers.base import Driver
from drivers.clock import SystemClock
from drivers.factory import open_camera
from drivers.samples import Frame
from edge.reporting.computer import process_rss_mib
from edge.running.driver_loop import DriverHealth, run_driver
from edge.running.mailbox import Mailbox
from edge.running.niceness import give_way
from edge.seeing.chain import Chain, unplaced
from edge.seeing.circumstances import Circumstances
from edge.seeing.detectors import open_detector
from edge.seeing.episodes import Change, EpisodeDesk
from edge.seeing.look import Ending, Look
from edge.seeing.vision import Vision
from perception.detection.detector import Detector
from perception.detection.preprocess import Placement
from perception.detections import Detections, Track
from perception.inference.model_spec import ModelSpec
from perception.place.placed import Scene
from tests.bench.bench_run import clip_720p
from tests.bench.figures import Figure
from tests.head_writer import yolox
from tests.onnx_writer import constant_model

CLOCK = SystemClock()
ROUNDS = 5
ROUND_S = 2.0
PARKED_ROUNDS = 3
PARKED_S = 4.0  # two looks
SETTLE_S = 0.5
CAMERAS = 4
CAMERA_FPS = (5.0, 25.0)  # as many as there is time for; more
MANY_FRAMES = 10_000
WARM_FRAMES = 1_000
PATROL_FPS = 15.0  # as a patrol car has it
GATE_SHUTS_S = 5.0  # parked for two seconds, and nothing moved for two
FASTER_FPS = 75.0  # more than any of the ways can look at


def measure() -> Iterator[Figure]:
    detector = open_detector(PerceptionConfig(threads=1))  # as shipped
    with tempfile.TemporaryDirectory() as folder:
        clip = clip_720p(Path(folder))
        yield from beside_the_bare_model(detector, clip)
        for fps in CAMERA_FPS:
            yield from four_cameras(detector, clip, fps)
        yield from memory(Path(folder))
        yield from parked_and_busy(detector, clip, empty_clip(Path(folder), clip))


@dataclass(slots=True)
class Street:
    """Cameras that play the clip, and what looks at them."""

    vision: Vision
    events: list[Change]
    cameras: dict[str, DriverHealth]  # their `samples`: pictures that there were


@contextmanager
def watching(
    detector: Detector,
    clip: Path,
    cameras: int,
    fps: float,
    config: PerceptionConfig,
    *,
    parked: bool = False,
) -> Iterator[Street]:
    """Cameras of `fps` and the perception worker, running as on a unit, but for the outbox."""
    names = [f"camera{number}" for number in range(cameras)]
    frames: Mailbox[Frame] = Mailbox()
    events: list[Change] = []
    desk = EpisodeDesk(EpisodesConfig(), names, events.extend)
    around = Circumstances(parked=lambda: parked)
    vision = Vision(config, names, frames, lambda: detector, [desk], CLOCK, around=around)
    street = Street(vision, events, {name: DriverHealth(name, "camera") for name in names})
    stop = threading.Event()
    threads = [
        threading.Thread(target=play, args=(health, clip, fps, frames, stop, vision))
        for health in street.cameras.values()
    ]
    threads.append(threading.Thread(target=vision.work, args=(lambda: None, stop)))
    for thread in threads:
        thread.start()
    try:
        time.sleep(SETTLE_S)
        yield street
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)


def play(
    health: DriverHealth,
    clip: Path,
    fps: float,
    frames: Mailbox[Frame],
    stop: threading.Event,
    vision: Vision,
) -> None:
    """A camera as `edge.work` runs it."""
    name = health.name
    config = FileCameraConfig(kind="file", path=clip, loop=True, fps=fps)
    give_way()

    def opened() -> Driver[Frame]:
        return open_camera(name, config, CLOCK, lambda: vision.wants(name))

    def emit(frame: Frame) -> None:
        frames.put(name, frame)

    run_driver(health, opened, emit, stop, lambda: None, CLOCK)


def beside_the_bare_model(detector: Detector, clip: Path) -> Iterator[Figure]:
    """Pictures per second: the pipeline, a plain loop, and nothing but the model."""
    bare, loop, pipeline, latencies_ms, inference_ms = [bare_rate(detector)], [], [], [], []
    for _ in range(ROUNDS):
        config = PerceptionConfig(max_fps=120)
        with watching(detector, clip, 1, FASTER_FPS, config) as street:
            pipeline.append(rate_of(street.vision))
            latencies_ms += street.vision.latency_ms
            inference_ms += street.vision.inference_ms
        loop.append(plain_rate(detector, clip))
        bare.append(bare_rate(detector))
    # Each against the bare model right before and after it: what drifts cancels out.
    beside = [statistics.mean(pair) for pair in itertools.pairwise(bare)]
    ratio = statistics.median(p / b for p, b in zip(pipeline, beside, strict=True))
    plain = statistics.median(p / b for p, b in zip(loop, beside, strict=True))
    rates = (
        f"{statistics.median(bare):.1f}/s bare {detector.spec.name}, plain loop {plain:.2f} of it, "
        f"load {os.getloadavg()[0]:.1f}"
    )
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


def four_cameras(detector: Detector, clip: Path, fps: float) -> Iterator[Figure]:
    """720p at `fps` each, all wanted: who gets how many, and how old they are."""
    with watching(detector, clip, CAMERAS, fps, PerceptionConfig(max_fps=fps)) as street:
        vision = street.vision
        vision.latency_ms.clear()
        before = {name: tally.looked_at for name, tally in vision.tallies.items()}
        had_before = {name: health.samples for name, health in street.cameras.items()}
        began_s = time.perf_counter()
        time.sleep(4 * ROUND_S)
        seconds = time.perf_counter() - began_s
        looks = {name: tally.looked_at - before[name] for name, tally in vision.tallies.items()}
        had = {name: street.cameras[name].samples - had_before[name] for name in looks}
        latencies_ms = list(vision.latency_ms)
    # What each could have: all its pictures, or an even part of what was looked at in all.
    even = sum(looks.values()) / CAMERAS
    share = min(looks[name] / min(had[name], even) for name in looks)
    per_s = ", ".join(f"{count / seconds:.2f}" for count in looks.values())
    yield Figure(
        name=f"four 720p cameras at {fps:g}/s: the least served, of its share",
        value=share,
        unit="",
        limit=0.9,
        sense=">=",
        peer=f"{per_s} looks/s",
    )
    yield Figure(
        name=f"four 720p cameras at {fps:g}/s: age of conclusions, p95",
        value=float(np.percentile(latencies_ms, 95)),
        unit="ms",
        limit=400.0,
        peer=f"p50 {statistics.median(latencies_ms):.0f} ms, {len(latencies_ms)} looks",
    )


def empty_clip(folder: Path, street: Path) -> Path:
    """The street with nobody in it, the median of its pictures, and a camera's noise over it."""
    source = cv2.VideoCapture(str(street))
    pictures = []
    while source.grab():
        pictures.append(source.retrieve()[1])
    source.release()
    scene = np.median(pictures[:: max(1, len(pictures) // 25)], axis=0)
    path, noise = folder / "empty.avi", np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (1280, 720))
    for _ in range(10):
        grain = noise.normal(0, 2, scene.shape)
        writer.write(np.clip(scene + grain, 0, 255).astype(np.uint8))
    writer.release()
    return path


def parked_and_busy(detector: Detector, clip: Path, empty: Path) -> Iterator[Figure]:
    """Processor time of the whole process in the same time: cameras at 15/s, decoding included."""
    parked, busy, looks = [], [], [0, 0]
    config = PerceptionConfig(max_fps=PATROL_FPS)
    for _ in range(PARKED_ROUNDS):
        with watching(detector, clip, 1, PATROL_FPS, config) as street:
            before = street.vision.tallies["camera0"].looked_at
            busy.append(cpu_share(PARKED_S))
            looks[0] += street.vision.tallies["camera0"].looked_at - before
        with watching(detector, empty, 1, PATROL_FPS, config, parked=True) as street:
            time.sleep(GATE_SHUTS_S)
            before = street.vision.tallies["camera0"].looked_at
            parked.append(cpu_share(PARKED_S))
            looks[1] += street.vision.tallies["camera0"].looked_at - before
    ratio = statistics.median(p / b for p, b in zip(parked, busy, strict=True))
    yield Figure(
        name="parked before an empty scene: processor time, of a busy one",
        value=ratio,
        unit="",
        limit=0.2,
        peer=f"{statistics.median(parked):.3f} and {statistics.median(busy):.3f} cores, "
        f"{looks[1]} and {looks[0]} looks, load {os.getloadavg()[0]:.1f}",
    )


def cpu_share(seconds: float) -> float:
    """Cores that this process used, over so long."""
    cpu_s, began_s = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    return (time.process_time() - cpu_s) / (time.perf_counter() - began_s)


class Crowd(Detector):
    """A small model's detector whose pictures always show somebody new: what it finds is made up,
    so that tracks and episodes begin and end all the time."""

    def conclude(
        self, outputs: Sequence[Sequence[np.ndarray]], placements: Sequence[Placement]
    ) -> Detections:
        super().conclude(outputs, placements)
        now_s = time.monotonic()
        boxes = []
        for lane in range(20):  # each walks across in a second or two, then comes the next
            period_s = 1.0 + lane / 20
            x = (now_s % period_s) / period_s * 560
            boxes.append((x, 15 * lane, x + 30, 15 * lane + 60))
        scores = np.full(len(boxes), 0.8, np.float32)
        return Detections(np.array(boxes, np.float32), scores, np.zeros(len(boxes), np.int64))


class Ids:
    """An observer that notes whether the id of a track that has ended is ever given again."""

    def __init__(self) -> None:
        self.reused = 0
        self.ended: set[int] = set()
        self._alive: dict[str, set[int]] = {}

    def see(self, look: Look) -> None:
        now = {track.track_id for track in look.tracks}
        before = self._alive.get(look.frame.camera, set())
        self.reused += len(now & self.ended)
        self.ended |= before - now
        self._alive[look.frame.camera] = now

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:
        self.ended |= self._alive.pop(camera, set())


def mostly_parked(frame: Frame, tracks: tuple[Track, ...]) -> Scene:
    """Only the first camera drives: to measure the motion of all takes twice as long."""
    return replace(unplaced(frame, tracks), parked=frame.camera != "camera0")


def memory(folder: Path) -> Iterator[Figure]:
    """Resident memory over many pictures: 360p, eight cameras, a model that is quick."""
    wanted = int(os.environ.get("PATROL_EDGE_BENCH_FRAMES", MANY_FRAMES))
    path = folder / "quick.onnx"
    path.write_bytes(constant_model(yolox([], 64, 64), {"images": ((1, 3, 64, 64), 1)}))
    spec = ModelSpec(name="quick", family="yolox", labels=None, path=path)
    crowd, ids, events = Crowd.open(spec, threads=1), Ids(), [0]
    names = [f"camera{number}" for number in range(8)]
    frames: Mailbox[Frame] = Mailbox()

    def count(changes: list[Change]) -> None:
        events[0] += len(changes)

    desk = EpisodeDesk(EpisodesConfig(), names, count)
    config = PerceptionConfig(max_fps=120)
    vision = Vision(config, names, frames, lambda: crowd, [desk, ids], CLOCK, mostly_parked)
    stop = threading.Event()
    worker = threading.Thread(target=vision.work, args=(lambda: None, stop))
    worker.start()
    scene = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8), (0, 0), 3
    )
    shifts = itertools.cycle(range(0, 32, 2))  # a camera that turns
    sizes_mib, warm_mib, looked_at = [], 0.0, 0
    while looked_at < wanted:
        time.sleep(1e-3)
        for name in names:
            if frames.waiting(name):
                continue
            image = np.roll(scene, next(shifts), axis=1)
            frames.put(name, Frame(camera=name, number=0, mono_s=CLOCK.mono_s(), image=image))
        looked_at = sum(tally.looked_at for tally in vision.tallies.values())
        if looked_at >= WARM_FRAMES:
            sizes_mib.append(process_rss_mib() or 0.0)
            warm_mib = warm_mib or sizes_mib[0]
    stop.set()
    worker.join(5)
    yield Figure(
        name=f"resident memory over {wanted} pictures, growth",
        value=max(sizes_mib) - warm_mib,
        unit="MiB",
        limit=20.0,
        peer=f"{warm_mib:.0f} MiB at {WARM_FRAMES}, {len(ids.ended)} tracks, {events[0]} events",
    )
    yield Figure(
        name=f"track ids used again over {wanted} pictures", value=ids.reused, unit="", limit=0
    )
