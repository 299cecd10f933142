"""A camera of this computer, through Video4Linux.

Its pictures carry the kernel's stamp of the moment of capture, on the monotonic clock (V4L2 API,
v4l2_buffer.timestamp, V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC); it is used where it is plausible.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from config.devices import V4l2CameraConfig
from config.language import tell
from drivers.base import (
    DeviceLostError,
    DeviceUnavailableError,
    Wanted,
    always,
)
from drivers.cameras.capture import Capture, Picture
from drivers.cameras.facts import CameraFacts
from drivers.cameras.retrieval import Retrieval
from drivers.clock import Clock
from drivers.samples import Frame

MAX_WAIT_S = 0.5
OLDEST_S = 1.0  # a stamp further back than this is of another clock
STALE_S = 0.2  # a picture this old has waited in the kernel's buffers
BUFFERS = 4  # as many may be stale; OpenCV asks for 2, a camera may insist on more
FIRST_TRIES = 4  # of a second each: a sensor that wakes up takes its time


class Source(Protocol):
    """What is used of a `Capture`."""

    def ready(self, timeout_s: float) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> Picture | None: ...
    def position_s(self) -> float | None: ...
    def codec(self) -> str: ...
    def size_px(self) -> tuple[int, int]: ...
    def close(self) -> None: ...


def device_id(device: str) -> int | None:
    """The number of the node that a name leads to now; None if to none."""
    try:
        return os.stat(device).st_rdev  # noqa: PTH116 - a name may be what no Path takes
    except (OSError, ValueError):
        return None


class V4l2Camera:
    """One open device. Counters: frames, not_wanted, skipped_stale, undecodable, unstamped."""

    def __init__(
        self,
        name: str,
        source: Source,
        config: V4l2CameraConfig,
        clock: Clock,
        wanted: Wanted = always,
        device_id: Callable[[str], int | None] = device_id,
    ) -> None:
        self._name = name
        self._source = source
        self._device_id = device_id
        self._opened_id = device_id(config.device)
        self._config = config
        self._clock = clock
        self._newest_s = clock.mono_s()  # when the newest picture came
        self._stamp_s = self._newest_s  # when it was taken
        self._number = 0
        self._counters: Counter[str] = Counter(
            frames=0, not_wanted=0, skipped_stale=0, undecodable=0, unstamped=0
        )
        self._retrieval = Retrieval(source, wanted, self._counters, self._newest_s)

    @classmethod
    def open(
        cls, name: str, config: V4l2CameraConfig, clock: Clock, wanted: Wanted = always
    ) -> Self:
        """Wait for the first picture, at most about 4 s. Raises DeviceUnavailableError."""
        device = Path(config.device)
        check_device(device)
        source = Capture.open_v4l2(
            config.device,
            width_px=config.width_px,
            height_px=config.height_px,
            fps=config.fps,
            pixel_format=config.pixel_format,
        )
        if source is None:
            raise DeviceUnavailableError(
                tell(
                    "{device} does not open as a camera; stop the program that uses it (fuser -v "
                    "{device}), or take the name that ends in video-index0",
                    device=device,
                )
            )
        if not any(source.grab() for _ in range(FIRST_TRIES)):
            source.close()
            raise DeviceUnavailableError(
                tell(
                    "{device} sent no picture in {seconds} s; plug it in again, at a port of "
                    "its own (not a hub)",
                    device=device,
                    seconds=FIRST_TRIES,
                )
            )
        return cls(name, source, config, clock, wanted)

    def read(self) -> Frame | None:
        """The newest picture, waiting at most 0.5 s; None if none came, or a damaged one, or one
        that is not wanted.

        Raises DeviceLostError if none came for `stalled_after_s`, or the device has gone.
        """
        now_s = self._clock.mono_s()
        left_s = self._newest_s + self._config.stalled_after_s - now_s
        if left_s <= 0:
            raise DeviceLostError(
                tell(
                    "{device} sent no picture for {gone_s:.1f} s; check its cable and power",
                    device=self._config.device,
                    gone_s=now_s - self._newest_s,
                )
            )
        if not self._source.ready(min(MAX_WAIT_S, left_s)):
            self._check_name()
            return None
        self._grab()
        for _ in range(BUFFERS):
            if self._newest_s - self._stamp_s <= STALE_S or not self._source.ready(0.001):
                break
            self._counters["skipped_stale"] += 1
            self._grab()
        image = self._retrieval.picture(self._newest_s)
        if image is None:
            self._check_readable()
            return None
        return Frame(camera=self._name, number=self._number - 1, mono_s=self._stamp_s, image=image)

    def close(self) -> None:
        self._source.close()

    def facts(self) -> CameraFacts:
        codec = self._source.codec() or self._config.pixel_format
        size_px = self._source.size_px()
        return CameraFacts(
            decoder=f"software, {codec}",
            size_px=size_px if min(size_px) > 0 else None,
            fps=self._config.fps,  # what OpenCV tells of the device is what it was asked
        )

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def _grab(self) -> None:
        if not self._source.grab():
            raise DeviceLostError(
                tell("{device} has gone; plug it in again", device=self._config.device)
            )
        self._number += 1
        self._newest_s = self._clock.mono_s()
        stamp_s = self._source.position_s()
        if stamp_s is not None and 0 <= self._newest_s - stamp_s <= OLDEST_S:
            self._stamp_s = stamp_s
        else:
            self._counters["unstamped"] += 1
            self._stamp_s = self._newest_s

    def _check_name(self) -> None:
        """A camera that was plugged in again comes back under another node, and its stable name
        leads there, while the old node may be held open and silent for long."""
        if self._device_id(self._config.device) != self._opened_id:
            raise DeviceLostError(
                tell("{device} was unplugged; it is opened anew", device=self._config.device)
            )

    def _check_readable(self) -> None:
        bad_s = self._retrieval.bad_s(self._newest_s)
        if bad_s >= self._config.stalled_after_s:
            raise DeviceLostError(
                tell(
                    "{device} sent only damaged pictures for {bad_s:.1f} s; use a shorter cable, "
                    "or set pixel_format: yuyv",
                    device=self._config.device,
                    bad_s=bad_s,
                )
            )


def check_device(device: Path) -> None:
    """Raises DeviceUnavailableError if there is no device, or this user may not use it."""
    try:
        if not stat.S_ISCHR(device.stat().st_mode):
            raise DeviceUnavailableError(
                tell(
                    "{device} is not a device; look in /dev/v4l/by-id for the camera's name",
                    device=device,
                )
            )
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except ValueError as error:  # a NUL, or what is no UTF-8
        raise DeviceUnavailableError(
            tell(
                "{device} is no name of a device; look in /dev/v4l/by-id for the camera's name",
                device=device,
            )
        ) from error
    except OSError as error:
        raise DeviceUnavailableError(
            tell("{device} {cause}", device=device, cause=_cause(error))
        ) from error


def _cause(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ENXIO | errno.ENODEV:
            return tell(
                "does not exist; plug the camera in, or look in /dev/v4l/by-id for its name"
            )
        case errno.EACCES | errno.EPERM:
            return tell("may not be used by this user; add the user to the group video")
        case errno.EBUSY:
            return tell("is in use; stop the program that uses it")
    return tell("cannot be opened ({why}); plug the camera in again", why=error.strerror)
