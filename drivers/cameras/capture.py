"""OpenCV's capture, behind one door: its errors become answers, its chatter is silenced.

No other module of this package imports `cv2`. Calls block in native code without holding the GIL;
how long is bounded by the time-outs given to `open_ffmpeg` (FFmpeg looks at them every 100 ms).
"""

import math
import os
import threading
import time
from collections.abc import Generator
from typing import Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.cameras.facts import CameraFacts

Picture = NDArray[np.uint8]  # (height, width, 3) uint8 BGR, read-only

MAX_SIDE_PX = 8192  # larger is a mistake or an attack: 8192 x 8192 is 200 MB of pixels
MAX_DAMAGED = 25  # in a row, before a source counts as ended
QUICK_S = 0.1

# OpenCV reads these when it opens its first source.
OPENCV_DEFAULTS = {
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # AV_LOG_QUIET
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "1",  # seconds; 10 by default, too long for `read`
    "OPENCV_VIDEOIO_V4L_READ_ATTEMPTS": "1",
}

# For streams: two pictures are enough to guess the rate from (FFmpeg's default of 20 makes each
# reconnect 0.8 s slower), and 0.2 s is enough to wait for a UDP packet that is late.
STREAM_OPTIONS = "fpsprobesize;2|analyzeduration;3000000|max_delay;200000"
FFMPEG_OPTIONS = {
    None: "rtsp_transport;tcp",  # a file: nothing to set, but OpenCV wants to be told something
    "tcp": f"rtsp_transport;tcp|{STREAM_OPTIONS}",
    "udp": f"rtsp_transport;udp|{STREAM_OPTIONS}",
}

# cv2.VideoAccelerationType: who decodes.
ACCELERATIONS = {0: "software", 2: "d3d11", 3: "vaapi", 4: "mfx", 5: "drm"}

# OpenCV takes FFmpeg's options from the environment only, when it opens. The lock keeps two
# cameras with different options apart. It costs no time: OpenCV has such a lock of its own and
# opens one source after the other (measured on 4.10 and 5.0), so a source that does not answer
# holds up all others; `drivers.cameras.probe` asks it first.
_OPENING = threading.Lock()


