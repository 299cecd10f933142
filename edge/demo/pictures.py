"""What the demo saw, for people: the richest annotated picture of each part of its time."""

from pathlib import Path

import cv2

from drivers.samples import Frame
from edge.seeing.look import Ending, Look
from perception import annotate
from perception.detections import Track


class PictureTaker:
    """Keeps the richest picture of each part of the run, annotated."""

    def __init__(self, folder: Path, every_s: float) -> None:
        self.saved: list[str] = []
        self._folder = folder
        self._every_s = every_s
        self._part_began_s: float | None = None
        self._best: tuple[float, Frame, list[Track]] | None = None

    def see(self, look: Look) -> None:
        frame = look.frame
        if self._part_began_s is None:
            self._part_began_s = frame.mono_s
        elif frame.mono_s - self._part_began_s >= self._every_s:
            self.finish_part()
            self._part_began_s = frame.mono_s
        seen = [track for track in look.tracks if track.seen]
        worth = sum(track.score * (2 if track.label == "person" else 1) for track in seen)
        if worth > (self._best[0] if self._best else 0.0):
            self._best = (worth, frame, seen)

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:
        """A camera that goes away ends no part."""

    def finish_part(self) -> None:
        """Save what was richest since the last call."""
        if self._best is None:
            return
        _, frame, tracks = self._best
        path = self._folder / f"{len(self.saved) + 1}-{frame.camera}-{frame.number:05d}.jpg"
        if cv2.imwrite(str(path), annotate.draw(frame.image, tracks)):
            self.saved.append(str(path))
        self._best = None
