"""The perception worker: the newest frame of each camera in turn, through detector and chain."""

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import structlog

from config.models import Settings
from config.perception import PerceptionConfig
from drivers.clock import Clock
from drivers.samples import Frame
from edge.running.mailbox import Mailbox
from edge.running.worker import Beat
from edge.seeing.chain import Chain, Place, unplaced
from edge.seeing.look import Ending, Look, Observer
from edge.tasks.modes import Tuned
from perception.detection.detector import Detector
from perception.errors import PerceptionError
from perception.inference.catalogue import Catalogue, is_file_name

STALE_S = 1.0  # an older frame says nothing of now
TIMES_KEPT = 1000
CAMERA_LOST_S = 3.0  # no picture for this long ends the camera's episodes, and
CAMERA_LOST_LOOKS = 3  # as many looks, where they are rarer


@dataclass(slots=True)
class CameraTally:
    """What became of one camera's frames. Written by the perception thread only."""

    looked_at: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # by cause
    detections: int = 0
    tracks: int = 0  # followed at this moment
    refused: dict[str, int] = field(default_factory=dict)  # by the tracker, by cause
    last_look_mono_s: float | None = None


class Vision:
    """Runs the detector on whatever frame is newest, at most `max_fps` times a second."""

    def __init__(
        self,
        config: PerceptionConfig,
        cameras: list[str],
        frames: Mailbox[Frame],
        open_detector: Callable[[], Detector],
        observers: Sequence[Observer],
        clock: Clock,
        place: Place = unplaced,
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
        self._frames = frames
        self._open_detector = open_detector
        self._observers = tuple(observers)
        self._place = place
        self._clock = clock
        self._track_ids = itertools.count(1)  # goes on after a crash: unique in this boot

    def tune(self, tuned: Tuned) -> None:
        """Work by a mode's parameters from the next picture on. Any thread."""
        self._max_fps = tuned.max_fps

    def work(self, beat: Beat, stop: threading.Event) -> None:
        """Until `stop`: look at frames. Episodes still open then end with reason `shutdown`."""
        detector = self._open()
        try:
            if detector is None:
                self._idle(beat, stop)
            else:
                self._watch(detector, beat, stop)
        finally:
            # Also after a crash: whoever was told of a `new` is told of its `end`.
            for name in self._cameras:
                self._end(name, "shutdown")

    def _idle(self, beat: Beat, stop: threading.Event) -> None:
        """Without a model pictures are left to be replaced by newer ones, which is counted."""
        while not stop.wait(0.5):
            beat()

    def _watch(self, detector: Detector, beat: Beat, stop: threading.Event) -> None:
        threshold = detector.spec.score_threshold
        chain = Chain.build(self._config, self._cameras, threshold, self._track_ids, self._place)
        due_mono_s = self._clock.mono_s()
        while not stop.is_set():
            beat()
            period_s = 1.0 / self._max_fps
            self._end_lost_cameras(chain, max(CAMERA_LOST_S, CAMERA_LOST_LOOKS * period_s))
            early_s = due_mono_s - self._clock.mono_s()
            if early_s > 0:
                stop.wait(min(0.5, early_s))
                continue
            taken = self._frames.take(0.5)
            if taken is not None:
                due_mono_s = max(due_mono_s + period_s, self._clock.mono_s())
                self._look(detector, chain, taken[1])

    def _open(self) -> Detector | None:
        """The warm detector; None, with the reason in `model_error`, where it cannot be had."""
        try:
            self.detector = self._open_detector()
        except PerceptionError as error:
            self._trouble(error)
            return None
        finally:
            self.ready.set()
        structlog.get_logger().info(
            "model_ready",
            model=self.model_name,
            family=self.detector.family.name,
            providers=self.detector.session.providers,
            threads=self.detector.session.threads,
        )
        return self.detector

    def _trouble(self, error: PerceptionError) -> None:
        """Note what is wrong with the model; logged when it begins, not for every picture."""
        if not self.model_error:
            structlog.get_logger().error("model_failed", model=self.model_name, error=str(error))
        self.model_error = f"{error} ({error.cure})" if error.cure else str(error)

    def _look(self, detector: Detector, chain: Chain, frame: Frame) -> None:
        tally = self.tallies[frame.camera]
        if self._clock.mono_s() - frame.mono_s > STALE_S:
            tally.dropped["stale"] += 1
            return
        try:
            found = detector.detect(frame.image)
        except PerceptionError as error:
            tally.dropped["detector_failed"] += 1
            self._trouble(error)
            return
        self.model_error = ""
        look = chain.see(frame, found)
        tally.refused = asdict(chain.refused(frame.camera))
        for observer in self._observers:
            observer.see(look)
        self._note(look, detector)

    def _note(self, look: Look, detector: Detector) -> None:
        now_mono_s = self._clock.mono_s()
        tally = self.tallies[look.frame.camera]
        tally.looked_at += 1
        tally.detections += int((look.found.scores >= detector.spec.score_threshold).sum())
        tally.tracks = sum(track.seen for track in look.tracks)
        tally.last_look_mono_s = now_mono_s
        self.inference_ms.append(detector.timings.inference_ms)
        self.latency_ms.append((now_mono_s - look.frame.mono_s) * 1e3)

    def _end_lost_cameras(self, chain: Chain, after_s: float) -> None:
        """Where no picture comes any more, what was seen in the last one is not there still."""
        now_mono_s = self._clock.mono_s()
        for name, tally in self.tallies.items():
            last = tally.last_look_mono_s
            if last is not None and now_mono_s - last > after_s:
                self._end(name, "camera_lost")
                chain.lose(name)
                tally.tracks = 0
                tally.last_look_mono_s = None

    def _end(self, camera: str, reason: Ending) -> None:
        for observer in self._observers:
            observer.end(camera, reason, self._clock.mono_s())


def looked_at(settings: Settings) -> list[str]:
    """The cameras whose pictures go through the detector."""
    return [name for name, camera in settings.cameras.items() if camera.detect]


def config_name(model: str) -> str:
    """What to call a model that is configured by its catalogue name or its file."""
    return Path(model).stem if is_file_name(model) else model


def open_detector(config: PerceptionConfig) -> Detector:
    """The configured model, warm. Raises PerceptionError."""
    spec = Catalogue(config.models_dir).find(config.model)
    tracked_from = max(config.tracker.low_score, spec.score_low)
    score_min = tracked_from if config.score_min is None else config.score_min
    return Detector.open(
        spec, providers=config.providers, threads=config.threads, score_min=score_min
    )
