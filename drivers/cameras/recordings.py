"""Pictures in a row: a video file, or a folder of pictures."""

from pathlib import Path
from typing import Protocol

from config.language import tell
from drivers.base import DeviceUnavailableError
from drivers.cameras.capture import MAX_SIDE_PX, Capture, Picture, decode_picture, is_text
from drivers.cameras.capture_size import PICTURE_SUFFIXES, picture_size
from drivers.cameras.facts import CameraFacts

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
                tell(
                    "{path} is no video that can be read (not a video, cut, or damaged); play "
                    "it elsewhere to see, or copy it again",
                    path=self._path,
                )
            )
        # The first picture is fetched at once: many a cut file has a good header.
        self._fetched = max(capture.size_px()) <= MAX_SIDE_PX and capture.grab()
        if not self._fetched:
            width_px, height_px = capture.size_px()
            capture.close()
            raise DeviceUnavailableError(
                tell(
                    "{path} has no readable picture ({width_px} x {height_px} px announced, at "
                    "most {most} a side); copy it again or convert it",
                    path=self._path,
                    width_px=width_px,
                    height_px=height_px,
                    most=MAX_SIDE_PX,
                )
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
            cause = tell("is not a regular file") if path.exists() else tell("does not exist")
            raise DeviceUnavailableError(
                tell(
                    "{path} {cause}; give a video file or a folder of pictures",
                    path=path,
                    cause=cause,
                )
            )
        if path.stat().st_size == 0:
            raise DeviceUnavailableError(tell("{path} is empty; copy it again", path=path))
        with path.open("rb"):  # to tell "may not" from "is no video"
            pass
    except OSError as error:
        raise DeviceUnavailableError(
            tell(
                "{path} cannot be read ({why}); let this user read it",
                path=path,
                why=error.strerror,
            )
        ) from error
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _checked([path], path)
    if not is_text(str(path)):
        raise DeviceUnavailableError(
            tell("{path}: this name is not UTF-8; rename the file or folder", path=path)
        )
    return VideoRecording(path)


def _open_folder(path: Path) -> PictureFolder:
    pictures = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES)
    return _checked(pictures, path)


def _checked(pictures: list[Path], path: Path) -> PictureFolder:
    if not any(picture_bytes(entry) is not None for entry in pictures):
        what = tell("{count}, all unreadable", count=len(pictures)) if pictures else tell("none")
        raise DeviceUnavailableError(
            tell(
                "{path} has no readable picture ({what}); give one with {endings} "
                "files of at most {most} px a side",
                path=path,
                what=what,
                endings=", ".join(sorted(PICTURE_SUFFIXES)),
                most=MAX_SIDE_PX,
            )
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
