"""An observer that keeps a few looks, and wants a picture of what is told."""

from collections import Counter, deque

from config.media import MediaConfig
from drivers.clock import Clock
from edge.media.album import Album
from edge.media.jobs import Job, JobBoard
from edge.seeing.look import Ending, Look
from telemetry.contract.alerts import AlertEvent
from telemetry.contract.events import DetectionEvent
from telemetry.contract.up_message import UpMessage
from telemetry.pictures.picture import Rank

MINUTE_S = 60.0


class SnapshotDesk:
    """`see`, `end` and `told` are the perception thread's."""

    def __init__(self, config: MediaConfig, board: JobBoard, clock: Clock) -> None:
        self.album = Album()
        self.drops: Counter[str] = Counter()
        self._config = config
        self._board = board
        self._clock = clock
        self._taken_s: deque[float] = deque()

    def see(self, look: Look) -> None:
        self.album.add(look)

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:  # noqa: ARG002
        self.album.forget(camera)

    def told(self, data: UpMessage) -> None:
        """A message went to the outbox; with a new alert or detection goes a picture."""
        match data:
            case AlertEvent(phase="new") if self._config.snapshots != "off":
                self._want(Rank.ALERT, data.episode, data.camera, data.tracks)
            case DetectionEvent(phase="new") if self._config.snapshots == "all":
                self._want(Rank.DETECTION, data.episode, data.camera, (data.track,))

    def _want(self, rank: Rank, episode: str, camera: str, tracks: tuple[int, ...]) -> None:
        look = self.album.best(camera, tracks)
        if look is None:
            self.drops["no_frame"] += 1
        elif self._too_many(rank):
            self.drops["per_minute"] += 1
        else:
            self._board.put(Job(look=look, rank=rank, episode=episode))

    def _too_many(self, rank: Rank) -> bool:
        """By the last minute. Detections have half of it, so that they leave room for alerts."""
        now_s = self._clock.mono_s()
        while self._taken_s and now_s - self._taken_s[0] > MINUTE_S:
            self._taken_s.popleft()
        most = self._config.per_minute
        if len(self._taken_s) >= (most if rank == Rank.ALERT else max(1, most // 2)):
            return True
        self._taken_s.append(now_s)
        return False
