"""Tracks in, detection episodes out: `new`, now and then `update`, and exactly one `end`.

Pure logic: no clock, no thread. Who calls it turns each change into an event.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from config.perception import EpisodesConfig
from perception.detections import Track

Change = Literal["new", "update", "end"]
EndReason = Literal["left", "lost", "camera_lost", "shutdown"]
Box = tuple[float, float, float, float]

BORDER_SHARE = 0.02  # a box this near the picture's border, as a share of the picture, touches it
HEADING_S = 1.0  # where an object is heading is what it did in this time
HEADING_SHARE = 0.05  # moving means: by this share of its own size
RECENT_SCORES = 15  # confidence is the median of so many, so that one lucky frame says little
CONFIDENCE_STEP = 0.1  # a smaller difference is no change
REMEMBERED_ENDS = 4096  # ended ids that are not begun again, should a caller repeat them


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeChange:
    """One step in the life of an episode: new, update*, end."""

    change: Change
    camera: str
    track_id: int  # unique per unit and boot
    label: str  # one of PATROL_CLASSES; may change over an episode, then `changed` says so
    confidence: float  # 0..1, median of the newest scores
    best_confidence: float  # 0..1, of the whole episode
    box: Box  # x y w h where it was last seen, shares of the picture, 0..1, cut at its border
    first_seen_mono_s: float
    last_seen_mono_s: float
    changed: tuple[str, ...] = ()  # of an update: label, box, confidence
    reason: EndReason | None = None  # of an end


class EpisodeBook:
    """The open episodes of one camera."""

    def __init__(self, config: EpisodesConfig, camera: str) -> None:
        self._config = config
        self._camera = camera
        self._open: dict[int, _Episode] = {}
        self._ended: dict[int, None] = {}  # the oldest first

    def tell_every(self, update_every_s: float) -> None:
        """Another interval between updates, from now."""
        self._config = self._config.model_copy(update={"update_every_s": update_every_s})

    @property
    def open_count(self) -> int:
        """Episodes that were told as new and have not ended."""
        return sum(episode.told is not None for episode in self._open.values())

    def update(
        self, tracks: Sequence[Track], mono_s: float, frame_size: tuple[int, int]
    ) -> list[EpisodeChange]:
        """What changed with a frame of frame_size (width, height) px: the tracker's answer to it.

        A track that is not among `tracks` any more has ended.
        """
        changes: list[EpisodeChange] = []
        present = set()
        for track in tracks:
            present.add(track.track_id)
            if track.track_id not in self._ended:
                change = self._follow(track, mono_s, frame_size)
                changes += [change] if change else []
        for track_id in [known for known in self._open if known not in present]:
            episode = self._open[track_id]
            changes += self._end(track_id, "left" if episode.has_left() else "lost")
        return changes

    def end_all(self, reason: Literal["camera_lost", "shutdown"]) -> list[EpisodeChange]:
        """End every open episode: the camera is gone, or the unit stops.

        Their tracks are not begun again: reset the tracker too, so that whatever is still there
        when the camera returns gets a new id and a new episode.
        """
        return [change for track_id in list(self._open) for change in self._end(track_id, reason)]

    def _follow(
        self, track: Track, mono_s: float, frame_size: tuple[int, int]
    ) -> EpisodeChange | None:
        episode = self._open.get(track.track_id)
        if episode is None:
            if not track.seen:
                return None
            episode = _Episode(self._camera, track.track_id, mono_s - track.age_s)
            self._open[track.track_id] = episode
        episode.take(track, mono_s, frame_size)
        if not track.seen:
            return None
        if episode.told is None:
            if episode.last_seen_s - episode.first_seen_s < self._config.min_duration_s:
                return None
            return episode.tell("new", mono_s)
        due = mono_s - episode.told_s >= self._config.update_every_s
        if due or track.label != episode.told.label:
            return episode.tell("update", mono_s)
        return None

    def _end(self, track_id: int, reason: EndReason) -> list[EpisodeChange]:
        episode = self._open.pop(track_id)
        if episode.told is None:
            return []
        self._ended[track_id] = None
        if len(self._ended) > REMEMBERED_ENDS:
            del self._ended[next(iter(self._ended))]
        return [episode.tell("end", episode.last_seen_s, reason)]


@dataclass(slots=True)
class _Episode:
    """One track as the book knows it."""

    camera: str
    track_id: int
    first_seen_s: float
    last_seen_s: float = 0.0
    label: str = ""
    box: Box = (0.0, 0.0, 0.0, 0.0)  # where last seen, x1 y1 x2 y2, shares of the picture, uncut
    outside: bool = False  # predicted beyond the picture since it was last seen
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_SCORES))
    best: float = 0.0
    places: deque[tuple[float, float, float]] = field(default_factory=deque)  # s, centre x, y
    told: EpisodeChange | None = None
    told_s: float = 0.0

    def take(self, track: Track, mono_s: float, frame_size: tuple[int, int]) -> None:
        width, height = frame_size
        x1, y1, x2, y2 = track.box
        box = (x1 / width, y1 / height, x2 / width, y2 / height)
        centre_x, centre_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        self.outside = not (0 <= centre_x <= 1 and 0 <= centre_y <= 1)
        if not track.seen:
            return
        self.last_seen_s, self.label, self.box = mono_s, track.label, box
        self.scores.append(track.score)
        self.best = max(self.best, track.score)
        self.places.append((mono_s, centre_x, centre_y))
        while mono_s - self.places[0][0] > HEADING_S:
            self.places.popleft()

    def has_left(self) -> bool:
        """It was heading out at the border when last seen, or has been predicted beyond it."""
        if self.outside:
            return True
        x1, y1, x2, y2 = self.box
        _, old_x, old_y = self.places[0]
        _, new_x, new_y = self.places[-1]
        step_x = (new_x - old_x) / max(x2 - x1, 1e-9)
        step_y = (new_y - old_y) / max(y2 - y1, 1e-9)
        return (
            (x1 <= BORDER_SHARE and step_x <= -HEADING_SHARE)
            or (x2 >= 1 - BORDER_SHARE and step_x >= HEADING_SHARE)
            or (y1 <= BORDER_SHARE and step_y <= -HEADING_SHARE)
            or (y2 >= 1 - BORDER_SHARE and step_y >= HEADING_SHARE)
        )

    def tell(self, change: Change, mono_s: float, reason: EndReason | None = None) -> EpisodeChange:
        news = EpisodeChange(
            change=change,
            camera=self.camera,
            track_id=self.track_id,
            label=self.label,
            confidence=round(median(self.scores), 4),
            best_confidence=round(self.best, 4),
            box=_relative(self.box),
            first_seen_mono_s=self.first_seen_s,
            last_seen_mono_s=self.last_seen_s,
            changed=() if self.told is None or change == "end" else self._changed(self.told),
            reason=reason,
        )
        self.told, self.told_s = news, mono_s
        return news

    def _changed(self, told: EpisodeChange) -> tuple[str, ...]:
        moved = max(abs(new - old) for new, old in zip(_relative(self.box), told.box, strict=True))
        changed = {
            "label": self.label != told.label,
            "box": moved > BORDER_SHARE,
            "confidence": abs(median(self.scores) - told.confidence) >= CONFIDENCE_STEP,
        }
        return tuple(name for name, differs in changed.items() if differs)


def _relative(box: Box) -> Box:
    """x1 y1 x2 y2 in shares of the picture as x y w h, cut at its border, to 1e-4."""
    x1, y1, x2, y2 = (round(min(max(value, 0.0), 1.0), 4) for value in box)
    return (x1, y1, round(x2 - x1, 4), round(y2 - y1, 4))
