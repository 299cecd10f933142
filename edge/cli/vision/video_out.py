"""A video file that is written picture by picture: whole at its end, or not there at all."""

from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.cli.console import USAGE, CommandError

# Codecs that OpenCV's own FFmpeg writes on every computer. H.264 would need another library.
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LONGEST_GAP = 250  # pictures; a longer hole in the count is no damage but nonsense


def check_video_name(path: Path) -> None:
    """Raises CommandError for a name that says no format we can write."""
    if path.suffix.lower() not in CODECS:
        raise CommandError(
            f"{path.name}: a video is written as {' or '.join(CODECS)}",
            f"name it {path.stem}.mp4",
            USAGE,
        )


class VideoOut:
    """One video being written, as a context: at its good end it appears under its name."""

    def __init__(self, path: Path) -> None:
        check_video_name(path)
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._number = 0  # of the last picture, from 1
        self._last: NDArray[np.uint8] | None = None

    def add(self, image: NDArray[np.uint8], number: int, fps: float) -> None:
        """The picture of this number, from 1. Missing ones before it are filled with the last one,
        so that the video keeps its time. Raises CommandError."""
        if self._writer is None:
            self._open(image, fps)
        elif self._last is not None:
            for _ in range(min(LONGEST_GAP, number - self._number - 1)):
                self._put(self._last)
        if image.shape[1::-1] != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        self._put(image)
        self._last, self._number = image, number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.release()
        if kind is not None:
            self._part.unlink(missing_ok=True)
        elif writer is not None:
            self._appear()

    def _appear(self) -> None:
        try:
            if not self._part.stat().st_size:
                self._part.unlink()
                raise CommandError(f"{self._path}: nothing was written", "is there room?")
            self._part.replace(self._path)
        except OSError as error:
            raise CommandError(f"{self._path}: {error.strerror}", "is there room?") from error

    def _open(self, image: NDArray[np.uint8], fps: float) -> None:
        height, width = image.shape[:2]
        self._size = (width // 2 * 2 or 2, height // 2 * 2 or 2)  # the codecs want even sides
        codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._part), codec, fps, self._size)
        if not writer.isOpened():
            self._part.unlink(missing_ok=True)
            raise CommandError(
                f"{self._path} cannot be written", "is there room, and may we write?"
            )
        self._writer = writer

    def _put(self, image: NDArray[np.uint8]) -> None:
        if self._writer is not None:
            self._writer.write(image)
