"""Pictures to calibrate and to measure with: some of many, evenly, from folders and videos."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.base import DeviceUnavailableError
from drivers.cameras.recordings import VideoRecording
from edge.cli.console import USAGE, CommandError
from edge.cli.vision.pictures import Inputs, collect, shots


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture; of a video only the pictures that were asked for are kept."""

    path: Path
    image: NDArray[np.uint8] | None  # None: to be read from the file when it is needed

    def read(self) -> NDArray[np.uint8] | None:
        """(H, W, 3) uint8 BGR; None, with a note, where it cannot be read."""
        if self.image is not None:
            return self.image
        found = list(shots(Inputs([self.path], [], collect([]).skipped)))
        return found[0].image if found else None


def sampled(paths: list[Path], count: int) -> list[Picture]:
    """At most `count` pictures: half of them from videos, where there are both; evenly spread.

    Frames of one video are much alike, so single pictures say more. Raises CommandError where
    there is none at all.
    """
    inputs = collect(paths)
    if paths and not inputs.pictures and not inputs.videos:
        raise CommandError("no picture to calibrate with", "name pictures or videos", USAGE)
    single = min(len(inputs.pictures), count // 2 if inputs.videos else count)
    found: list[Picture] = []
    for number, video in enumerate(inputs.videos):
        left = count - single - len(found)
        found += _of_video(video, left // (len(inputs.videos) - number), inputs)
    return found + [
        Picture(inputs.pictures[at], None) for at in evenly(len(inputs.pictures), single)
    ]


def evenly(there: int, wanted: int) -> list[int]:
    """Places of at most `wanted` out of `there`, the same distance apart."""
    return sorted({int(place) for place in np.linspace(0, there - 1, min(there, max(wanted, 0)))})


def _of_video(path: Path, wanted: int, inputs: Inputs) -> Iterator[Picture]:
    try:
        video = VideoRecording(path)
    except DeviceUnavailableError as error:
        inputs.skip(path, "unreadable", str(error).removeprefix(f"{path} "))
        return
    try:
        frames = 0
        while video.advance():
            frames += 1
        video.rewind()
        chosen = set(evenly(frames, wanted))
        for frame in range(frames):
            if not video.advance():
                return
            image = video.picture() if frame in chosen else None
            if image is not None:
                yield Picture(path, image)
    finally:
        video.close()
