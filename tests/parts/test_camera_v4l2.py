"""V4l2Camera: its timing on a scripted source, its errors on real device nodes.

With PATROL_EDGE_HARDWARE=1 also on a real camera (PATROL_EDGE_CAMERA, default /dev/video0).
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from config.devices import V4l2CameraConfig
from drivers.base import DeviceLostError, DeviceUnavailableError
from drivers.cameras.capture import Capture, Picture
from drivers.cameras.v4l2 import V4l2Camera
from drivers.clock import SystemClock

PICTURE = np.zeros((48, 64, 3), np.uint8)


class Device:
    """A clock, and a camera that takes a picture at each of the given moments.

    As the kernel does, it has room for `room` pictures and keeps the oldest when nobody fetches.
    """

    def __init__(self, *taken_s: float, room: int = 2, gone_s: float = 1e9) -> None:
        self.now_s = 100.0
        self._taken_s = [100 + moment for moment in taken_s]
        self._gone_s = 100 + gone_s
        self._room = room
        self._fetched_s: float | None = None
        self.stamp_offset_s = 0.0
        self.damaged: set[float] = set()
        self.decoded: list[float | None] = []

    def mono_s(self) -> float:
        return self.now_s

    def utc(self) -> object:
        raise AssertionError("a camera has no business with the time of day")

    def _waiting(self) -> list[float]:
        done = [moment for moment in self._taken_s if moment <= self.now_s]
        lost = done[self._room :]
        self._taken_s = [moment for moment in self._taken_s if moment not in lost]
        return done[: self._room]

    def ready(self, timeout_s: float) -> bool:
        if self._waiting() or self.now_s >= self._gone_s:
            return True
        until_s = self.now_s + timeout_s
        self.now_s = min([until_s, *self._taken_s, max(self._gone_s, self.now_s)])
        return bool(self._waiting()) or self.now_s >= self._gone_s

    def grab(self) -> bool:
        if self.now_s >= self._gone_s:
            return False
        self._fetched_s = self._waiting()[0]
        self._taken_s.remove(self._fetched_s)
        return True

    def retrieve(self) -> Picture | None:
        self.decoded.append(self._fetched_s)
        return None if self._fetched_s in self.damaged else PICTURE

    def position_s(self) -> float | None:
        return None if self._fetched_s is None else self._fetched_s + self.stamp_offset_s

    def close(self) -> None:
        pass


def camera(device: Device, **options: object) -> V4l2Camera:
    config = V4l2CameraConfig(kind="v4l2", device="/dev/v4l/by-id/cam", **options)
    return V4l2Camera("front", device, config, device)


def test_the_stamp_is_the_kernels_not_that_of_the_fetching() -> None:
    device = Device(0.10, 0.14, 0.18)
    driver = camera(device)
    device.now_s += 0.13

    frame = driver.read()

    assert frame is not None
    assert (frame.mono_s, frame.number, frame.camera) == (100.10, 0, "front")


@pytest.mark.parametrize("offset_s", [-1e6, 0.5, 1.7e9], ids=["other clock", "future", "utc"])
def test_a_stamp_of_another_clock_is_not_believed_and_counted(offset_s: float) -> None:
    device = Device(0.1)
    device.stamp_offset_s = offset_s
    driver = camera(device)

    frame = driver.read()

    assert frame is not None
    assert frame.mono_s == device.now_s
    assert driver.counters()["unstamped"] == 1


def test_what_nobody_wants_is_fetched_but_not_decoded_and_the_camera_is_not_lost() -> None:
    moments = [n / 10 for n in range(1, 101)]
    device = Device(*moments)
    config = V4l2CameraConfig(kind="v4l2", device="/dev/v4l/by-id/cam", stalled_after_s=2)
    driver = V4l2Camera("front", device, config, device, lambda: device.now_s >= 109)
    device.damaged = {109.0}

    frames = [frame for frame in (driver.read() for _ in moments) if frame is not None]

    assert device.decoded == pytest.approx([109.0 + n / 10 for n in range(11)])
    assert [frame.mono_s for frame in frames] == pytest.approx(device.decoded[1:])
    assert [frame.number for frame in frames] == list(range(90, 100))
    counted = {"frames": 10, "not_wanted": 89, "undecodable": 1}
    assert driver.counters() == {"skipped_stale": 0, "unstamped": 0, **counted}


def test_after_a_damaged_picture_the_next_is_decoded_though_nobody_wants_it() -> None:
    device = Device(*(n / 10 for n in range(1, 100)))
    config = V4l2CameraConfig(kind="v4l2", device="/dev/v4l/by-id/cam", stalled_after_s=2)
    driver = V4l2Camera("front", device, config, device, lambda: not device.decoded)
    device.damaged = {100 + n / 10 for n in range(1, 100)}

    with pytest.raises(DeviceLostError, match="only damaged pictures"):
        [driver.read() for _ in range(99)]


def test_pictures_that_waited_in_the_kernel_are_passed_over() -> None:
    device = Device(*(n / 25 for n in range(1, 100)), room=2)
    driver = camera(device)
    device.now_s += 1.0

    first, second = driver.read(), driver.read()

    assert first is not None
    assert second is not None
    assert driver.counters()["skipped_stale"] >= 1
    assert device.now_s - second.mono_s < 0.05


def test_a_silent_camera_is_waited_for_in_half_seconds_and_lost_after_two() -> None:
    device = Device(0.1)
    driver = camera(device)
    assert driver.read() is not None
    last_s = device.now_s

    for _ in range(4):
        before_s = device.now_s
        assert driver.read() is None
        assert device.now_s - before_s <= 0.5
    with pytest.raises(DeviceLostError, match=r"no picture for 2\.0 s; check its cable"):
        driver.read()
    assert device.now_s - last_s == pytest.approx(2.0)


def test_a_slow_camera_is_not_lost_when_it_may_be_slow() -> None:
    device = Device(*(3.0 * n for n in range(1, 5)))
    driver = camera(device, stalled_after_s=4.0)
    frames = [driver.read() for _ in range(24)]
    assert [frame.mono_s for frame in frames if frame] == [103.0, 106.0, 109.0, 112.0]


def test_a_pulled_plug_is_noticed_at_once() -> None:
    device = Device(0.1, 0.2, gone_s=0.15)
    driver = camera(device)
    assert driver.read() is not None
    with pytest.raises(DeviceLostError, match="has gone"):
        driver.read()
    assert device.now_s == pytest.approx(100.15)


def test_a_camera_whose_name_leads_elsewhere_is_lost_at_once_though_the_old_node_is_open(
    tmp_path: Path,
) -> None:
    """Re-enumeration: /dev/v4l/by-id/x goes, and comes back for another /dev/videoN."""
    name = tmp_path / "by-id-camera"
    name.symlink_to("/dev/null")
    device = Device(0.1, 30.0)
    config = V4l2CameraConfig(kind="v4l2", device=str(name), stalled_after_s=20)
    driver = V4l2Camera("front", device, config, device)
    assert driver.read() is not None
    assert driver.read() is None, "silent, and the name is where it was"

    name.unlink()
    name.symlink_to("/dev/zero")
    silent_since_s = device.now_s
    with pytest.raises(DeviceLostError, match="was unplugged"):
        driver.read()
    assert device.now_s - silent_since_s <= 0.5


def test_a_camera_whose_name_has_gone_is_lost_too(tmp_path: Path) -> None:
    name = tmp_path / "by-id-camera"
    name.symlink_to("/dev/null")
    device = Device(0.1)
    config = V4l2CameraConfig(kind="v4l2", device=str(name), stalled_after_s=20)
    driver = V4l2Camera("front", device, config, device)
    assert driver.read() is not None
    name.unlink()
    with pytest.raises(DeviceLostError, match="was unplugged"):
        driver.read()


def test_a_damaged_picture_is_counted_and_the_next_one_read() -> None:
    device = Device(0.1, 0.2)
    device.damaged = {100.1}
    driver = camera(device)
    assert driver.read() is None
    assert driver.read() is not None
    assert driver.counters() == {
        "frames": 1,
        "not_wanted": 0,
        "skipped_stale": 0,
        "undecodable": 1,
        "unstamped": 0,
    }


def test_a_camera_that_sends_only_damaged_pictures_is_lost() -> None:
    moments = [n / 10 for n in range(1, 100)]
    device = Device(*moments)
    device.damaged = {100 + moment for moment in moments}
    driver = camera(device)
    for _ in range(19):
        assert driver.read() is None
    with pytest.raises(DeviceLostError, match="only damaged pictures for 2"):
        driver.read()


def open_device(path: Path) -> V4l2Camera:
    config = V4l2CameraConfig(kind="v4l2", device=str(path))
    return V4l2Camera.open("front", config, SystemClock())


def test_a_device_that_is_not_there_says_where_to_look() -> None:
    with pytest.raises(DeviceUnavailableError, match=r"does not exist; .*/dev/v4l/by-id"):
        open_device(Path("/dev/v4l/by-id/no-such-camera"))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_not_a_device_says_so(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "camera"
    path.touch() if kind == "file" else path.mkdir()
    with pytest.raises(DeviceUnavailableError, match="is not a device"):
        open_device(path)


def test_a_device_that_is_no_camera_says_so_and_nothing_else(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(DeviceUnavailableError, match="does not open as a camera"):
        open_device(Path("/dev/null"))
    assert capfd.readouterr() == ("", "")


def test_the_capture_answers_no_for_what_does_not_exist() -> None:
    options = {"width_px": 640, "height_px": 480, "fps": 25.0, "pixel_format": "mjpg"}
    assert Capture.open_v4l2("/dev/video-none", **options) is None  # type: ignore[arg-type]


@pytest.mark.hardware
@pytest.mark.skipif(os.environ.get("PATROL_EDGE_HARDWARE") != "1", reason="needs a camera")
def test_a_real_camera_gives_fresh_pictures_with_the_kernels_stamps() -> None:
    driver = open_device(Path(os.environ.get("PATROL_EDGE_CAMERA", "/dev/video0")))
    ages_s = []
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        frame = driver.read()
        if frame is not None:
            ages_s.append(time.monotonic() - frame.mono_s)
    driver.close()

    assert len(ages_s) > 15
    assert np.median(ages_s) < 0.2
    assert driver.counters()["unstamped"] == 0
