"""PyAV behind one door: decoding by hardware that OpenCV's build cannot use. Alone imports `av`.

`av` (the extra `video`) carries an FFmpeg of its own; whether that one and this computer have a
decoder in common is tried once, without any camera.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Self

from drivers.cameras.capture import MAX_DAMAGED, MAX_SIDE_PX, Picture, as_picture
from drivers.cameras.facts import CameraFacts

MISSING = "PyAV is not installed: pip install 'patrol-edge[video]'"
CODECS = ("h264", "hevc")  # what network cameras send; MJPEG costs the processor little
# In this order, where there are several: those that hand pictures over fastest.
PREFERRED = ("cuda", "vaapi", "qsv", "videotoolbox", "drm")
OPTIONS = {"fpsprobesize": "2", "analyzeduration": "3000000", "max_delay": "200000"}


@dataclass(frozen=True, slots=True)
class Accelerators:
    """Which kinds of decoders work here, best first; and what is to be said where none does."""

    usable: Sequence[str]
    why_none: str = ""


@functools.cache
def accelerators() -> Accelerators:
    """Tried once in a process: a graphics card is not plugged in meanwhile."""
    try:
        library = import_module("av")
        hardware = import_module("av.codec.hwaccel")
    except ImportError:
        return Accelerators((), MISSING)
    library.logging.set_level(None)  # what FFmpeg prints may hold a password, and never a cure
    listed = sorted(hardware.hwdevices_available(), key=_preference)
    usable = [kind for kind in listed if any(_works(hardware, kind, codec) for codec in CODECS)]
    if usable:
        return Accelerators(usable)
    tried = ", ".join(listed) or "no kind"
    return Accelerators((), f"PyAV knows {tried}, and this computer has none that works with it")


def _preference(kind: str) -> int:
    return PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)


def _works(hardware: Any, kind: str, codec: str) -> bool:
    """Whether a decoder of this kind can be made for this format, now."""
    library = import_module("av")
    try:
        decoder = library.codec.Codec(codec, "r")
        hardware.HWAccel(device_type=kind, allow_software_fallback=False).create(decoder)
    except (library.error.FFmpegError, OSError, NotImplementedError, ValueError, RuntimeError):
        return False
    return True


class AvCapture:
    """One open stream through PyAV. Used as a `Capture` is."""

    def __init__(self, container: Any, video: Any, kind: str) -> None:
        self.damaged = 0  # pictures that `grab` passed over
        self._container = container
        self._video = video
        self._kind = kind
        errors = import_module("av").error
        self._error, self._damage = errors.FFmpegError, errors.InvalidDataError
        self._pictures: Iterator[Any] = iter(())
        self._frame: Any = None

    @classmethod
    def open(
        cls,
        source: str,
        kind: str,
        *,
        open_timeout_s: float,
        read_timeout_s: float,
        transport: Literal["tcp", "udp"],
    ) -> Self | None:
        """`kind`: one of `accelerators().usable`, or "" for the processor. None if it cannot be
        opened or has no pictures."""
        av = import_module("av")
        accelerator = None
        if kind:
            hardware = import_module("av.codec.hwaccel")
            accelerator = hardware.HWAccel(device_type=kind, allow_software_fallback=True)
        try:
            container = av.open(
                source,
                options=OPTIONS | {"rtsp_transport": transport},
                timeout=(open_timeout_s, read_timeout_s),
                hwaccel=accelerator,
            )
        except (av.error.FFmpegError, OSError, ValueError, RuntimeError):
            return None
        if not container.streams.video:
            container.close()
            return None
        video = container.streams.video[0]
        video.codec_context.thread_count = 1  # each further one delays the picture by a frame
        return cls(container, video, kind)

    def grab(self) -> bool:
        """Fetch and decode the next picture; False if none came (time-out, end, cut)."""
        for damaged in range(MAX_DAMAGED + 1):
            try:
                self._frame = next(self._pictures, None) or self._next()
            except self._damage:  # one picture; the next may be whole
                self._pictures = iter(())
                continue
            except (self._error, OSError):
                return False
            if self._frame is not None:
                self.damaged += damaged
            return self._frame is not None
        return False

    def _next(self) -> Any:
        self._pictures = self._container.decode(self._video)
        return next(self._pictures, None)

    def retrieve(self) -> Picture | None:
        """The picture that was grabbed; None if it is damaged or of an absurd size."""
        frame = self._frame
        if frame is None or max(frame.width, frame.height) > MAX_SIDE_PX:
            return None
        try:
            return as_picture(frame.to_ndarray(format="bgr24"))
        except (self._error, OSError, ValueError):
            return None

    def position_s(self) -> float | None:
        time_s = self._frame.time if self._frame is not None else None
        return None if time_s is None else float(time_s)

    def size_px(self) -> tuple[int, int]:
        context = self._video.codec_context
        return int(context.width or 0), int(context.height or 0)

    def facts(self) -> CameraFacts:
        hardware = bool(self._kind) and bool(self._video.codec_context.is_hwaccel)
        rate = self._video.average_rate or self._video.guessed_rate
        size_px = self.size_px()
        return CameraFacts(
            decoder=f"{self._kind if hardware else 'software'}, {self._video.codec_context.name}",
            hardware=hardware,
            size_px=size_px if min(size_px) > 0 else None,
            fps=float(rate) if rate and 0.1 <= rate <= 240 else None,
        )

    def close(self) -> None:
        self._container.close()
