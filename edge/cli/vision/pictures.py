"""Pictures and videos that a person names on the command line, read one after the other.

What cannot be read is told in one line and counted by cause; the rest goes on.
"""

import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.base import DeviceUnavailableError
from drivers.cameras.capture import MAX_SIDE_PX, decode_picture
from drivers.cameras.capture_size import PICTURE_SUFFIXES, picture_size
from drivers.cameras.recordings import MAX_PICTURE_BYTES, UNKNOWN_FPS, VideoRecording
from edge.cli.console import FAILED, USAGE, CommandError, note

WRONG_NAMES = frozenset({"missing", "no file"})  # causes that are the command line's fault


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One picture, and where it is from."""

    path: Path
    frame: int | None  # from 1 within a video; None for a picture file
    media_s: float  # position in the video; 0 for a picture file
    image: NDArray[np.uint8]  # (H, W, 3) uint8 BGR, read-only
    fps: float | None = None  # of the video


@dataclass(slots=True)
class Inputs:
    """All files to look at, in order, and what was wrong with some of them."""

    pictures: list[Path]
    videos: list[Path]
    skipped: Counter[str]  # by cause

    def skip(self, path: Path, cause: str, text: str) -> None:
        self.skipped[cause] += 1
        note(f"skipped {path}: {text}")


def collect(paths: list[Path]) -> Inputs:
    """The picture and video files that these paths mean. A folder means the pictures in it."""
    inputs = Inputs([], [], Counter())
    for path in paths:
        try:
            _collect(path, inputs)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # a NUL in the name
            inputs.skip(path, "missing", "does not exist → check the name")
        except OSError as error:
            inputs.skip(path, "no access", _closed(path, error))
    return inputs


def refuse_nothing(
    inputs: Inputs, work: str, cure: str = "name a picture, a folder of pictures or a video"
) -> None:
    """Raises CommandError where there is neither a picture nor a video. `work`: what for."""
    if inputs.pictures or inputs.videos:
        return
    # A name that nothing has is wrong usage; a file that cannot be used is work that failed.
    code = USAGE if inputs.skipped.keys() <= WRONG_NAMES else FAILED
    raise CommandError(f"nothing to {work}", cure, code)


def _closed(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"may not be read by this user → look at: ls -ld {path}"
    return f"cannot be read ({error.strerror}) → copy it again"


def _collect(path: Path, inputs: Inputs) -> None:
    if stat.S_ISDIR(path.stat().st_mode):
        found = sorted(
            entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES
        )
        inputs.pictures += found
        if not found:
            suffixes = ", ".join(sorted(PICTURE_SUFFIXES))
            inputs.skip(
                path, "no pictures", f"a folder without pictures ({suffixes}) → name another"
            )
    elif not stat.S_ISREG(path.stat().st_mode):
        inputs.skip(path, "no file", "is not a regular file → name a picture, a video or a folder")
    elif path.stat().st_size == 0:
        inputs.skip(path, "empty", "is empty → copy it again")
    elif path.suffix.lower() in PICTURE_SUFFIXES:
        inputs.pictures.append(path)
    else:
        path.open("rb").close()  # FFmpeg would call a file that is closed to us a damaged one
        inputs.videos.append(path)


def shots(inputs: Inputs) -> Iterator[Shot]:
    """Every picture that can be read. Faults are noted and counted in `inputs`."""
    for path in inputs.pictures:
        shot = _read_picture(path, inputs)
        if shot is not None:
            yield shot
    for path in inputs.videos:
        yield from _read_video(path, inputs)


def _read_picture(path: Path, inputs: Inputs) -> Shot | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        inputs.skip(path, "no access", _closed(path, error))
        return None
    size = picture_size(data)
    if not data:
        inputs.skip(path, "empty", "is empty → copy it again")
    elif len(data) > MAX_PICTURE_BYTES or (size is not None and max(size) > MAX_SIDE_PX):
        inputs.skip(path, "too large", f"over {MAX_SIDE_PX} px a side or 64 MiB → scale it down")
    elif size is None or min(size) == 0:
        inputs.skip(path, "unreadable", "no picture, or cut off → copy it again")
    else:
        image = decode_picture(data)
        if image is not None:
            return Shot(path=path, frame=None, media_s=0.0, image=image)
        inputs.skip(path, "unreadable", "is damaged → copy it again")
    return None


def _read_video(path: Path, inputs: Inputs) -> Iterator[Shot]:
    try:
        video = VideoRecording(path)
    except DeviceUnavailableError as error:
        inputs.skip(path, "unreadable", str(error).removeprefix(f"{path} "))
        return
    try:
        yield from _frames(path, video, inputs)
    finally:
        video.close()


def _frames(path: Path, video: VideoRecording, inputs: Inputs) -> Iterator[Shot]:
    fps = video.own_fps() or UNKNOWN_FPS
    step_s = 1 / fps
    frame, last_s = 0, -step_s
    while video.advance():
        frame += 1
        media_s = video.media_s()
        # Stamps that stand still or run back are the container's fault; time still goes on.
        last_s = media_s if media_s is not None and media_s > last_s else last_s + step_s
        image = video.picture()
        if image is None:
            inputs.skipped["damaged frame"] += 1
        else:
            yield Shot(path=path, frame=frame, media_s=last_s, image=image, fps=fps)


def image_ids(inputs: Inputs) -> dict[Path, int]:
    """COCO's image id of every picture file: its stem as a number, or the number it ends with.

    A video has no entry: its image ids are the frame numbers, from 1, so it must be the only
    input. Raises CommandError for a stem without a number, and for two files with the same one.
    """
    if inputs.videos and len(inputs.pictures) + len(inputs.videos) > 1:
        raise CommandError(
            "--coco numbers the frames of a video from 1, so a video must be the only input",
            "run it once per video",
            USAGE,
        )
    found: dict[int, Path] = {}
    for path in inputs.pictures:
        digits = re.search(r"[0-9]+$", path.stem)
        if digits is None or len(digits[0]) > 18:
            raise CommandError(
                f"{path.name} has no number at the end of its name, and COCO's image_id is one",
                "name the pictures like 000000000139.jpg",
                USAGE,
            )
        number = int(digits[0])
        if number in found:
            raise CommandError(
                f"{found[number]} and {path} have the same image_id {number}",
                "give every picture its own number",
                USAGE,
            )
        found[number] = path
    return {path: number for number, path in found.items()}
