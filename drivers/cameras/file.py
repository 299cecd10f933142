"""A video file or a folder of pictures, played in real time as if it were a camera.

Time runs as it would before a lens: whoever reads too slowly misses pictures (counted), and gets
the newest. Each pass of a looped recording goes on where the last one stopped, in number and time.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

from config.devices import FileCameraConfig
from drivers.base import (
    NOT_WANTED,
    DeviceLostError,
    DeviceUnavailableError,
    EndOfRecordingError,
    Wanted,
    always,
)
from drivers.cameras.capture import MAX_SIDE_PX, Capture, Picture, decode_picture, is_text
from drivers.cameras.capture_size import PICTURE_SUFFIXES, picture_size
from drivers.cameras.facts import CameraFacts
from drivers.clock import Clock
from drivers.samples import Frame

MAX_WAIT_S = 0.5  # what a driver may wait in `read`
SKIP_BUDGET_S = 0.4  # passing over a picture still means decoding it, and takes time
FOLDER_FPS = 10.0
UNKNOWN_FPS = 25.0  # for a video that does not tell
MAX_PICTURE_BYTES = 64 * 2**20
FILE_TIMEOUT_S = 10.0  # a file on a slow stick, not one that hangs


class Recording(Protocol):
    """Pictures in a row."""

    def own_fps(self) -> float: ...

    def advance(self) -> bool:
        """On to the next picture; False at the end."""

    def picture(self) -> Picture | None:
        """The picture it stands at; None if that one is damaged."""

    def damaged(self) -> int:
        """How many `advance` had to pass over."""

    def media_s(self) -> float | None:
        """Its place in the recording, if the recording tells."""

    def facts(self) -> CameraFacts: ...

    def rewind(self) -> None:
        """Before the first picture again. Raises DeviceUnavailableError if it is gone."""

    def close(self) -> None: ...


class FileCamera:
    """A recording as a camera.

    Counters: frames, not_wanted, skipped_late, undecodable, loops, fell_behind.
    """

    def __init__(
        self,
        name: str,
        recording: Recording,
        config: FileCameraConfig,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        wanted: Wanted = always,
    ) -> None:
        self._name = name
        self._recording = recording
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._wanted = wanted
        self._fps = config.fps or recording.own_fps()
        self._next = 0  # number of the picture to come
        self._at_pass = 0  # `_next` when the pass began
        self._damaged = 0  # in a row
        self._start_s: float | None = None  # when number 0 was due; None until the first read
        self._counters: Counter[str] = Counter(
            frames=0, not_wanted=0, skipped_late=0, undecodable=0, loops=0, fell_behind=0
        )

    @classmethod
    def open(
        cls, name: str, config: FileCameraConfig, clock: Clock, wanted: Wanted = always
    ) -> Self:
        """Raises DeviceUnavailableError if there is nothing there that can be played."""
        return cls(name, open_recording(config.path), config, clock, wanted=wanted)

    def read(self) -> Frame | None:
        """The picture that is due now; None if the next is not due within 0.5 s, is damaged, or
        is not wanted.

        Raises EndOfRecordingError, and DeviceLostError if the recording went away.
        """
        if not self._await_due():
            return None
        self._skip_late()
        due_s = self._due_s(self._next)
        number = self._advance()
        # After a damaged one the next is looked at: a recording may hold nothing else.
        if not self._damaged and not self._wanted():
            self._counters[NOT_WANTED] += 1
            return None
        image = self._recording.picture()
        if image is None:
            self._counters["undecodable"] += 1
            self._damaged += 1
            return None
        self._damaged = 0
        self._counters["frames"] += 1
        media_s = self._recording.media_s()
        if media_s is None:
            media_s = (number - self._at_pass) / self._fps
        return Frame(camera=self._name, number=number, mono_s=due_s, image=image, media_s=media_s)

    def close(self) -> None:
        self._recording.close()

    def facts(self) -> CameraFacts:
        return replace(self._recording.facts(), fps=self._fps)

    def counters(self) -> dict[str, int]:
        damaged = self._counters["undecodable"] + self._recording.damaged()
        return dict(self._counters) | {"undecodable": damaged}

    def _due_s(self, number: int) -> float:
        return (self._start_s or 0.0) + number / self._fps

    def _await_due(self) -> bool:
        """Wait for the next picture's moment; False if it is too far away to wait for."""
        now_s = self._clock.mono_s()
        if self._start_s is None:
            self._start_s = now_s
        wait_s = self._due_s(self._next) - now_s
        if wait_s > 0:
            self._sleep(min(wait_s, MAX_WAIT_S))
        return wait_s <= MAX_WAIT_S

    def _skip_late(self) -> None:
        """Pass over what should have been read before; give in if that takes too long."""
        now_s = self._clock.mono_s()
        until_s = now_s + SKIP_BUDGET_S
        while now_s < until_s and now_s - self._due_s(self._next) >= 1 / self._fps:
            self._advance()
            self._counters["skipped_late"] += 1
            now_s = self._clock.mono_s()
        behind_s = now_s - self._due_s(self._next)
        if self._start_s is not None and behind_s > SKIP_BUDGET_S + 1 / self._fps:
            # This computer cannot play it in real time: play it slower, with honest stamps.
            self._start_s += behind_s
            self._counters["fell_behind"] += 1

    def _advance(self) -> int:
        """Step to the next picture, over the end if it loops. Returns its number."""
        if not self._recording.advance():
            self._start_over()
        self._next += 1
        return self._next - 1

    def _start_over(self) -> None:
        path = self._config.path
        if not self._config.loop:
            raise EndOfRecordingError(f"{path} is played to its end; set loop: true to go on")
        nothing = self._next == self._at_pass or self._damaged >= self._next - self._at_pass
        try:
            self._recording.rewind()
        except DeviceUnavailableError as error:
            raise DeviceLostError(str(error)) from error
        if nothing or not self._recording.advance():
            raise DeviceLostError(f"{path} has no readable picture any more; put it back")
        self._at_pass = self._next
        self._counters["loops"] += 1


