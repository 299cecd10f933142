"""Names of files, devices and addresses that cannot be: every driver says so in its own errors."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from config.devices import (
    FileCameraConfig,
    ReplayGnssConfig,
    SerialGnssConfig,
    StreamCameraConfig,
    V4l2CameraConfig,
)
from drivers.base import DeviceUnavailableError
from drivers.cameras.capture import prepare
from drivers.clock import SystemClock
from drivers.factory import open_camera, open_gnss

# NUL, a lone surrogate (YAML can write one), a byte that is no UTF-8 and too long.
NAMES = ["\0", "/a\0b", "/tmp/\ud800", "/tmp/\udce9", "/" + "a" * 300, "/" + "a/" * 4000]
CLOCK = SystemClock()
# `model_construct`, below, leaves out what the configuration checks: a driver does not rely on it.


def open_file(name: str) -> object:
    config = FileCameraConfig.model_construct(kind="file", path=Path(name))
    return open_camera("front", config, CLOCK)


def open_device(name: str) -> object:
    config = V4l2CameraConfig.model_construct(kind="v4l2", device=name)
    return open_camera("front", config, CLOCK)


def open_with_login(name: str) -> object:
    url = "http://127.0.0.1:9/"
    config = StreamCameraConfig.model_construct(kind="stream", url=url, credentials_file=Path(name))
    return open_camera("front", config, CLOCK)


def open_recording(name: str) -> object:
    config = ReplayGnssConfig.model_construct(kind="replay", path=Path(name))
    return open_gnss(config, CLOCK)


def open_port(name: str) -> object:
    return open_gnss(SerialGnssConfig.model_construct(kind="serial", port=name, baud=9600), CLOCK)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:20])
@pytest.mark.parametrize(
    "opened", [open_file, open_device, open_with_login, open_recording, open_port]
)
def test_a_name_that_cannot_be_is_unavailable(opened: Callable[[str], object], name: str) -> None:
    with pytest.raises(DeviceUnavailableError):
        opened(name)


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps"])
@pytest.mark.parametrize(
    "rest", ["h/\ud800", "u\ud800:p@127.0.0.1:9/", "h\0/", "h\ud800/", "127.0.0.1:99999/", "a..b/"]
)
def test_an_address_that_cannot_be_is_unavailable(scheme: str, rest: str) -> None:
    url = f"{scheme}://{rest}"
    config = StreamCameraConfig.model_construct(kind="stream", url=url, open_timeout_s=1.0)
    with pytest.raises(DeviceUnavailableError):
        open_camera("front", config, CLOCK)


@pytest.mark.parametrize("opened", [open_file, open_recording, open_with_login])
def test_a_pipe_holds_nobody_up(opened: Callable[[str], object], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(DeviceUnavailableError):
        opened(str(pipe))


def test_a_video_whose_name_is_no_utf_8_is_told_and_does_not_crash_opencv(tmp_path: Path) -> None:
    prepare()  # the writer, too, makes OpenCV read how loud it may be
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    renamed = tmp_path / os.fsdecode(b"caf\xe9.avi")
    video.rename(renamed)
    with pytest.raises(DeviceUnavailableError, match="not UTF-8"):
        open_file(str(renamed))
