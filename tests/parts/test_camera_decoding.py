"""Who decodes a stream: PyAV gives what OpenCV gives, and without hardware the fallback is told."""

import builtins
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.devices import StreamCameraConfig
from drivers.cameras import av_capture, decoding
from drivers.cameras.av_capture import Accelerators, AvCapture, accelerators
from drivers.cameras.stream import StreamCamera
from drivers.clock import SystemClock
from edge.reporting.camera_findings import Seen, camera_findings
from tests.camera_sources import CameraServer, HttpCamera, RtspCamera

av = pytest.importorskip("av", reason="needs the extra video")


@pytest.fixture(params=[HttpCamera, RtspCamera], ids=["http", "rtsp"])
def server(request: pytest.FixtureRequest) -> Iterator[CameraServer]:
    with request.param() as running:
        yield running


def open_av(url: str, kind: str = "", **options: Any) -> AvCapture:
    times = {"open_timeout_s": 5.0, "read_timeout_s": 0.9, "transport": "tcp"}
    capture = AvCapture.open(url, kind, **(times | options))
    assert capture is not None
    return capture


def test_pictures_come_in_order_with_stamps(server: CameraServer) -> None:
    capture = open_av(server.url)
    levels, stamps = [], []
    for _ in range(20):
        assert capture.grab()
        picture = capture.retrieve()
        assert picture is not None
        assert picture.shape == (240, 320, 3)
        assert not picture.flags.writeable
        levels.append(int(picture.mean().round()))
        stamps.append(capture.position_s())
    capture.close()

    steps = np.diff(levels)
    assert set(steps[steps > 0].round(-1)) == {10}, "each is the next of the server's"
    assert all(b > a for a, b in pairwise(stamps))


def test_a_stall_ends_within_its_time_and_a_cut_at_once(server: CameraServer) -> None:
    capture = open_av(server.url)
    assert capture.grab()
    server.mode = "stall"
    began_s = time.monotonic()
    while capture.grab():
        pass
    assert 0.5 < time.monotonic() - began_s < 2.5
    capture.close()

    server.mode = "play"
    capture = open_av(server.url)
    server.mode = "cut"
    began_s = time.monotonic()
    while capture.grab():
        pass
    assert time.monotonic() - began_s < 1.5
    capture.close()


@pytest.mark.parametrize(("transport", "asked"), [("tcp", "RTP/AVP/TCP"), ("udp", "client_port=")])
def test_rtsp_goes_the_way_that_is_asked_for(transport: str, asked: str) -> None:
    with RtspCamera() as server:
        capture = open_av(server.url, transport=transport)
        assert all(capture.grab() for _ in range(5))
        assert capture.retrieve() is not None
        capture.close()
    assert asked in server.transports[0]


def test_garbage_and_nothing_there_are_no_pictures(server: CameraServer) -> None:
    capture = open_av(server.url)
    server.mode = "garbage"
    began_s = time.monotonic()
    while capture.grab() and time.monotonic() - began_s < 10:
        pass
    assert time.monotonic() - began_s < 10
    capture.close()
    server.vanish()
    times = {"open_timeout_s": 2.0, "read_timeout_s": 1.0}
    assert AvCapture.open(server.url, "", **times, transport="tcp") is None  # type: ignore[arg-type]


def clip(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as container:
        try:
            stream = container.add_stream(codec, rate=25)
        except (ValueError, av.error.FFmpegError):
            pytest.skip(f"this PyAV cannot write {codec}")
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            image = np.full((240, 320, 3), 10 + 10 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_network_cameras_send_is_decoded(codec: str, tmp_path: Path) -> None:
    capture = open_av(str(clip(tmp_path / "clip.mp4", codec)))
    levels = []
    while capture.grab():
        picture = capture.retrieve()
        assert picture is not None
        levels.append(picture.mean())
    assert levels == pytest.approx([10 + 10 * n for n in range(20)], abs=4)
    assert capture.facts().decoder == f"software, {codec}"
    assert capture.facts().fps == pytest.approx(25)
    capture.close()


# --- the choice ---


def config_for(server: CameraServer, decode: str) -> StreamCameraConfig:
    return StreamCameraConfig.model_validate(
        {"kind": "stream", "url": server.url, "decode": decode}
    )


def opened(server: CameraServer, decode: str) -> StreamCamera:
    driver = StreamCamera.open("front", config_for(server, decode), SystemClock())
    assert any(driver.read() is not None for _ in range(5))
    return driver


def test_what_this_computer_can_do_is_what_pyav_lists_and_proves() -> None:
    found = accelerators()
    listed = set(av.codec.hwaccel.hwdevices_available())
    assert set(found.usable) <= listed
    if not found.usable:
        assert all(kind in found.why_none for kind in listed)


@pytest.mark.parametrize("decode", ["auto", "software"])
def test_without_hardware_the_processor_decodes_and_nobody_complains(
    decode: str, server: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "accelerators", lambda: Accelerators((), "none here"))
    driver = opened(server, decode)
    facts = driver.facts()
    driver.close()
    assert (facts.decoder, facts.hardware, facts.why_software) == ("software, mjpg", False, "")


def test_hardware_that_is_asked_for_and_not_there_is_a_fault_and_pictures_come(
    server: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "accelerators", lambda: Accelerators((), "none here"))
    driver = opened(server, "hardware")
    facts = driver.facts()
    driver.close()
    assert facts.why_software == "none here"
    (found,) = camera_findings("front", config_for(server, "hardware"), Seen(facts=facts))
    assert (found.code, found.severity) == ("camera_decoder", "warning")
    assert "none here" in found.text


def test_a_decoder_that_does_not_know_the_format_falls_back_and_says_so(
    server: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg's own fallback, with a kind of device that PyAV lists and that has no MJPEG."""
    listed = [kind for kind in av.codec.hwaccel.hwdevices_available() if kind in ("drm", "amf")]
    if not listed:
        pytest.skip("PyAV lists no kind that would be tried")
    monkeypatch.setattr(decoding, "accelerators", lambda: Accelerators(listed))
    driver = opened(server, "hardware")
    facts = driver.facts()
    driver.close()
    assert (facts.decoder, facts.hardware) == ("software, mjpeg", False)
    assert facts.why_software == "no hardware here decodes mjpeg"


def test_a_device_that_fails_when_it_is_needed_leaves_the_stream_to_opencv(
    server: CameraServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "accelerators", lambda: Accelerators(["cuda"]))
    monkeypatch.setattr(AvCapture, "open", lambda *_, **__: None)
    driver = opened(server, "auto")
    assert driver.facts().decoder == "software, mjpg"
    driver.close()


def test_without_pyav_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *rest: object) -> object:
        if name.split(".")[0] == "av":
            raise ImportError(name)
        return builtins.__import__(name)

    monkeypatch.setattr(av_capture, "import_module", missing)
    accelerators.cache_clear()
    found = accelerators()
    accelerators.cache_clear()
    assert (found.usable, found.why_none) == ((), av_capture.MISSING)
    assert "patrol-edge[video]" in found.why_none


def test_nothing_imports_pyav_before_it_is_needed() -> None:
    code = (
        "import sys, drivers.cameras.stream, edge.app; "
        "sys.exit(any(name == 'av' or name.startswith('av.') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert importlib.util.find_spec("av") is not None