class VideoRecording:
    """A video file, through FFmpeg."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._damaged = 0  # in earlier passes
        self._capture = self._reopen()

    def _reopen(self) -> Capture:
        # "file:" keeps FFmpeg from reading a name like "concat:..." as anything but a name.
        capture = Capture.open_ffmpeg(
            f"file:{self._path.absolute()}",
            open_timeout_s=FILE_TIMEOUT_S,
            read_timeout_s=FILE_TIMEOUT_S,
        )
        if capture is None:
            raise DeviceUnavailableError(
                f"{self._path} is no video that can be read (not a video, cut, or damaged); "
                "play it elsewhere to see, or copy it again"
            )
        # The first picture is fetched at once: many a cut file has a good header.
        self._fetched = max(capture.size_px()) <= MAX_SIDE_PX and capture.grab()
        if not self._fetched:
            width_px, height_px = capture.size_px()
            capture.close()
            raise DeviceUnavailableError(
                f"{self._path} has no readable picture ({width_px} x {height_px} px announced, "
                f"at most {MAX_SIDE_PX} a side); copy it again or convert it"
            )
        return capture

    def own_fps(self) -> float:
        return self._capture.fps() or UNKNOWN_FPS

    def advance(self) -> bool:
        if self._fetched:
            self._fetched = False
            return True
        return self._capture.grab()

    def picture(self) -> Picture | None:
        return self._capture.retrieve()

    def damaged(self) -> int:
        return self._damaged + self._capture.damaged

    def media_s(self) -> float | None:
        return self._capture.position_s()

    def facts(self) -> CameraFacts:
        return self._capture.facts()

    def rewind(self) -> None:
        # Seeking to 0 is not exact in every container; opening again is.
        self._damaged += self._capture.damaged
        self._capture.close()
        self._capture = self._reopen()

    def close(self) -> None:
        self._capture.close()


class PictureFolder:
    """Pictures in name order."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._index = -1

    def own_fps(self) -> float:
        return FOLDER_FPS

    def advance(self) -> bool:
        self._index += 1
        return self._index < len(self._paths)

    def picture(self) -> Picture | None:
        data = picture_bytes(self._paths[self._index])
        return None if data is None else decode_picture(data)

    def damaged(self) -> int:
        return 0

    def media_s(self) -> float | None:
        return None

    def facts(self) -> CameraFacts:
        return CameraFacts(decoder="software, pictures")

    def rewind(self) -> None:
        self._index = -1

    def close(self) -> None:
        pass


def open_recording(path: Path) -> Recording:
    """The video or the pictures at this path. Raises DeviceUnavailableError with the cure."""
    try:
        if path.is_dir():
            return _open_folder(path)
        if not path.is_file():
            cause = "is not a regular file" if path.exists() else "does not exist"
            raise DeviceUnavailableError(
                f"{path} {cause}; give a video file or a folder of pictures"
            )
        if path.stat().st_size == 0:
            raise DeviceUnavailableError(f"{path} is empty; copy it again")
        with path.open("rb"):  # to tell "may not" from "is no video"
            pass
    except OSError as error:
        raise DeviceUnavailableError(
            f"{path} cannot be read ({error.strerror}); let this user read it"
        ) from error
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _checked([path], path)
    if not is_text(str(path)):
        raise DeviceUnavailableError(f"{path}: this name is not UTF-8; rename the file or folder")
    return VideoRecording(path)


def _open_folder(path: Path) -> PictureFolder:
    pictures = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES)
    return _checked(pictures, path)


def _checked(pictures: list[Path], path: Path) -> PictureFolder:
    if not any(picture_bytes(entry) is not None for entry in pictures):
        what = f"{len(pictures)}, all unreadable" if pictures else "none"
        raise DeviceUnavailableError(
            f"{path} has no readable picture ({what}); give one with "
            f"{', '.join(sorted(PICTURE_SUFFIXES))} files of at most {MAX_SIDE_PX} px a side"
        )
    return PictureFolder(pictures)


def picture_bytes(path: Path) -> bytes | None:
    """What is in the file, if that is a picture of a sane size."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    size = picture_size(data)
    return data if size is not None and 0 < min(size) <= max(size) <= MAX_SIDE_PX else None
