"""The perception worker under bad pictures, bad stamps, crashes and hangs; with a small model."""

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edge.running.stages
import edge.running.worker
import edge.seeing.easing
import edge.seeing.pipeline
import edge.seeing.vision
from config.devices import CameraSource
from config.perception import EasingConfig, ParkedConfig, PerceptionConfig
from drivers.clock import SystemClock
from drivers.samples import Frame
from edge.reporting.device_findings import onlooker_findings
from edge.running.mailbox import Mailbox
from edge.running.worker import Worker, WorkerState
from edge.seeing.chain import Place, unplaced
from edge.seeing.circumstances import Circumstances
from edge.seeing.easing import Condition, Easing
from edge.seeing.ladder import Step
from edge.seeing.look import Ending, Look
from edge.seeing.vision import Vision
from perception.detection.detector import Detector
from perception.detections import Track
from perception.errors import ModelError
from perception.inference.model_spec import ModelSpec
from perception.place.placed import Scene
from tests.head_writer import Known, yolox
from tests.onnx_writer import constant_model
from tests.unit_under_test import wait_for

CLOCK = SystemClock()
PATIENCE_S = 30.0
PICTURE = np.full((360, 640, 3), 90, np.uint8)
PATIENT = PerceptionConfig(max_fps=120, stale_after_s=PATIENCE_S)  # on a busy machine, too
SEEN = [Known("person", 0.8, (10.0, 20.0, 40.0, 60.0)), Known("car", 0.7, (5.0, 5.0, 30.0, 25.0))]


class Watcher:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.ends: list[tuple[str, str]] = []

    def see(self, look: Look) -> None:
        self.looks.append(look)

    def end(self, camera: str, reason: str, mono_s: float) -> None:
        self.ends.append((camera, reason))


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    """A model that sees the same in every picture, in no time."""
    path = tmp_path / "model.onnx"
    path.write_bytes(constant_model(yolox(SEEN, 64, 64), {"images": ((1, 3, 64, 64), 1)}))
    return Detector.open(ModelSpec(name="test", family="yolox", labels=None, path=path), threads=1)


@contextmanager
def running(
    detector: Detector,
    frames: Mailbox[Frame],
    watcher: Watcher,
    config: PerceptionConfig | None = None,
    sources: dict[str, CameraSource] | None = None,
    around: Circumstances = Circumstances(),  # noqa: B008 - frozen
    place: Place = unplaced,
    others: Sequence[Watcher] = (),
) -> Iterator[tuple[Vision, Worker]]:
    stop = threading.Event()
    config = config or PATIENT
    sources = sources or {"a": CameraSource()}
    around = replace(around, sources=sources)
    opener = lambda: detector  # noqa: E731
    watching = [watcher, *others]
    vision = Vision(config, list(sources), frames, opener, watching, CLOCK, place, around)
    worker = Worker(
        "perception", lambda beat: vision.work(beat, stop), stop, CLOCK, essential=False
    )
    worker.start()
    assert vision.ready.wait(10)
    try:
        yield vision, worker
    finally:
        stop.set()
        assert worker.join(3)


def frame(image: object = PICTURE, mono_s: float | None = None, camera: str = "a") -> Frame:
    stamp_s = CLOCK.mono_s() if mono_s is None else mono_s
    return Frame(camera=camera, number=0, mono_s=stamp_s, image=image)  # type: ignore[arg-type]


def show(vision: Vision, frames: Mailbox[Frame], one: Frame) -> None:
    """Put a frame, and wait until something became of it."""
    tally = vision.tallies[one.camera]
    before = tally.looked_at + sum(tally.dropped.values())
    frames.put(one.camera, one)
    assert wait_for(lambda: tally.looked_at + sum(tally.dropped.values()) > before)


class Glancing(Watcher):
    """One that watches the pictures themselves, too."""

    def __init__(self) -> None:
        super().__init__()
        self.glanced: list[Frame] = []

    def glance(self, frame: Frame, scene: Scene) -> None:
        assert not scene.tracks
        self.glanced.append(frame)


