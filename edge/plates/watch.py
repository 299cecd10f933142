"""The plate reader at work: an observer that cuts vehicles out, and a worker of its own that reads.

The perception thread only cuts; the best and newest picture of each vehicle waits, and a better one
takes its place. Nothing is written down: a picture, and a plate that is on no list, live in memory
until their track has gone.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import structlog
from numpy.typing import NDArray

from config.plates import PlatesConfig
from drivers.clock import Clock
from edge.plates.hits import HitDesk, Sighting
from edge.plates.hotlist import HotList
from edge.running.worker import Beat
from edge.seeing.look import Ending, Look
from perception.errors import PerceptionError
from perception.place.placed import Scene, WorldTrack
from perception.plates.reader import PlateReader
from perception.plates.vote import Ballot, Memory, Shot, Verdict, picture_quality, reading_quality
from perception.search.body import part_colours
from perception.search.colours import NAMES, light_of

VEHICLES = frozenset({"car", "bus", "truck", "motorcycle"})
MARGIN = 0.05  # of its size around a vehicle: boxes are not exact
MOST_WAITING = 32  # vehicles whose picture waits to be read
FORGET_S = 10.0  # a track that was not seen for so long has gone
STALE_S = 5.0  # a picture that waited longer is not read
TICK_S = 0.5  # lists end and entries are revoked within this
SURE = 0.97  # one picture is enough from here on
BETTER = 1.15  # a waiting picture is replaced by one that promises so much more, or by age:
FADES_S = 2.0  # what an old picture promises halves in this time
CLEAR_COLOUR = 0.5  # share of a vehicle's pixels

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """One vehicle of one picture, waiting to be read."""

    picture: Image
    promise: float
    track: WorldTrack
    scene: Scene  # without any picture
    light: Floats  # gains of the whole picture's, for the vehicle's colour


@dataclass(slots=True)
class _Following:
    """What is known of the plate of one track. The worker's, but for `seen_s`."""

    seen_s: float
    ballot: Ballot = field(default_factory=Ballot)
    judged: str | None = None  # the text that was looked up last
    episodes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PlateTally:
    """Since the start; any thread may look."""

    drops: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    read: int = 0
    plates: int = 0  # tracks with a plate
    hits: int = 0
    read_ms: deque[float] = field(default_factory=lambda: deque(maxlen=500))
    hit_ms: deque[float] = field(default_factory=lambda: deque(maxlen=500))  # read to outbox


