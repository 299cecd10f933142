"""The perception worker: the newest frame of each camera in turn, through detector and chain."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from statistics import median

import structlog

from config.devices import CameraSource
from config.perception import EasingConfig, PerceptionConfig
from drivers.clock import Clock
from drivers.samples import Frame
from edge.running.mailbox import Mailbox
from edge.running.stages import run_stages
from edge.running.worker import Beat
from edge.seeing.chain import Chain, Place, unplaced
from edge.seeing.circumstances import NOTHING_KNOWN, Circumstances
from edge.seeing.detectors import config_name
from edge.seeing.easing import Condition, Easing
from edge.seeing.gate import Gate
from edge.seeing.ladder import Step
from edge.seeing.look import Look, Observer
from edge.seeing.onlookers import Onlookers
from edge.seeing.pipeline import Ends, Pipeline, Work
from edge.seeing.schedule import Schedule
from edge.seeing.tally import CameraTally
from edge.tasks.modes import Tuned
from perception.detection.detector import Detector
from perception.detection.tiles import windows_at_most
from perception.detections import Detections
from perception.errors import PerceptionError

TIMES_KEPT = 1000
NEWEST_TIMES = 21
CAMERA_LOST_S = 3.0  # no picture for this long ends the camera's episodes, and
CAMERA_LOST_LOOKS = 3  # as many looks, where they are rarer
UNSEEN_S = 30.0  # so long without a look, though pictures come: the model fails, or is too late


class Vision:
    """Runs the detector on whatever frame is newest, at most so many times a second per camera."""

    def __init__(
        self,
        config: PerceptionConfig,
        cameras: list[str],
        frames: Mailbox[Frame],
        open_detector: Callable[[], Detector],
        observers: Sequence[Observer],
        clock: Clock,
        place: Place = unplaced,
        around: Circumstances = NOTHING_KNOWN,
    ) -> None:
        self.ready = threading.Event()  # the model is warm, or cannot be had
        self.model_error = ""
        self.model_name = config_name(config.model)
        self.detector: Detector | None = None
        self.inference_ms: deque[float] = deque(maxlen=TIMES_KEPT)
        self.latency_ms: deque[float] = deque(maxlen=TIMES_KEPT)  # capture to conclusions
        self.tallies = {name: CameraTally() for name in cameras}
        self._config = config
        self._max_fps = config.max_fps
        self._cameras = cameras
        self._sources = {name: around.sources.get(name, CameraSource()) for name in cameras}
        self.easing = around.easing or Easing(EasingConfig(enabled=False), Condition)
        self._open_smaller = around.open_smaller
        self._coarse = False
        self._schedule = Schedule(cameras, config.max_fps)
        self._set_rates()
        self._gates = {
            name: Gate(config.parked, source, config.tracker.lost_after_s, around.parked)
            for name, source in self._sources.items()
        }
        self._frames = frames
        self._open_detector = open_detector
        self.onlookers = Onlookers(observers, clock)
        self._place = place
        self._projection = around.projection
        self._clock = clock
        self._track_ids = itertools.count(1)  # goes on after a crash: unique in this boot
        self._sizes: dict[str, tuple[int, int]] = {}

    def tune(self, tuned: Tuned) -> None:
        """Work by a mode's parameters from the next picture on. Any thread."""
        self._max_fps = tuned.max_fps
        self._set_rates()

    def rate(self, camera: str) -> float:
        """Pictures of this camera looked at per second, at most."""
        return self.easing.rate(self._sources[camera].looked_at_fps(self._max_fps))

    def wants(self, camera: str) -> bool:
        """Whether a picture of this camera that came now would be looked at, or at least glanced
        at, where nothing moves: its turn has come. Any thread."""
        return self._schedule.is_open(camera, self._clock.mono_s())

    def work(self, beat: Beat, stop: threading.Event) -> None:
        """Until `stop`: look at frames. Episodes still open then end with reason `shutdown`."""
        detector = self._open()
        if detector is None:
            self._idle(beat, stop)
        else:
            self._watch(detector, beat, stop)

    def _set_rates(self) -> None:
        for name in self._cameras:
            self._schedule.set_rate(name, self.rate(name))

    def _idle(self, beat: Beat, stop: threading.Event) -> None:
        """Without a model pictures are left to be replaced by newer ones, which is counted."""
        while not stop.wait(0.5):
            beat()

    def _watch(self, detector: Detector, beat: Beat, stop: threading.Event) -> None:
        threshold = detector.spec.score_threshold
        chain = Chain.build(
            self._config,
            self._cameras,
            threshold,
            self._track_ids,
            self._place,
            self._projection,
        )
        ends = Ends(
            frames=self._frames,
            tallies=self.tallies,
            schedule=self._schedule,
            gates=self._gates,
            look=lambda work, found: self._look(chain, work, found),
            fail=self._trouble,
            glance=self._glance,
            idle=lambda: self._end_lost_cameras(chain),
        )
        pipeline = Pipeline(detector, ends, self._clock, self._config)
        self._coarse = False
        self._set_fineness(pipeline, detector)
        all_ended = True
        try:
            tick = partial(self._ease, pipeline, detector)
            all_ended = run_stages(pipeline.stages(), beat, stop, self._clock, tick)
        finally:
            # Also after a crash: whoever was told of a `new` is told of its `end`. Not while a
            # thread that hangs may still be telling something.
            pipeline.leave()
            if all_ended:
                for name in self._cameras:
                    self.onlookers.end(name, "shutdown")

    def _ease(self, pipeline: Pipeline, detector: Detector) -> None:
        """Work less hard where the unit is strained, and harder again when it is not."""
        if self.easing.look(self._slowest_fps(), self._clock.mono_s()):
            self._set_rates()
            self._set_fineness(pipeline, detector)

    def _set_fineness(self, pipeline: Pipeline, detector: Detector) -> None:
        coarse = self.easing.gives_up(Step.COARSE)
        if coarse and not self._coarse:
            self._coarsen(pipeline, detector)
        elif not coarse:
            pipeline.look_with(detector, self._config.tiles)
        self._coarse = self.easing.gives_up(Step.COARSE)

    def _coarsen(self, pipeline: Pipeline, detector: Detector) -> None:
        smaller = detector
        if self._open_smaller is not None:
            with suppress(PerceptionError):  # the model takes pictures of its own size only
                smaller = self._open_smaller(detector)
        if smaller is detector and self._config.tiles == "full":
            self.easing.without(Step.COARSE)
        else:
            pipeline.look_with(smaller, "full")

    def _slowest_fps(self) -> float | None:
        """How many pictures of each camera there is time for; None before the first look."""
        times_ms = list(self.inference_ms)[-NEWEST_TIMES:]
        now_mono_s = self._clock.mono_s()
        last = [tally.last_picture_mono_s for tally in self.tallies.values()]
        cameras = sum(one is not None and now_mono_s - one < CAMERA_LOST_S for one in last)
        if not times_ms or not cameras:
            return None
        return self._config.at_once * 1e3 / max(1e-3, median(times_ms)) / cameras

    def _open(self) -> Detector | None:
        """The warm detector; None, with the reason in `model_error`, where it cannot be had."""
        try:
            self.detector = self._open_detector()
        except PerceptionError as error:
            self._trouble(error)
            return None
        finally:
            self.ready.set()
        batching = self.detector.measure_batching(windows_at_most(self._config.tiles))
        structlog.get_logger().info(
            "model_ready",
            model=self.model_name,
            family=self.detector.family.name,
            providers=self.detector.session.providers,
            threads=self.detector.session.threads,
            batches=batching is not None and batching.gains,
        )
        return self.detector

    def _trouble(self, error: PerceptionError) -> None:
        """Note what is wrong with the model; logged when it begins, not for every picture."""
        if not self.model_error:
            structlog.get_logger().error("model_failed", model=self.model_name, error=str(error))
        self.model_error = f"{error} ({error.cure})" if error.cure else str(error)

    # --- by the thread that concludes ---

    def _look(self, chain: Chain, work: Work, found: Detections) -> None:
        self.model_error = ""
        frame, everything = work.frame, found
        if self.easing.gives_up(Step.PERSONS_ONLY):
            found = found.of_class("person")
        tally, size = self.tallies[frame.camera], (frame.width_px, frame.height_px)
        if self._sizes.setdefault(frame.camera, size) != size:
            # Pixels of another size say nothing of where things were before.
            self._sizes[frame.camera] = size
            tally.flaw("size_changed")
            self._lose(chain, frame.camera)
        look = chain.see(frame, found)
        if everything is not found:
            look = replace(look, detected=everything)  # a picture covers what nobody follows, too
        tally.refused = asdict(chain.refused(frame.camera))
        self.onlookers.see(look)
        self._gates[frame.camera].saw(look, work.detector.spec.score_threshold)
        self._note(look, work)

    def _glance(self, frame: Frame) -> None:
        """Nothing moves, so the model is not asked; but whether the camera sees can be watched."""
        self.onlookers.glance(frame, lambda: self._place(frame, ()))

    def _note(self, look: Look, work: Work) -> None:
        now_mono_s = self._clock.mono_s()
        tally = self.tallies[look.frame.camera]
        tally.looked_at += 1
        threshold = work.detector.spec.score_threshold
        tally.detections += int((look.found.scores >= threshold).sum())
        tally.tracks = sum(track.seen for track in look.tracks)
        tally.last_look_mono_s = now_mono_s
        self.inference_ms.append(work.inference_ms)
        self.latency_ms.append((now_mono_s - look.frame.mono_s) * 1e3)

    def _end_lost_cameras(self, chain: Chain) -> None:
        """Where no picture comes any more, what was seen in the last one is not there still; nor
        where pictures come, and for long none of them could be looked at."""
        now_mono_s = self._clock.mono_s()
        for name, tally in self.tallies.items():
            last = tally.last_look_mono_s
            if last is None:
                continue
            after_s = lost_after_s(self.rate(name))
            unseen_s = max(UNSEEN_S, after_s, CAMERA_LOST_LOOKS * self._config.parked.look_every_s)
            dark_s = now_mono_s - max(last, tally.last_picture_mono_s or last)
            if dark_s > after_s or now_mono_s - last > unseen_s:
                self._lose(chain, name)
                tally.tracks = 0
                tally.last_look_mono_s = None

    def _lose(self, chain: Chain, camera: str) -> None:
        self.onlookers.end(camera, "camera_lost")
        chain.lose(camera)


def lost_after_s(fps: float) -> float:
    """Without a picture of a camera that is looked at so often; then what it saw has ended."""
    return max(CAMERA_LOST_S, CAMERA_LOST_LOOKS / fps)
