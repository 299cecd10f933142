"""The worker that makes pictures: redacts, writes them as JPEG, and puts them into the spool."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from config.media import MediaConfig
from drivers.clock import Clock
from edge.media.jobs import Job, JobBoard
from edge.media.unlocks import Unlock, Unlocks
from edge.running.worker import Beat
from edge.seeing.look import Look
from perception.detections import PATROL_CLASSES, Detections
from perception.errors import PerceptionError
from perception.redaction import jpeg
from perception.redaction.faces import FaceFinder
from perception.redaction.redactor import NOTHING, Redactor
from perception.redaction.regions import around
from telemetry.contract.uuid7 import uuid7
from telemetry.pictures.picture import Picture
from telemetry.pictures.spool import PictureSpool

KIB = 1024
WAIT_S = 0.25
CRASHED = "the runtime failed while making it"
FACES_AGAIN_S = 60.0  # a face model that is not there may be brought

Part = tuple[float, float, float, float]  # left, top, right, bottom, shares of the picture
OpenFaces = Callable[[], FaceFinder]


class Studio:
    """One worker runs `work`; `face_error`, `drops` and `made` are for anyone."""

    def __init__(  # noqa: PLR0913 - all that it is wired to
        self,
        config: MediaConfig,
        board: JobBoard,
        spool: PictureSpool,
        unlocks: Unlocks,
        *,
        open_faces: OpenFaces,
        utc_at: Callable[[float], datetime],
        limit_bytes: Callable[[], int],
        locked: Callable[[Unlock], None],
        clock: Clock,
        watched: Mapping[str, Part] | None = None,
    ) -> None:
        """`utc_at`: the time of day at a stamp; `limit_bytes`: what the link carries in reasonable
        time; `locked`: told of each unlock that has ended by itself; `watched`: cameras of whose
        pictures only a part may have been looked at."""
        self.face_error = ""
        self.drops: Counter[str] = Counter()
        self.made = 0
        self._config = config
        self._board = board
        self._spool = spool
        self._unlocks = unlocks
        self._open_faces = open_faces
        self._utc_at = utc_at
        self._limit_bytes = limit_bytes
        self._locked = locked
        self._clock = clock
        self._watched = watched or {}
        self._redactor = Redactor(None)
        self._faces_tried_s = float("-inf")

    def work(self, beat: Beat, stop: threading.Event) -> None:
        """Until `stop`: make what is wanted, and keep the spool."""
        while not stop.is_set():
            beat()
            self.step(WAIT_S)
        self._spool.work()  # what has left shall not go again after a restart

    def step(self, timeout_s: float) -> None:
        """One job, if one comes within the time, and what else is due."""
        self._find_faces()
        job = self._board.take(timeout_s)
        if job is not None:
            self._do(job)
        self._spool.work()
        self._spool.review(self._unlocks.may_leave)
        for unlock in self._unlocks.expired():
            self._locked(unlock)

    def _find_faces(self) -> None:
        now_s = self._clock.mono_s()
        if self._redactor.faces is not None or now_s - self._faces_tried_s < FACES_AGAIN_S:
            return
        self._faces_tried_s = now_s
        try:
            self._redactor = Redactor(self._open_faces())
            self.face_error = ""
        except PerceptionError as error:
            told = f"{error} ({error.cure})" if error.cure else str(error)
            if told != self.face_error:
                structlog.get_logger().warning("face_model_missing", error=told)
            self.face_error = told

    def _do(self, job: Job) -> None:
        job.error = CRASHED  # unless we get to the end of it
        try:
            job.error = self._made(job)
        finally:
            job.done.set()

    def _made(self, job: Job) -> str:
        """Make it. Returns why it cannot leave; empty: it can."""
        try:
            job.picture = self._make(job)
        except PerceptionError as error:
            self.drops["not_redacted"] += 1  # and so it does not leave
            return str(error)
        self.made += 1
        return "" if self._spool.put(job.picture) else "the spool does not take it"

    def _make(self, job: Job) -> Picture:
        frame = job.look.frame
        redacted = not (job.unredacted and self._unlocks.is_open(frame.camera))
        image = self._redacted(job.look) if redacted else frame.image
        data = jpeg.encode(
            image,
            quality=self._config.quality,
            longest_px=self._config.longest_px,
            max_bytes=min(self._config.snapshot_max_kib * KIB, self._limit_bytes()),
        )
        time = self._utc_at(frame.mono_s)
        return Picture.of(
            uuid7(time),
            job.rank,
            data,
            episode=job.episode,
            camera=frame.camera,
            time=time,
            redacted=redacted,
        )

    def covered(self, look: Look) -> NDArray[np.uint8]:
        """A look's picture with persons and plates covered. Any thread. Raises PerceptionError."""
        return self._redacted(look)

    def _redacted(self, look: Look) -> NDArray[np.uint8]:
        frame = look.frame
        part, unseen = self._watched.get(frame.camera), NOTHING
        if part is not None:
            unseen = around(part, frame.width_px, frame.height_px)
        return self._redactor.covered(frame.image, seen(look), unseen)


def seen(look: Look) -> Detections:
    """What may be there: the detections, and what is followed though it is hidden now."""
    tracks, found = look.tracks, look.found if look.detected is None else look.detected
    boxes = np.array([track.box for track in tracks], np.float32).reshape(-1, 4)
    labels = np.array([PATROL_CLASSES.index(track.label) for track in tracks], np.int64)
    return Detections(
        np.concatenate([found.boxes, boxes]),
        np.concatenate([found.scores, np.ones(len(tracks), np.float32)]),
        np.concatenate([found.classes, labels]),
    )
