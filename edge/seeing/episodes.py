"""Every object that is followed, told to the hub as an episode."""

from collections.abc import Callable
from typing import NamedTuple

from config.perception import EpisodesConfig
from edge.seeing.look import Ending, Look
from edge.tasks.modes import Tuned
from perception.episodes import EpisodeBook, EpisodeChange
from perception.place.frame import LocalFrame
from perception.place.placed import WorldTrack


class Standing(NamedTuple):
    """Where an object stood when it was last seen."""

    track: WorldTrack
    frame: LocalFrame | None  # that its point is in


class Change(NamedTuple):
    """One step of an episode."""

    step: EpisodeChange
    size_px: tuple[int, int]  # width and height of the picture
    standing: Standing | None


OnChanges = Callable[[list[Change]], None]


class EpisodeDesk:
    """The episode books of all cameras, as an observer."""

    def __init__(self, config: EpisodesConfig, cameras: list[str], tell: OnChanges) -> None:
        self._books = {name: EpisodeBook(config, name) for name in cameras}
        self._sizes = dict.fromkeys(cameras, (1, 1))
        self._stood: dict[str, dict[int, Standing]] = {name: {} for name in cameras}
        self._tell = tell

    def tune(self, tuned: Tuned) -> None:
        """Another interval between updates. Any thread."""
        for book in self._books.values():
            book.tell_every(tuned.update_every_s)

    def see(self, look: Look) -> None:
        frame, stood = look.frame, self._stood[look.frame.camera]
        size = self._sizes[frame.camera] = frame.width_px, frame.height_px
        for track in look.scene.tracks:
            if track.seen:
                stood[track.track_id] = Standing(track, look.scene.frame)
        self._pass_on(
            frame.camera, self._books[frame.camera].update(look.tracks, frame.mono_s, size)
        )
        for gone in stood.keys() - {track.track_id for track in look.tracks}:
            del stood[gone]

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:  # noqa: ARG002 - its own stamps
        self._pass_on(camera, self._books[camera].end_all(reason))
        self._stood[camera].clear()

    def _pass_on(self, camera: str, steps: list[EpisodeChange]) -> None:
        stood, size_px = self._stood[camera], self._sizes[camera]
        if steps:
            self._tell([Change(step, size_px, stood.get(step.track_id)) for step in steps])