class Capture:
    """One open `cv2.VideoCapture`. Pictures come in two steps, so that one can be passed over."""

    def __init__(self, capture: "cv2.VideoCapture") -> None:
        self._capture = capture
        self.damaged = 0  # pictures that `grab` passed over

    @classmethod
    def open_ffmpeg(
        cls,
        source: str,
        *,
        open_timeout_s: float,
        read_timeout_s: float,
        transport: Literal["tcp", "udp"] | None = None,
        hardware: bool = False,
    ) -> Self | None:
        """A file or stream through FFmpeg; None if it cannot be opened or has no pictures.

        A read that times out ends an FFmpeg stream for good (measured on OpenCV 5.0).
        One decoding thread: each further one delays the picture by a frame, and takes a core
        from the detector. `hardware`: decode with it where this build of OpenCV can; else the
        processor does.
        """
        accelerated = [cv2.CAP_PROP_HW_ACCELERATION, cv2.VIDEO_ACCELERATION_ANY]
        parameters = [
            *(accelerated if hardware else []),
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            _milliseconds(open_timeout_s),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            _milliseconds(read_timeout_s),
            cv2.CAP_PROP_N_THREADS,
            1,
        ]
        with _OPENING:
            os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = FFMPEG_OPTIONS[transport]
            return cls._open(source, cv2.CAP_FFMPEG, parameters)

    @classmethod
    def open_v4l2(
        cls, device: str, *, width_px: int, height_px: int, fps: float, pixel_format: str
    ) -> Self | None:
        """A Video4Linux device; None if it cannot be opened as a camera.

        The driver takes the nearest size and rate that it has. The pixel format goes first: at
        YUYV most USB cameras refuse 720p at full rate, and the size would be rounded down. Two
        buffers: with one, the camera has nowhere to write while a picture is fetched, and every
        second picture is lost.
        """
        parameters = [
            cv2.CAP_PROP_FOURCC,
            cv2.VideoWriter.fourcc(*pixel_format.upper()),
            cv2.CAP_PROP_FRAME_WIDTH,
            width_px,
            cv2.CAP_PROP_FRAME_HEIGHT,
            height_px,
            cv2.CAP_PROP_FPS,
            round(fps),
            cv2.CAP_PROP_BUFFERSIZE,
            2,
        ]
        return cls._open(device, cv2.CAP_V4L2, parameters)

    @classmethod
    def _open(cls, source: str, backend: int, parameters: list[int]) -> Self | None:
        if not is_text(source):
            return None
        prepare()
        try:
            capture = cv2.VideoCapture(source, backend, parameters)
        except cv2.error:
            return None
        if not capture.isOpened():
            capture.release()
            return None
        return cls(capture)

    def grab(self) -> bool:
        """Take the next picture from the source; False if none came (time-out, end, cut).

        OpenCV answers a picture that cannot be decoded as it answers the end: "no". So it is
        asked again, a few times and only if it was quick; at the end that costs microseconds.
        """
        for damaged in range(MAX_DAMAGED + 1):
            started_s = time.monotonic()
            if self._grab():
                self.damaged += damaged
                return True
            if time.monotonic() - started_s > QUICK_S:
                break
        return False

    def _grab(self) -> bool:
        try:
            return self._capture.grab()
        except cv2.error:
            return False

    def retrieve(self) -> Picture | None:
        """The picture that was grabbed; None if it is damaged or of an absurd size."""
        try:
            good, image = self._capture.retrieve()
        except cv2.error:
            return None
        return as_picture(image) if good else None

    def ready(self, timeout_s: float) -> bool:
        """Wait for a Video4Linux device; whether `grab` has something to tell, good or bad."""
        try:
            good, ready = cv2.VideoCapture.waitAny([self._capture], round(timeout_s * 1e9))
        except cv2.error:  # how OpenCV passes POLLERR on
            return True
        return bool(good) and len(ready) > 0

    def position_s(self) -> float | None:
        """Stamp of the grabbed picture, as the source counts; None where it has none."""
        milliseconds = self._property(cv2.CAP_PROP_POS_MSEC)
        return None if milliseconds is None else milliseconds / 1000

    def fps(self) -> float | None:
        """The source's own rate; None if it gives none, or nonsense."""
        fps = self._property(cv2.CAP_PROP_FPS)
        return fps if fps is not None and 0.1 <= fps <= 240 else None

    def size_px(self) -> tuple[int, int]:
        """Width and height as the source announces them; 0, 0 if it does not."""
        width, height = map(self._property, (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return int(width or 0), int(height or 0)

    def codec(self) -> str:
        """How the pictures come, as a four-letter name such as h264 or mjpg; "" if not told."""
        number = int(self._property(cv2.CAP_PROP_FOURCC) or 0)
        letters = number.to_bytes(4, "little").decode("latin-1") if number < 2**32 else ""
        return letters.strip("\0 ").lower() if letters.strip("\0 ").isalnum() else ""

    def facts(self) -> CameraFacts:
        """Of a file or stream."""
        size_px = self.size_px()
        way = ACCELERATIONS.get(int(self._property(cv2.CAP_PROP_HW_ACCELERATION) or 0), "hardware")
        return CameraFacts(
            decoder=", ".join(word for word in (way, self.codec()) if word),
            hardware=way != "software",
            size_px=size_px if min(size_px) > 0 else None,
            fps=self.fps(),
        )

    def close(self) -> None:
        self._capture.release()

    def _property(self, key: int) -> float | None:
        # "Not known" is 0 in OpenCV 4 and -1 in OpenCV 5; a damaged file may also give NaN.
        try:
            value = self._capture.get(key)
        except cv2.error:
            return None
        return value if math.isfinite(value) and value >= 0 else None


def plain_loop(source: str) -> Generator[bool]:
    """The loop over `cv2.VideoCapture` that everybody writes, with its defaults, to be measured
    beside ours: whether a picture came, again and again."""
    prepare()
    capture = cv2.VideoCapture(source)
    try:
        while True:
            yield bool(capture.read()[0])
    finally:
        capture.release()


def is_text(source: str) -> bool:
    """Whether OpenCV can be given this name: one that is not UTF-8 crashes it (measured on 5.0)."""
    try:
        return b"\0" not in source.encode()
    except UnicodeEncodeError:  # Python's surrogates, for bytes that are not UTF-8
        return False


def decode_picture(data: bytes) -> Picture | None:
    """The picture in these bytes (JPEG, PNG, ...); None if they are damaged.

    Look at `drivers.cameras.capture_size.picture_size` first: a few bytes can ask for gigabytes.
    """
    prepare()
    if not data:
        return None
    try:
        return as_picture(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    except cv2.error:
        return None


def as_picture(image: object) -> Picture | None:
    """The array as three channels of bytes, read-only; None if that is not what it is."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.size == 0:
        return None
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        image = np.dstack([image.reshape(image.shape[:2])] * 3)
    if image.ndim != 3 or image.shape[2] != 3 or max(image.shape) > MAX_SIDE_PX:
        return None
    image.setflags(write=False)
    return image


def prepare() -> None:
    """Keep OpenCV and FFmpeg off stderr, their waits short, and OpenCV in the thread that calls it;
    call before opening anything.

    By itself it would hand half of each resize to threads of its own on other cores, among them the
    one where the model runs, and waking them costs more than they save (720p, two cores: 9.4 ms of
    processor time for capture, preparation and motion, 8.8 ms without).

    What they print may hold a password, and never a cure.

    Whoever wants to hear FFmpeg sets OPENCV_FFMPEG_LOGLEVEL (16 errors, 48 all) beforehand.
    """
    for name, value in OPENCV_DEFAULTS.items():
        os.environ.setdefault(name, value)
    cv2.setNumThreads(1)
    if hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(0)
    else:  # OpenCV 5
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