BAD = {
    "no_picture": np.zeros(7, np.uint8),
    "empty": np.zeros((0, 640, 3), np.uint8),
    "sixteen_bit": np.zeros((360, 640, 3), np.uint16),
    "wrong_type": np.full((360, 640, 3), np.nan, np.float32),
    "one_channel": np.zeros((360, 640), np.uint8),
    "alpha_channel": np.zeros((360, 640, 4), np.uint8),
    "wrong_channels": np.zeros((360, 640, 2), np.uint8),
}


def test_what_is_no_picture_is_counted_by_name_and_the_next_one_is_looked_at(
    detector: Detector,
) -> None:
    frames: Mailbox[Frame] = Mailbox()
    with running(detector, frames, Watcher()) as (vision, worker):
        for image in BAD.values():
            show(vision, frames, frame(image))
            show(vision, frames, frame())
        assert worker.crashes == 0

    assert vision.tallies["a"].dropped == dict.fromkeys(BAD, 1)
    assert vision.tallies["a"].looked_at == len(BAD)


def test_black_torn_odd_and_growing_pictures_are_survived_and_counted(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    torn = PICTURE.copy()
    torn[200:] = 128
    odd = np.asfortranarray(PICTURE)
    shown = [PICTURE, PICTURE * 0, torn, PICTURE[:, ::-1], PICTURE[::2, ::2], odd[:100, :1]]
    watcher = Watcher()
    with running(detector, frames, watcher) as (vision, worker):
        for image in shown:
            show(vision, frames, frame(image))
        assert worker.crashes == 0

    tally = vision.tallies["a"]
    assert tally.looked_at == len(shown)
    assert tally.flawed == {"black": 1, "torn": 1, "size_changed": 2}
    assert watcher.ends == [("a", "camera_lost"), ("a", "camera_lost"), ("a", "shutdown")]
    for look in watcher.looks:
        inside = [look.frame.width_px, look.frame.height_px] * 2
        assert (look.found.boxes <= inside).all()


def test_stamps_that_cannot_be_are_counted_and_time_goes_on(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    with running(detector, frames, Watcher()) as (vision, _):
        now_s = CLOCK.mono_s()
        stamps_s = [
            now_s,
            now_s - 0.1,
            now_s - 2 * PATIENCE_S,
            now_s + 3600,
            float("nan"),
            float("inf"),
        ]
        for stamp_s in stamps_s:
            show(vision, frames, frame(mono_s=stamp_s))
        show(vision, frames, frame())

    assert vision.tallies["a"].dropped == {"stamp_back": 1, "stale": 1, "stamp_ahead": 3}
    assert vision.tallies["a"].looked_at == 2


def test_eight_k_pictures_do_not_pile_up(detector: Detector) -> None:
    """At most one waits, one is made ready, one is ready, one in the model, and two behind it."""
    frames: Mailbox[Frame] = Mailbox()
    alive: list[weakref.ref[Frame]] = []
    most = 0
    with running(detector, frames, SmallWatcher(), PerceptionConfig(max_fps=120)) as (vision, _):
        for _ in range(30):
            one = FrameThatCanBeWatched(np.empty((4320, 7680, 3), np.uint8))
            alive.append(weakref.ref(one))
            frames.put("a", one)
            del one
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))
        assert wait_for(lambda: vision.tallies["a"].looked_at > 0)

    assert most <= 6


class SmallWatcher(Watcher):
    """Keeps nothing."""

    def see(self, look: Look) -> None:
        pass


class FrameThatCanBeWatched(Frame):
    """A dataclass with slots has no place for weak references; a class made from it has."""

    def __init__(self, image: np.ndarray) -> None:
        super().__init__(camera="a", number=0, mono_s=CLOCK.mono_s(), image=image)


class Fragile(Watcher):
    """One that fails at its second look."""

    def see(self, look: Look) -> None:
        super().see(look)
        if len(self.looks) == 2:
            raise RuntimeError("a bug of ours")

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:
        super().end(camera, reason, mono_s)
        raise RuntimeError("another one")


