"""From pictures to looks in three threads, so that the model is never kept waiting.

    mailbox ─ prepare ─ slot ─ infer ─ finished ─ conclude ─ observers

`prepare` makes the newest picture whose turn it is ready for the model, and replaces it by a newer
one of the same camera for as long as the model is busy. `infer` does nothing but run the model,
which lets go of Python's lock. `conclude` decodes, follows, places and tells. Nothing between them
holds more than one picture, so nothing grows old, and nothing grows.
"""

import itertools
import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from config.perception import PerceptionConfig
from drivers.clock import Clock
from drivers.samples import Frame
from edge.running.mailbox import Mailbox
from edge.running.niceness import give_way
from edge.running.slot import Slot
from edge.running.stages import StageWork
from edge.running.worker import Beat
from edge.seeing.gate import Gate
from edge.seeing.schedule import Schedule
from edge.seeing.tally import CameraTally
from perception.detection.detector import Detector
from perception.detection.flaws import flaw
from perception.detection.input import Input
from perception.detection.preprocess import Placement, Window, check
from perception.detection.tiles import grid_of, windows_of
from perception.detections import Detections
from perception.errors import ImageError, PerceptionError

POLL_S = 0.2  # how long a stage waits before it looks whether it shall stop
QUIET_S = 0.2  # where nothing moves it is enough to look so often whether something does
AHEAD_S = 0.25  # a stamp may lie so far in the future before the clock must have jumped


@dataclass(slots=True)
class Work:
    """One picture on its way through the stages."""

    frame: Frame
    filled: Input
    detector: Detector
    placements: tuple[Placement, ...]  # of its windows; `filled` may hold another picture by then
    number: int = 0  # in the order in which the model took them
    outputs: list[list[NDArray[Any]]] = field(default_factory=list)
    inference_ms: float = 0.0
    failed: PerceptionError | None = None
    late: bool = False  # it waited too long for the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What the pipeline is given, and to whom it gives."""

    frames: Mailbox[Frame]
    tallies: Mapping[str, CameraTally]
    schedule: Schedule
    gates: Mapping[str, Gate]
    look: Callable[[Work, Detections], None]  # a picture was looked at
    fail: Callable[[PerceptionError], None]  # the model failed on one
    glance: Callable[[Frame], None]  # a picture that is not worth the model's time
    idle: Callable[[], None]  # nothing, or something, came: called at least every POLL_S