class PlateWatch:
    """`see` and `end` are the perception thread's, `work` the worker's."""

    def __init__(
        self,
        config: PlatesConfig,
        hotlist: HotList,
        desk: HitDesk,
        open_reader: Callable[[], PlateReader],
        clock: Clock,
        allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        """`allowed`: false while the unit saves its strength, and leaves out what is optional."""
        self.tally = PlateTally()
        self.reader_error = ""
        self._config = config
        self._hotlist = hotlist
        self._desk = desk
        self._open_reader = open_reader
        self._clock = clock
        self._allowed = allowed
        self._changed = threading.Condition()
        self._waiting: dict[int, Cutout] = {}
        self._following: dict[int, _Following] = {}
        self._memory = Memory(config.same_within_s)

    # --- the perception thread ---

    def see(self, look: Look) -> None:
        if self._hotlist.empty or not self._allowed() or self.reader_error:
            return
        vehicles = [t for t in look.scene.tracks if t.label in VEHICLES and t.seen]
        if vehicles:
            light = light_of(look.frame.image)
            for track in vehicles:
                self._offer(look, track, light)

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:  # noqa: ARG002 - all the same
        with self._changed:
            gone = [n for n, cutout in self._waiting.items() if cutout.scene.camera == camera]
            for track_id in gone:
                del self._waiting[track_id]

    def _offer(self, look: Look, track: WorldTrack, light: Floats) -> None:
        picture = _cut(look.frame.image, track.box)
        if picture.shape[1] < self._config.vehicle_px:
            self.tally.drops["too_small"] += 1
            return
        promise = picture_quality(picture)
        with self._changed:
            waiting = self._waiting.get(track.track_id)
            if waiting is not None and not _better(promise, track.mono_s, waiting):
                return
            if waiting is None and len(self._waiting) >= MOST_WAITING:
                self.tally.drops["waiting_full"] += 1
                return
            self._waiting[track.track_id] = Cutout(
                picture.copy(), promise, track, look.scene, light
            )
            self.tally.cut += 1
            self._changed.notify()

    # --- the worker ---

    def work(self, beat: Beat, stop: threading.Event) -> None:
        reader = self._opened()
        next_s = ticked_s = self._clock.mono_s()
        while not stop.is_set():
            beat()
            now_s = self._clock.mono_s()
            if now_s - ticked_s >= TICK_S:
                ticked_s = now_s
                self._desk.tick()
                self._forget(now_s)
            if reader is None or now_s < next_s:
                stop.wait(min(TICK_S, max(0.01, next_s - now_s)) if reader else TICK_S)
                continue
            cutout = self._take(TICK_S)
            if cutout is not None:
                next_s = now_s + 1.0 / self._config.reads_per_s
                self.read(reader, cutout)

    def _opened(self) -> PlateReader | None:
        try:
            reader = self._open_reader()
        except PerceptionError as error:
            self.reader_error = f"{error} ({error.cure})" if error.cure else str(error)
            structlog.get_logger().error("plate_reader_failed", error=self.reader_error)
            return None
        structlog.get_logger().info("plate_reader_ready")
        return reader

    def _take(self, timeout_s: float) -> Cutout | None:
        """The picture that promises most; of a vehicle whose plate is known, less."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout_s)
            if not self._waiting:
                return None
            best = max(self._waiting, key=self._worth)
            return self._waiting.pop(best)

    def _worth(self, track_id: int) -> float:
        known = self._following.get(track_id)
        return self._waiting[track_id].promise / (1 + (known.ballot.taken if known else 0))

    def _forget(self, now_s: float) -> None:
        for track_id in [n for n, f in self._following.items() if now_s - f.seen_s > FORGET_S]:
            del self._following[track_id]

    def read(self, reader: PlateReader, cutout: Cutout) -> None:
        """Read one picture, let it vote, and tell what follows."""
        if self._clock.mono_s() - cutout.track.mono_s > STALE_S:
            self.tally.drops["stale"] += 1
            return
        began_s = time.perf_counter()
        try:
            found = reader.read(cutout.picture)
        except PerceptionError as error:
            self.tally.drops["reader_failed"] += 1
            structlog.get_logger().warning("plate_read_failed", error=str(error))
            return
        read_s = time.perf_counter()
        self.tally.read += 1
        self.tally.read_ms.append((read_s - began_s) * 1e3)
        following = self._following.setdefault(
            cutout.track.track_id, _Following(cutout.track.mono_s)
        )
        following.seen_s = cutout.track.mono_s
        if not found:
            return
        quality = reading_quality(found[0], cutout.picture)
        following.ballot.add(Shot(found[0], quality, cutout.track.mono_s))
        if self._judge(following, cutout):
            self.tally.hit_ms.append((time.perf_counter() - read_s) * 1e3)

    def _judge(self, following: _Following, cutout: Cutout) -> bool:
        """Look the plate up once it is sure, and again when pictures say another. True: a hit."""
        voted = following.ballot.verdict()
        if voted is None or not self._is_sure(voted):
            return False
        text = voted.fit.plate.text
        if text == following.judged:
            return False
        self.tally.plates += following.judged is None
        following.judged = text
        for episode in following.episodes:
            self._desk.withdraw(episode)
        following.episodes = []
        matches = self._hotlist.match(text, self._desk.now())
        if not matches or not self._memory.is_new(text, cutout.track.mono_s):
            return False
        seen = Sighting(voted=voted, track=cutout.track, scene=cutout.scene, colour=_colour(cutout))
        told = [self._desk.hit(seen, match) for match in matches]
        following.episodes = [episode for episode in told if episode is not None]
        self.tally.hits += len(following.episodes)
        return bool(following.episodes)

    def _is_sure(self, voted: Verdict) -> bool:
        confidence = voted.fit.confidence
        if voted.reads < self._config.reads_min:
            return confidence >= SURE
        return confidence >= self._config.confidence_min


def _colour(cutout: Cutout) -> str | None:
    """The vehicle's, where most of it has one name."""
    height, width = cutout.picture.shape[:2]
    whole = (0.0, 0.0, float(width), float(height))
    shares = part_colours(cutout.picture, whole, "colour", cutout.light)
    if shares is None or float(shares.max()) < CLEAR_COLOUR:
        return None
    return NAMES[int(shares.argmax())]


def _better(promise: float, mono_s: float, waiting: Cutout) -> bool:
    age_s = max(0.0, mono_s - waiting.track.mono_s)
    return promise > BETTER * waiting.promise * math.exp2(-age_s / FADES_S)


def _cut(image: Image, box: tuple[float, float, float, float]) -> Image:
    """The box with a margin, within the picture."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    across, down = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    left, right = (int(min(max(x, 0), width)) for x in (x1 - across, x2 + across))
    top, bottom = (int(min(max(y, 0), height)) for y in (y1 - down, y2 + down))
    return image[top:bottom, left:right]