def test_an_observer_that_fails_costs_the_others_nothing_and_is_told(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    fragile, other = Fragile(), Watcher()
    with running(detector, frames, fragile, PATIENT, others=[other]) as (vision, worker):
        for _ in range(3):
            show(vision, frames, frame())
        failing = vision.onlookers.failing(CLOCK.mono_s())
        (finding,) = onlooker_findings(failing)
        assert worker.crashes == 0

    assert len(fragile.looks) == len(other.looks) == 3
    assert other.ends == [("a", "shutdown")]
    assert (finding.code, finding.component) == ("observer_failed", "perception.Fragile")
    assert "a bug of ours" in finding.text
    (newest,) = vision.onlookers.failing(CLOCK.mono_s())
    assert newest.times == 2
    assert vision.onlookers.failing(CLOCK.mono_s() + 61.0) == []


def test_a_camera_whose_pictures_cannot_be_looked_at_ends_what_it_saw(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures come and the model fails on each: nobody can say that things are still there."""
    monkeypatch.setattr(edge.seeing.vision, "UNSEEN_S", 0.1)
    frames: Mailbox[Frame] = Mailbox()
    works = detector.run
    config = PerceptionConfig(max_fps=120, stale_after_s=30, parked=ParkedConfig(look_every_s=0.2))

    def refuses(filled: object) -> None:
        raise ModelError("the model failed on a picture", "try another")

    watcher = Watcher()
    with running(detector, frames, watcher, config) as (vision, _):
        show(vision, frames, frame())
        monkeypatch.setattr(detector, "run", refuses)
        monkeypatch.setattr(edge.seeing.vision, "CAMERA_LOST_S", 0.5)
        begun_s = CLOCK.mono_s()
        while not watcher.ends and CLOCK.mono_s() - begun_s < 10:
            show(vision, frames, frame())
        monkeypatch.setattr(detector, "run", works)

    assert watcher.ends[0] == ("a", "camera_lost")


def test_a_crash_ends_what_was_begun_and_the_worker_comes_back(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.running.worker, "RETRY_S", (0.01,))
    frames: Mailbox[Frame] = Mailbox()
    placed = itertools.count(1)

    def place(shown: Frame, tracks: tuple[Track, ...]) -> Scene:
        if next(placed) == 2:
            raise RuntimeError("a bug of ours")
        return unplaced(shown, tracks)

    watcher = Watcher()
    with running(detector, frames, watcher, PATIENT, place=place) as (vision, worker):
        show(vision, frames, frame())
        frames.put("a", frame())
        assert wait_for(lambda: worker.crashes == 1 and worker.state is WorkerState.RUNNING)
        assert watcher.ends == [("a", "shutdown")]
        show(vision, frames, frame())
        names = sorted(thread.name for thread in threading.enumerate())

    assert [name for name in names if name.startswith("perception.")] == [
        "perception.conclude",
        "perception.infer",
        "perception.prepare",
    ]
    assert "a bug of ours" in worker.last_error


def test_a_model_that_fails_is_told_once_and_forgotten_when_it_works_again(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: Mailbox[Frame] = Mailbox()
    works = detector.run

    def refuses(filled: object) -> None:
        raise ModelError("the model failed on a picture", "try another")

    with running(detector, frames, Watcher()) as (vision, _):
        monkeypatch.setattr(detector, "run", refuses)
        show(vision, frames, frame())
        assert vision.model_error == "the model failed on a picture (try another)"
        monkeypatch.setattr(detector, "run", works)
        show(vision, frames, frame())
        assert vision.model_error == ""

    assert vision.tallies["a"].dropped == {"detector_failed": 1}


def test_looks_keep_their_order_when_several_are_made_at_once(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: Mailbox[Frame] = Mailbox()
    watcher = Watcher()
    works, turn, lock = detector.run, [0], threading.Lock()

    def uneven(filled: object) -> object:
        with lock:
            turn[0] += 1
            slow = turn[0] % 2
        threading.Event().wait(0.02 * slow)
        return works(filled)  # type: ignore[arg-type]

    monkeypatch.setattr(detector, "run", uneven)
    with running(detector, frames, watcher, PerceptionConfig(max_fps=120, at_once=3)):
        while len(watcher.looks) < 30:
            frames.put("a", frame())
            time.sleep(0.005)

    stamps = [look.frame.mono_s for look in watcher.looks]
    assert stamps == sorted(stamps)


def test_a_camera_of_its_own_rate_is_looked_at_no_more_often(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    sources = {"a": CameraSource(detect_fps=4), "b": CameraSource()}
    with running(detector, frames, Watcher(), PerceptionConfig(max_fps=40), sources) as (vision, _):
        began_s = CLOCK.mono_s()
        while vision.tallies["b"].looked_at < 30:
            for name in sources:
                frames.put(name, frame(camera=name))
            time.sleep(0.02)
        seconds = CLOCK.mono_s() - began_s

    assert vision.rate("a") == 4
    assert 1 <= vision.tallies["a"].looked_at <= 4 * seconds + 2


def test_a_parked_unit_looks_where_something_moves_and_now_and_then(detector: Detector) -> None:
    """The model sees two objects in every picture, so the detector is told to see none. The gate
    goes by the stamps of the pictures, which are the test's own."""
    frames: Mailbox[Frame] = Mailbox()
    watcher = Glancing()
    parked = ParkedConfig(look_every_s=0.4, hold_s=0.2)
    config = PerceptionConfig(max_fps=120, score_min=0.99, parked=parked, stale_after_s=PATIENCE_S)
    detector.score_min = 0.99
    here, there = PICTURE.copy(), PICTURE.copy()
    here[100:200, 300:340] = there[100:200, 400:440] = 200
    sources = {"a": CameraSource(fixed=True)}
    began_s = CLOCK.mono_s() - PATIENCE_S / 2
    stamps_s = [began_s + number * 0.15 for number in range(22)]
    with running(detector, frames, watcher, config, sources) as (vision, _):
        for number, stamp_s in enumerate(stamps_s):
            image = PICTURE if number < 12 else (here, there)[number % 2]
            show(vision, frames, frame(image, stamp_s))
        assert wait_for(lambda: watcher.glanced)

    # It opens for `hold_s` after the first picture, then every 0.4 s: every third; then something
    # moves in all of them.
    assert [look.frame.mono_s for look in watcher.looks] == [
        stamps_s[number] for number in [0, 1, 4, 7, 10, *range(12, 22)]
    ]
    assert vision.tallies["a"].dropped == {"nothing_moved": 7}
    assert not {one.mono_s for one in watcher.glanced} & {one.frame.mono_s for one in watcher.looks}


def test_while_nothing_moves_a_camera_is_asked_for_a_picture_now_and_then(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: Mailbox[Frame] = Mailbox()
    monkeypatch.setattr(edge.seeing.pipeline, "QUIET_S", 1e9)
    parked = ParkedConfig(look_every_s=10.0)
    config = PerceptionConfig(max_fps=120, parked=parked, stale_after_s=PATIENCE_S)
    sources = {"a": CameraSource(fixed=True), "b": CameraSource()}
    detector.score_min = 0.99
    began_s = CLOCK.mono_s() - PATIENCE_S / 2
    with running(detector, frames, Watcher(), config, sources) as (vision, _):
        for age_s in (0.0, 2.5):  # the first opens the gate for two seconds
            assert wait_for(lambda: vision.wants("a"))
            show(vision, frames, frame(mono_s=began_s + age_s))
            show(vision, frames, frame(camera="b"))
        assert wait_for(lambda: not vision.wants("a"))
        assert wait_for(lambda: vision.wants("b")), "the other one drives"

    assert vision.tallies["a"].dropped == {"nothing_moved": 1}


def test_while_parked_only_the_region_is_looked_at(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    watcher = Watcher()
    standing = [False]
    config = PerceptionConfig(
        max_fps=120, parked=ParkedConfig(gate=False), stale_after_s=PATIENCE_S
    )
    sources = {"a": CameraSource(region=(0.5, 0.25, 1, 1))}
    around = Circumstances(parked=lambda: standing[0])
    began_s = CLOCK.mono_s() - PATIENCE_S / 2
    with running(detector, frames, watcher, config, sources, around) as (vision, _):
        show(vision, frames, frame(mono_s=began_s))
        standing[0] = True
        for age_s in (1.0, 2.9, 3.1):  # two seconds after it stopped it is settled
            show(vision, frames, frame(mono_s=began_s + age_s))

    for look in watcher.looks[:3]:
        assert (look.found.boxes[:, 0] < 320).all()
    assert (watcher.looks[3].found.boxes >= [320, 90, 320, 90]).all()


def test_a_picture_in_parts_is_one_look(detector: Detector) -> None:
    frames: Mailbox[Frame] = Mailbox()
    watcher = Watcher()
    config = PerceptionConfig(max_fps=120, tiles="2x1")
    with running(detector, frames, watcher, config) as (vision, _):
        show(vision, frames, frame())

    assert vision.tallies["a"].looked_at == 1
    found = watcher.looks[0].found
    assert len(found) >= 4, "the model sees two objects in the whole and in each part"
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_a_hot_unit_gives_up_step_by_step_and_takes_back(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of the picture first, then vehicles; no smaller pictures: the model cannot."""
    monkeypatch.setattr(edge.seeing.easing, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(edge.running.stages, "LOOK_EVERY_S", 0.01)
    frames: Mailbox[Frame] = Mailbox()
    watcher, wanted_steps = Watcher(), 3
    quick = {"step_down_after_s": 0.0, "step_up_after_s": 0.0}

    def condition() -> Condition:
        """Hot until so many steps are taken, cool when there are too many, else neither."""
        too_few = wanted_steps - len(easing.standing)
        return Condition(hottest=("cpu", 95.0 if too_few > 0 else 40.0 if too_few < 0 else 80.0))

    easing = Easing(EasingConfig().model_copy(update=quick), condition)
    asked: list[Detector] = []

    def refuses(of: Detector) -> Detector:
        asked.append(of)
        raise ModelError("other sizes do not work")

    around = Circumstances(easing=easing, open_smaller=refuses)
    config = PerceptionConfig(max_fps=40, tiles="2x1")
    with running(detector, frames, watcher, config, around=around) as (vision, _):

        def until(steps: int, sees: Callable[[Look], bool]) -> Look:
            nonlocal wanted_steps
            wanted_steps = steps
            assert wait_for(lambda: len(easing.standing) == steps, 10)

            def seen() -> bool:
                frames.put("a", frame())
                return bool(watcher.looks) and sees(watcher.looks[-1])

            assert wait_for(seen, 10)
            return watcher.looks[-1]

        until(3, lambda look: len(look.found) == 2)  # the whole picture only
        assert vision.rate("a") == 10
        fourth = until(4, lambda look: set(look.found.classes.tolist()) == {0})  # persons only
        assert fourth.detected is not None
        assert set(fourth.detected.classes.tolist()) > {0}, "what a picture must cover"
        until(5, lambda look: True)
        assert not easing.extras_allowed()
        until(0, lambda look: len(look.found) >= 4)
        assert vision.rate("a") == 40
    assert asked == [detector]


def test_pictures_of_another_size_are_looked_at_where_the_model_takes_them(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.seeing.easing, "LOOK_EVERY_S", 0.0)
    path = tmp_path / "other.onnx"
    path.write_bytes(constant_model(yolox(SEEN, 96, 96), {"images": ((1, 3, 96, 96), 1)}))
    spec = ModelSpec(name="small", family="yolox", labels=None, path=path)
    small = Detector.open(spec, threads=1)
    frames: Mailbox[Frame] = Mailbox()
    easing = Easing(
        EasingConfig().model_copy(update={"step_down_after_s": 0.0}),
        lambda: Condition(battery_percent=3.0),
    )
    around = Circumstances(easing=easing, open_smaller=lambda _: small)
    runs: list[int] = []
    works = small.run
    monkeypatch.setattr(small, "run", lambda filled: runs.append(1) or works(filled))
    with running(detector, frames, Watcher(), around=around) as (vision, worker):
        assert wait_for(lambda: easing.gives_up(Step.COARSE), 10)
        while not runs:
            show(vision, frames, frame())
        assert worker.crashes == 0