class Pipeline:
    """The three stages over one detector. Made anew when the worker starts anew."""

    def __init__(
        self, detector: Detector, ends: Ends, clock: Clock, config: PerceptionConfig
    ) -> None:
        self._config = config
        self._now = (detector, config.tiles)  # replaced whole: what pictures are looked at with
        self._ends = ends
        self._clock = clock
        self._inputs: queue.SimpleQueue[Input] = queue.SimpleQueue()
        for _ in range(config.at_once + 2):  # in the model, ready, and being filled
            self._inputs.put(detector.make_input())
        self._glances: Mailbox[Frame] = Mailbox()
        self._offered, self._concluded = Counter[str](), Counter[str]()  # each by its own thread
        self._ready: Slot[Work] = Slot()
        self._taking = threading.Lock()
        self._numbers = itertools.count()
        self._finished: queue.Queue[Work] = queue.Queue(maxsize=1)
        self._stamps = dict.fromkeys(ends.tallies, -math.inf)

    def look_with(self, detector: Detector, tiles: str) -> None:
        """From the next picture on. Any thread."""
        self._now = (detector, tiles)

    def stages(self) -> dict[str, StageWork]:
        """What the threads do, by name."""
        infers = {f"perception.infer{n or ''}": self._infer for n in range(self._config.at_once)}
        return {
            "perception.prepare": self._prepare,
            **infers,
            "perception.conclude": self._conclude,
        }

    # --- prepare ---

    def _prepare(self, beat: Beat, stop: threading.Event) -> None:
        give_way()
        free: Input | None = None
        while not stop.is_set():
            beat()
            free = free or self._inputs.get()
            wait_s = self._ends.schedule.wait_s(self._clock.mono_s(), POLL_S)
            taken = self._ends.frames.take(wait_s, self._choose)
            if taken is None or not self._sound(taken[1]):
                continue
            windows = self._wanted(taken[1])
            if windows is not None:
                free = self._offer(taken[1], windows, free)

    def _choose(self, waiting: Collection[str]) -> str | None:
        """Whose picture to make ready; while one is, only a newer one of the same camera."""
        ready = self._ready.peek()
        if ready is None:
            return self._ends.schedule.choose(waiting, self._clock.mono_s())
        return ready.frame.camera if ready.frame.camera in waiting else None

    def _sound(self, frame: Frame) -> bool:
        """Whether the frame says something of now, and is a picture; if not, it is counted."""
        tally, now_mono_s = self._ends.tallies[frame.camera], self._clock.mono_s()
        cause = self._distrust(frame, now_mono_s)
        if cause is None:
            try:
                check(frame.image)
            except ImageError as error:
                cause = error.kind
        if cause is not None:
            tally.drop(cause)
            return False
        tally.last_picture_mono_s = now_mono_s
        found = flaw(frame.image)
        if found is not None:
            tally.flaw(found)
        return True

    def _distrust(self, frame: Frame, now_mono_s: float) -> str | None:
        """What is wrong with the frame's stamp."""
        stamp_s = frame.mono_s
        if not stamp_s <= now_mono_s + AHEAD_S:  # also what is no number
            return "stamp_ahead"
        if now_mono_s - stamp_s > self._config.stale_after_s:
            return "stale"
        if stamp_s <= self._stamps[frame.camera]:
            return "stamp_back"
        self._stamps[frame.camera] = stamp_s
        return None

    def _wanted(self, frame: Frame) -> tuple[Window, ...] | None:
        """The parts to look at, () for all of it at once; None where it is not worth a look."""
        gate, size = self._ends.gates[frame.camera], (frame.width_px, frame.height_px)
        if not gate.stands(frame.mono_s):
            gate.passes()
            return self._parts(size)
        region = gate.window(*size)
        if gate.opens(frame.image, frame.mono_s, region):
            return self._parts(size) if region is None else (region,)
        self._ends.tallies[frame.camera].drop("nothing_moved")
        if self._offered[frame.camera] == self._concluded[frame.camera]:  # else it would overtake
            self._glances.put(frame.camera, frame)
        if self._ready.peek() is None:
            self._ends.schedule.took(frame.camera, self._clock.mono_s(), QUIET_S)
        return None

    def _parts(self, size: tuple[int, int]) -> tuple[Window, ...]:
        (detector, tiles), overlap = self._now, self._config.tile_overlap
        grid = grid_of(tiles, size, detector.input_px, overlap)
        return windows_of(grid, size, overlap)

    def _offer(self, frame: Frame, windows: tuple[Window, ...], free: Input) -> Input | None:
        """Make it ready for the model. Returns the input that is free now, if there is one."""
        detector, _ = self._now
        if not detector.takes(free, len(windows)):
            free = detector.make_input(len(windows) or 1)
        free.fill(frame.image, windows)
        replaced = self._ready.put(Work(frame, free, detector, free.placements))
        if replaced is None:
            self._offered[frame.camera] += 1
            self._ends.schedule.took(frame.camera, self._clock.mono_s())
            return None
        self._ends.frames.note_replaced(replaced.frame.camera)
        return replaced.filled

    # --- infer ---

    def _infer(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            work = self._take()
            if work is None:
                continue
            self._ends.frames.look_again()
            if self._clock.mono_s() - work.frame.mono_s > self._config.stale_after_s:
                work.late = True
            else:
                _run(work)
            self._inputs.put(work.filled)
            self._hand_on(work, beat, stop)

    def _hand_on(self, work: Work, beat: Beat, stop: threading.Event) -> None:
        while not stop.is_set():
            beat()
            with suppress(queue.Full):
                self._finished.put(work, timeout=POLL_S)
                return
        self._give_up(work)

    def _take(self) -> Work | None:
        """The next picture, numbered as it was taken."""
        with self._taking:
            work = self._ready.take(POLL_S)
            if work is not None:
                work.number = next(self._numbers)
            return work

    # --- conclude ---

    def _conclude(self, beat: Beat, stop: threading.Event) -> None:
        give_way()
        early: dict[int, Work] = {}  # finished before one that was taken earlier
        expected = 0
        while not stop.is_set():
            beat()
            self._ends.idle()
            work = self._next()
            while (glance := self._glances.take(0)) is not None:
                self._ends.glance(glance[1])
            if work is None:
                continue
            early[work.number] = work
            while expected in early:
                self._finish(early.pop(expected))
                expected += 1
        for work in early.values():
            self._give_up(work)

    def _next(self) -> Work | None:
        with suppress(queue.Empty):
            return self._finished.get(timeout=POLL_S)
        return None

    def _finish(self, work: Work) -> None:
        self._concluded[work.frame.camera] += 1
        if work.late:
            self._ends.tallies[work.frame.camera].drop("stale")
            return
        try:
            found = self._found(work)
        except PerceptionError as error:
            self._ends.fail(error)
            self._ends.tallies[work.frame.camera].drop("detector_failed")
            return
        self._ends.look(work, found)

    def _found(self, work: Work) -> Detections:
        if work.failed is not None:
            raise work.failed
        return work.detector.conclude(work.outputs, work.placements)

    # --- the end ---

    def leave(self) -> None:
        """Count what was under way when the stages ended."""
        ready = self._ready.take(0)
        if ready is not None:
            self._give_up(ready)
        with suppress(queue.Empty):
            self._give_up(self._finished.get_nowait())

    def _give_up(self, work: Work) -> None:
        self._ends.tallies[work.frame.camera].drop("shutdown")


def _run(work: Work) -> None:
    start_s = time.perf_counter()
    try:
        work.outputs = work.detector.run(work.filled)
    except PerceptionError as error:
        work.failed = error
    work.inference_ms = (time.perf_counter() - start_s) * 1e3
