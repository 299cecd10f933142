"""Every object that is followed, told to the hub as an episode."""

from collections.abc import Callable

from config.perception import EpisodesConfig
from edge.seeing.look import Ending, Look
from edge.tasks.modes import Tuned
from perception.episodes import EpisodeBook, EpisodeChange

Change = tuple[EpisodeChange, tuple[int, int]]  # with width and height of the picture, px
OnChanges = Callable[[list[Change]], None]


class EpisodeDesk:
    """The episode books of all cameras, as an observer."""

    def __init__(self, config: EpisodesConfig, cameras: list[str], tell: OnChanges) -> None:
        self._books = {name: EpisodeBook(config, name) for name in cameras}
        self._sizes = dict.fromkeys(cameras, (1, 1))
        self._tell = tell

    def tune(self, tuned: Tuned) -> None:
        """Another interval between updates. Any thread."""
        for book in self._books.values():
            book.tell_every(tuned.update_every_s)

    def see(self, look: Look) -> None:
        frame = look.frame
        size = self._sizes[frame.camera] = frame.width_px, frame.height_px
        self._pass_on(self._books[frame.camera].update(look.tracks, frame.mono_s, size), size)

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:  # noqa: ARG002 - its own stamps
        self._pass_on(self._books[camera].end_all(reason), self._sizes[camera])

    def _pass_on(self, changes: list[EpisodeChange], size: tuple[int, int]) -> None:
        if changes:
            self._tell([(change, size) for change in changes])
