"""`patrol-edge camera list`, `preview` and `bench`: cameras on loopback, and a made kernel."""

import errno
import json
import re
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import DeviceUnavailableError
from drivers.cameras.v4l2_modes import (
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    MOST,
    QUERYCAP,
    Mode,
    abilities,
)
from edge.cli.main import main
from edge.cli.vision.camera_list import mode_lines
from tests.camera_sources import CameraServer, HttpCamera, RtspCamera
from tests.head_writer import Known, yolox
from tests.onnx_writer import constant_model

SIDE = 416
NODE = Path("/dev/null")  # a character device that can be opened; what it answers is made here


class Kernel:
    """Answers the questions about a camera, as uvcvideo would."""

    def __init__(self, caps: int = 0x84A0_0001, node_caps: int = 0x0420_0001) -> None:
        self.caps, self.node_caps = caps, node_caps
        self.formats = {"MJPG": {(1280, 720): (30, 15), (640, 480): (30,)}, "YUYV": {}}
        self.stepwise = False

    def __call__(self, _descriptor: int, request: int, content: bytearray) -> None:
        index = struct.unpack_from("=I", content)[0]
        if request == QUERYCAP:
            head = struct.pack("=16s32s32sI", b"uvcvideo", b"HD Webcam\0junk", b"usb-1", 0)
            content[: len(head) + 8] = head + struct.pack("=II", self.caps, self.node_caps)
        elif request == ENUM_FMT and index < len(self.formats):
            content[44:48] = list(self.formats)[index].encode()
        elif request == ENUM_FRAMESIZES and self._sizes(content)[index:]:
            width, height = self._sizes(content)[index]
            numbers = (2, 64, 1920, 8, 48, 1080, 8) if self.stepwise else (1, width, height)
            struct.pack_into(f"={len(numbers)}I", content, 8, *numbers)
        elif request == ENUM_FRAMEINTERVALS and self._rates(content)[index:]:
            struct.pack_into("=III", content, 16, 1, 1, self._rates(content)[index])
        else:
            raise OSError(errno.EINVAL, "invalid")

    def _sizes(self, content: bytearray) -> list[tuple[int, int]]:
        return list(self.formats[bytes(content[4:8]).decode()])

    def _rates(self, content: bytearray) -> tuple[int, ...]:
        size = struct.unpack_from("=II", content, 8)
        return self.formats[bytes(content[4:8]).decode()].get(size, ())


def test_formats_sizes_and_rates_are_what_the_kernel_lists() -> None:
    found = abilities(NODE, Kernel())

    assert (found.card, found.driver, found.bus) == ("HD Webcam", "uvcvideo", "usb-1")
    assert found.modes == (
        Mode(pixel_format="MJPG", width_px=1280, height_px=720, fps=(30.0, 15.0)),
        Mode(pixel_format="MJPG", width_px=640, height_px=480, fps=(30.0,)),
    )
    assert list(mode_lines(list(found.modes))) == ["MJPG  1280x720 at 30, 15; 640x480 at 30"]


def test_a_camera_of_any_size_gives_its_smallest_and_largest() -> None:
    kernel = Kernel()
    kernel.stepwise = True
    sizes = [(mode.width_px, mode.height_px) for mode in abilities(NODE, kernel).modes]
    assert sizes == [(64, 48), (1920, 1080)]


def test_a_metadata_node_and_what_is_no_camera_are_told() -> None:
    with pytest.raises(DeviceUnavailableError, match="ends in video-index0"):
        abilities(NODE, Kernel(node_caps=0x0080_0000))
    with pytest.raises(DeviceUnavailableError, match="is no camera"):
        abilities(NODE)  # the real kernel, of /dev/null
    with pytest.raises(DeviceUnavailableError, match="does not exist"):
        abilities(Path("/dev/v4l/by-id/none"))


@settings(deadline=None, max_examples=60)
@given(data=st.binary(min_size=104, max_size=104), ends=st.booleans())
def test_whatever_a_driver_answers_ends_and_is_printable(data: bytes, ends: bool) -> None:
    asked = 0

    def ioctl(_descriptor: int, request: int, content: bytearray) -> None:
        nonlocal asked
        asked += 1
        if asked > 5000 or (ends and request != QUERYCAP and content[0] > 1):
            raise OSError(errno.EINVAL, "invalid")
        content[4:] = data[4 : len(content)]

    try:
        found = abilities(NODE, ioctl)
    except DeviceUnavailableError:
        return
    assert len(found.modes) <= MOST * MOST
    assert found.card.isprintable()


# --- on loopback ---


@pytest.fixture(params=[HttpCamera, RtspCamera], ids=["http", "rtsp"])
def server(request: pytest.FixtureRequest) -> Iterator[CameraServer]:
    with request.param() as running:
        yield running


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_the_bench_measures_rate_cost_and_age_beside_a_plain_loop(
    server: CameraServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["camera", "bench", server.url, "--seconds", "2", "--json"])
    ours, plain = rows(capsys.readouterr().out)

    assert code == 0
    assert (ours["way"], plain["way"]) == ("patrol-edge", "plain cv2.VideoCapture")
    assert (ours["size"], ours["decoder"]) == ("320x240", "software, mjpg")
    for row in (ours, plain):
        assert 20 <= row["fps"] <= 30
        assert 0 < row["cpu_ms"] < 50
        assert 0 < row["cpu_percent"] < 100
    assert 0 <= ours["age_p50_ms"] < 200
    assert ours["fault"] is None


def test_a_slow_camera_fails_the_bench_and_says_where_to_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with RtspCamera(fps=25) as slow:  # announced; then it slows down
        threading.Timer(1.0, lambda: setattr(slow, "period_s", 0.2)).start()
        assert main(["camera", "bench", slow.url, "--seconds", "4", "--no-peer"]) == 1
    assert "camera_slow" in capsys.readouterr().err


