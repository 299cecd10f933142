"""Each line of the doctor about a device, seen right and seen failing, with real parts."""

import os
import pty
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from drivers.gnss.outlets import PtyOutlet
from edge.doctor import (
    actuators,
    boards,
    cameras,
    case,
    microphones,
    model,
    platforms,
    receivers,
    sensors,
)
from edge.doctor.line import Line
from perception.camera import soundness
from tests.boards import simulated
from tests.camera_sources import HttpCamera, jpeg
from tests.examined import Examined, of, states
from tests.pulled_plugs import Receiver
from tests.sounds import noise, write_wav


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    return Examined(tmp_path)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same looks, over shorter times."""
    monkeypatch.setattr(receivers, "LISTEN_S", 4.0)
    monkeypatch.setattr(receivers, "FIX_WITHIN_S", 5.0)
    monkeypatch.setattr(cameras, "TIMED_S", 2.0)
    monkeypatch.setattr(cameras, "FROZEN_S", 3.0)
    monkeypatch.setattr(cameras, "LISTEN_S", 12.0)
    monkeypatch.setattr(soundness, "STANDS_S", 2.0)
    monkeypatch.setattr(microphones, "HEARD_S", 0.8)
    monkeypatch.setattr(case, "HOPELESS_S", 1.0)


@pytest.fixture
def in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """For devices that never say what is waited for."""
    monkeypatch.setattr(receivers, "LISTEN_S", 2.0)
    monkeypatch.setattr(receivers, "FIX_WITHIN_S", 2.5)
    monkeypatch.setattr(boards, "LISTEN_S", 2.0)


def one(lines: list[Line], code: str | None) -> Line:
    """The only line; with a cure where it is a fault."""
    assert [line.code for line in lines] == [code], lines
    assert code is None or lines[0].cure
    return lines[0]


# --- GNSS ---


def serial(port: Path, **more: object) -> dict[str, object]:
    return {"gnss": {"main": {"kind": "serial", "port": str(port), **more}}}


@contextmanager
def says(link: Path, data: bytes) -> Iterator[None]:
    """A port on which this comes again and again."""
    outlet, stop = PtyOutlet(link), threading.Event()

    def send() -> None:
        while not stop.wait(0.1):
            outlet.write(data)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        outlet.close()


def test_a_receiver_that_is_well(examined: Examined, tmp_path: Path) -> None:
    receiver = Receiver(tmp_path / "gnss")
    receiver.plug_in()
    try:
        lines = examined.lines(receivers.examine, **serial(tmp_path / "gnss", baud=9600))
    finally:
        receiver.pull()
    assert states(lines) == {"main": "ok", "main time": "ok"}
    assert "satellites" in of(lines, "main").text
    assert "C/N0" in of(lines, "main").text


def test_a_receiver_that_is_not_plugged_in(examined: Examined, tmp_path: Path) -> None:
    began_s = time.monotonic()
    line = one(examined.lines(receivers.examine, **serial(tmp_path / "none")), "gnss_missing")
    assert "none" in line.text
    assert time.monotonic() - began_s < 5, "there is no use in waiting for it"


@pytest.mark.usefixtures("in_vain")
def test_a_receiver_that_is_silent(examined: Examined, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = serial(Path(os.ttyname(slave)), baud=9600)
    try:
        one(examined.lines(receivers.examine, **port), "gnss_silent")
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.usefixtures("in_vain")
def test_a_receiver_at_another_speed(examined: Examined, tmp_path: Path) -> None:
    """What a receiver at 38400 looks like at 9600: bytes with framing errors, no line ends."""
    garbage = bytes(np.random.default_rng(1).integers(128, 256, 400, dtype=np.uint8))
    with says(tmp_path / "gnss", garbage):
        lines = examined.lines(receivers.examine, **serial(tmp_path / "gnss", baud=9600))
    assert lines[0].code in ("gnss_wrong_data", "gnss_silent")
    assert lines[0].cure


@pytest.mark.usefixtures("in_vain")
def test_a_receiver_without_a_fix(examined: Examined, tmp_path: Path) -> None:
    line = b"$GNGGA,120000.00,,,,,0,00,99.99,,,,,,*7B\r\n"
    with says(tmp_path / "gnss", line):
        lines = examined.lines(receivers.examine, **serial(tmp_path / "gnss", baud=9600))
    assert "open sky" in (one(lines, "gnss_no_fix").cure or "")


# --- cameras ---


def camera(server: HttpCamera) -> dict[str, object]:
    return {"cameras": {"front": {"kind": "stream", "url": server.url}}}


def textured(count: int = 20) -> list[bytes]:
    import cv2

    chance = np.random.default_rng(5)
    pictures = [chance.integers(0, 255, (240, 320, 3), dtype=np.uint8) for _ in range(count)]
    return [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures]


def test_a_camera_that_is_well(examined: Examined) -> None:
    with HttpCamera(fps=25, pictures=textured()) as server:
        line = one(examined.lines(cameras.examine, **camera(server)), None)
    assert "320x240" in line.text
    assert "pictures a second" in line.text


def test_a_camera_that_is_not_there(examined: Examined) -> None:
    server = HttpCamera()
    server.vanish()
    line = one(examined.lines(cameras.examine, **camera(server)), "camera_missing")
    assert "refuses the connection" in line.text


def test_a_camera_that_is_dark(examined: Examined) -> None:
    with HttpCamera(fps=25, pictures=[jpeg(0), jpeg(1), jpeg(2)]) as server:
        lines = examined.lines(cameras.examine, **camera(server))
    assert "camera_dark" in [line.code for line in lines]


def test_a_camera_that_is_frozen(examined: Examined) -> None:
    with HttpCamera(fps=25, pictures=textured(1)) as server:
        lines = examined.lines(cameras.examine, **camera(server))
    assert "camera_frozen" in [line.code for line in lines]


def test_a_camera_that_gives_too_few(examined: Examined) -> None:
    with HttpCamera(fps=0.45, pictures=textured()) as server:
        slow = camera(server)
        slow["cameras"]["front"] |= {"stalled_after_s": 8, "open_timeout_s": 12}  # type: ignore[index]
        lines = examined.lines(cameras.examine, **slow)
    assert "camera_slow" in [line.code for line in lines]


# --- microphones ---


def microphone(path: Path) -> dict[str, object]:
    heard = {"mode": "events", "listen_for": ["loud"]}
    file = {"kind": "file", "path": str(path), "loop": True}
    return {"microphones": {"outside": file}, "audio": heard}


def test_a_microphone_well_dead_clipping_and_gone(examined: Examined, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "street.wav", noise(4, -30))
    line = one(examined.lines(microphones.examine, **microphone(path)), None)
    assert "level -30 dBFS" in line.text
    write_wav(path, noise(4, -30) * 0)
    one(examined.lines(microphones.examine, **microphone(path)), "microphone_dead")
    write_wav(path, noise(4, -84))
    one(examined.lines(microphones.examine, **microphone(path)), "microphone_quiet")
    write_wav(path, np.clip(noise(4, 10), -1, 1))
    line = one(examined.lines(microphones.examine, **microphone(path)), "microphone_clipping")
    assert "full clip" in line.text
    path.unlink()
    one(examined.lines(microphones.examine, **microphone(path)), "microphone_missing")


def test_where_nobody_listens_the_doctor_does_not_either(
    examined: Examined, tmp_path: Path
) -> None:
    sections = microphone(tmp_path / "none.wav") | {"audio": {"mode": "off"}}
    assert states(examined.lines(microphones.examine, **sections)) == {"outside": "none"}


# --- sensors ---


def test_sensors_well_missing_low_and_stuck(examined: Examined) -> None:
    imu = {"sensors": {"imu": {"kind": "iio", "device": "icm42688"}}}
    one(examined.lines(sensors.examine, **imu), "sensor_missing")
    examined.tree.imu()
    one(examined.lines(sensors.examine, **imu), "sensor_implausible")
    battery = {"sensors": {"main": {"kind": "battery", "supply": "BAT0", "every_s": 0.1}}}
    examined.tree.battery(capacity=9)
    one(examined.lines(sensors.examine, **battery), "battery_low")
    examined.tree.battery(capacity=90)
    assert "battery 90 %" in one(examined.lines(sensors.examine, **battery), None).text
    disk = {"sensors": {"ssd": {"kind": "thermometer", "chip": "nvme", "hot_c": 60}}}
    examined.tree.hwmon(0, "nvme", temp1_input=75_000)
    one(examined.lines(sensors.examine, **disk), "part_hot")


# --- boards, carriers, actuators ---


def board(port: Path, **more: object) -> dict[str, object]:
    return {"boards": {"payload": {"port": str(port), **more}}}


def test_a_board_that_is_well_and_one_that_is_another(
    examined: Examined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated(tmp_path) as (port, _):
        line = one(examined.lines(boards.examine, **board(port)), None)
        assert "round trip" in line.text
        assert "damaged frames" in line.text
        other = board(port, model="searchlight-9")
        monkeypatch.setattr(boards, "LISTEN_S", 2.5)  # it refuses the board, again and again
        assert "searchlight-9" in one(examined.lines(boards.examine, **other), "board_other").text


def test_an_output_that_the_board_has_not(examined: Examined, tmp_path: Path) -> None:
    via = {"kind": "board", "board": "payload", "channel": "lamp"}
    lamp = {"search": {"kind": "light", "via": via}}
    with simulated(tmp_path) as (port, _):
        well, wrong = examined.lines(boards.examine, **board(port), actuators=lamp)
    assert well.code is None
    assert (wrong.name, wrong.code) == ("search", "actuator_missing")
    assert "no channel 'lamp'; it has: searchlight" in wrong.text


@pytest.mark.usefixtures("in_vain")
def test_a_board_that_is_not_there_or_silent(examined: Examined, tmp_path: Path) -> None:
    one(examined.lines(boards.examine, **board(tmp_path / "none")), "board_missing")
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        lines = examined.lines(boards.examine, **board(Path(os.ttyname(slave))))
    finally:
        os.close(master)
        os.close(slave)
    assert lines[0].code in ("board_silent", "board_missing")


def test_a_carrier_that_does_not_answer(examined: Examined) -> None:
    robot = {"platforms": {"dog": {"kind": "robot", "net_port": 1}}}
    one(examined.lines(platforms.examine, **robot), "platform_missing")


def lamp(behaviour: str) -> dict[str, object]:
    via = {"kind": "simulated", "behaviour": behaviour}
    return {"actuators": {"lamp": {"kind": "light", "via": via}}}


def test_actuators_are_looked_at_and_shine_only_when_asked(examined: Examined) -> None:
    line = one(examined.lines(actuators.examine, **lamp("well")), None)
    assert "went on" not in line.text
    one(examined.lines(actuators.examine, **lamp("silent")), "actuator_silent")
    from dataclasses import replace

    shining = replace(examined.case(**lamp("well")), exercise=True)
    assert "went on and off" in one(list(actuators.examine(shining)), None).text
    refusing = replace(examined.case(**lamp("refuses")), exercise=True)
    one(list(actuators.examine(refusing)), "actuator_disobeys")
    gone = {"kind": "gpio", "chip": "/dev/gpiochip99", "line": 3}
    missing = {"actuators": {"lamp": {"kind": "light", "via": gone}}}
    one(examined.lines(actuators.examine, **missing), "actuator_missing")


# --- the model ---


def test_a_model_that_is_well_too_slow_and_missing(examined: Examined) -> None:
    lines = examined.lines(model.examine, perception={"model": "nanodet-g-416-int8"})
    assert [line.code for line in lines] == [None, None]
    assert "ms a picture" in lines[0].text
    cameras_ = {
        f"camera_{n}": {"kind": "file", "path": "/nowhere.mp4", "detect_fps": 120} for n in range(9)
    }
    fast = {"perception": {"model": "nanodet-g-416-int8", "max_fps": 120}, "cameras": cameras_}
    assert [line.code for line in examined.lines(model.examine, **fast)] == ["model_slow", None]
    missing = {"perception": {"model": "/nowhere/yolo.onnx"}}
    one(examined.lines(model.examine, **missing), "model_refused")
    assert states(examined.lines(model.examine, perception={"enabled": False})) == {"model": "none"}