def test_of_a_camera_that_announces_no_rate_none_is_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with HttpCamera(fps=10) as server:  # FFmpeg makes up 25
        assert main(["camera", "bench", server.url, "--seconds", "2", "--no-peer", "--json"]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert row["fps_wanted"] is None


def test_a_camera_that_hangs_up_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()]
    with HttpCamera(fps=10, pictures=pictures) as server:
        threading.Timer(1.5, lambda: setattr(server, "mode", "cut")).start()
        assert main(["camera", "bench", server.url, "--seconds", "8", "--no-peer", "--json"]) == 1
    (row,) = rows(capsys.readouterr().out)
    assert "ended the stream" in row["fault"]


def test_the_preview_tells_each_second_of_rate_and_light(
    server: CameraServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["camera", "preview", server.url, "--seconds", "2.1", "--json"]) == 0
    seconds = rows(capsys.readouterr().out)
    assert 2 <= len(seconds) <= 3
    assert all(15 <= second["fps"] <= 35 for second in seconds[:2])
    assert all(0 <= second["brightness"] <= 1 for second in seconds)


@pytest.mark.parametrize(("level", "word"), [(3, "dark"), (255, "burnt out"), (120, "")])
def test_the_preview_says_at_once_what_is_wrong_with_the_light(
    level: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = cv2.imencode(".jpg", np.full((240, 320, 3), level, np.uint8))[1].tobytes()
    with HttpCamera(pictures=[picture]) as server:
        assert main(["camera", "preview", server.url, "--seconds", "0.8", "--json"]) == 0
    assert {second["words"] for second in rows(capsys.readouterr().out)} == {word}


def test_a_short_recording_is_shown_to_its_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    assert main(["camera", "preview", str(tmp_path), "--json"]) == 0
    assert rows(capsys.readouterr().out)[-1]["size_px"] == [64, 48]


@pytest.fixture
def always(tmp_path: Path) -> str:
    """A model that sees the same person in every picture."""
    path = tmp_path / "always.onnx"
    outputs = yolox([Known("person", 0.9, (40.0, 140.0, 100.0, 280.0))], SIDE, SIDE)
    path.write_bytes(constant_model(outputs, {"images": ((1, 3, SIDE, SIDE), 1)}))
    return str(path)


def chequered() -> np.ndarray:
    cells = np.indices((SIDE, SIDE)).sum(axis=0) // 4 % 2 * 200 + 20
    return np.repeat(cells[:, :, None], 3, axis=2).astype(np.uint8)


def test_what_the_preview_saves_is_redacted(always: str, tmp_path: Path) -> None:
    pictures = [cv2.imencode(".jpg", chequered(), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()]
    out = tmp_path / "now.jpg"
    with HttpCamera(pictures=pictures) as server:
        command = ["camera", "preview", server.url, "--seconds", "1", "--save", str(out)]
        main([*command, "--model", always, "--heads-only"])
    image = cv2.imread(str(out))
    head, legs = image[142:165, 42:98], image[220:278, 42:98]
    assert head.std() < 20, "the head is covered"
    assert legs.std() > 80, "the rest is as it was"


def test_without_a_face_model_nothing_is_saved(
    always: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, missing = tmp_path / "now.jpg", str(tmp_path / "none.onnx")
    with HttpCamera() as server:
        command = ["camera", "preview", server.url, "--seconds", "1", "--save", str(out)]
        assert main([*command, "--model", always, "--face-model", missing]) == 2
    assert "--heads-only" in capsys.readouterr().err
    assert not out.exists()


def unit_file(folder: Path, **cameras: str) -> str:
    path = folder / "unit.yaml"
    lines = [f"  {name}: {text}" for name, text in cameras.items()]
    path.write_text("\n".join(["unit: {id: car-1, kind: patrol_car}", "cameras:", *lines]) + "\n")
    return str(path)


def test_the_list_has_the_cameras_of_the_unit_file_and_whether_they_answer(
    server: CameraServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = unit_file(
        tmp_path,
        front=f"{{kind: stream, url: '{server.url}'}}",
        rear="{kind: stream, url: 'rtsp://127.0.0.1:1/live'}",
        left="{kind: v4l2, device: /dev/v4l/by-id/none}",
    )
    assert main(["camera", "list", "--config", unit, "--json"]) == 1
    found = {row["used_by"][0]: row["fault"] for row in rows(capsys.readouterr().out)}
    assert found["front"] is None
    assert "refuses the connection" in found["rear"]
    assert "not plugged in" in found["left"]
    assert main(["camera", "list", "--config", unit]) == 1
    out = capsys.readouterr().out
    assert re.search(r"  ! rtsp://127\.0\.0\.1:1/live refuses", out)


def test_a_camera_of_the_unit_file_goes_by_its_name(
    server: CameraServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = unit_file(tmp_path, front=f"{{kind: stream, url: '{server.url}'}}")
    assert main(["camera", "preview", "front", "--config", unit, "--seconds", "1"]) == 0
    assert "320x240" in capsys.readouterr().out
    assert main(["camera", "preview", "side", "--config", unit]) == 2
    assert "there is: front" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nothing", "is no device, URL or file"),
        ("/dev/v4l/by-id/none", "does not exist"),
        ("rtsp://user:secret@10.0.0.1/x", "credentials_file"),
    ],
)
def test_wrong_cameras_are_told_without_their_login(
    given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["camera", "bench", given, "--seconds", "1"]) in (1, 2)
    err = capsys.readouterr().err
    assert told in err
    assert "secret" not in err
