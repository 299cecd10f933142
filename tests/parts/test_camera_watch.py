"""Pictures that are of no use, or come too seldom: seen for every camera, told with cures."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.devices import FileCameraConfig, StreamCameraConfig, V4l2CameraConfig
from drivers.base import DeviceUnavailableError
from drivers.cameras.facts import CameraFacts
from drivers.clock import SystemClock
from drivers.factory import open_camera
from drivers.samples import Frame
from edge.reporting.camera_desk import CameraDesk
from edge.reporting.camera_findings import Seen, camera_findings
from edge.running.driver_loop import DriverHealth, run_driver
from edge.seeing.camera_watch import CameraWatch, WatchedCamera
from perception.camera.soundness import Defect, PictureWatch
from tests.camera_sources import CameraServer, HttpCamera, RtspCamera
from tests.camera_tampers import PICTURE_TAMPERS, Picture, clouds, dusk, noisy

RANDOM = np.random.default_rng(11)


def street() -> Picture:
    """Walls, windows, a road: structure from coarse to fine."""
    coarse = cv2.resize(RANDOM.integers(30, 200, (9, 16, 3), np.uint8), (640, 360))
    fine = cv2.resize(
        RANDOM.integers(0, 60, (45, 80, 3), np.uint8), (640, 360), interpolation=cv2.INTER_NEAREST
    )
    return np.clip(coarse.astype(np.int16) + fine - 30, 0, 255).astype(np.uint8)


STREET = street()


def live(at_s: float) -> Picture:
    return noisy(STREET, np.random.default_rng(int(at_s * 1000)), 1.5)


def watch(
    picture: Callable[[float], Picture], seconds: int = 40, watcher: PictureWatch | None = None
) -> PictureWatch:
    """Half a minute of the street, then so many seconds of this."""
    watcher = watcher or PictureWatch()
    for second in range(30 + seconds):
        at_s = 1000.0 + second
        watcher.look(live(at_s) if second < 30 else picture(at_s), at_s)
    return watcher


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("black_cap", Defect.DARK),
        ("cloth", Defect.COVERED),
        ("lamp", Defect.BURNT_OUT),
    ],
)
def test_what_people_do_to_a_lens_stands_after_ten_seconds_and_goes_when_it_is_undone(
    name: str, expected: Defect
) -> None:
    tamper = PICTURE_TAMPERS[name][1]
    watcher = watch(lambda at_s: tamper(live(at_s), 0, at_s), seconds=9)
    assert watcher.standing == ()
    for second in range(3):
        at_s = 1040.0 + second
        watcher.look(tamper(live(at_s), 0, at_s), at_s)
    assert watcher.standing == (expected,)
    watcher.look(live(1050.0), 1050.0)
    assert watcher.standing == ()


def test_a_frozen_picture_is_frozen_and_a_quiet_street_is_not() -> None:
    still = live(1.0)
    assert watch(lambda _: still).standing == (Defect.FROZEN,)
    assert watch(live).standing == ()
    loop = [live(float(n)) for n in range(8)]
    assert watch(lambda at_s: loop[int(at_s) % 8], seconds=60).standing == (Defect.FROZEN,)


def test_a_hidden_picture_that_stands_still_has_one_cause() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert watch(lambda _: black, seconds=60).standing == (Defect.DARK,)


def test_a_recording_may_repeat_itself() -> None:
    still = live(1.0)
    assert watch(lambda _: still, watcher=PictureWatch(recorded=True)).standing == ()


def test_a_camera_that_is_covered_from_the_start_is_told_too() -> None:
    watcher = PictureWatch()
    flat = np.full((360, 640, 3), 90, np.uint8)
    for second in range(15):
        watcher.look(noisy(flat, np.random.default_rng(second)), float(second))
    assert watcher.standing == (Defect.COVERED,)


@pytest.mark.parametrize("weather", [clouds, dusk], ids=["clouds", "dusk"])
def test_weather_and_evening_are_no_defects(weather: Callable[[Picture, float], Picture]) -> None:
    watcher = PictureWatch()
    for second in range(125):
        watcher.look(weather(live(float(second)), float(second)), float(second))
        assert watcher.standing == (), second


def test_a_lamp_in_the_picture_and_a_tunnel_of_nine_seconds_are_none() -> None:
    with_lamp = STREET.copy()
    with_lamp[50:150, 100:200] = 255
    assert watch(lambda at_s: noisy(with_lamp, np.random.default_rng(int(at_s)))).standing == ()
    assert watch(lambda at_s: (live(at_s) // 20).astype(np.uint8), seconds=9).standing == ()


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    stamps=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6),
)
def test_any_size_and_any_stamp_can_come(size: tuple[int, int], stamps: list[float]) -> None:
    watcher = PictureWatch()
    for number, stamp_s in enumerate(stamps):
        if watcher.due(stamp_s):
            watcher.look(np.full((*size, 3), number * 40 % 256, np.uint8), stamp_s)
    assert set(watcher.standing) <= set(Defect)


# --- findings ---

USB = V4l2CameraConfig(kind="v4l2", device="/dev/v4l/by-id/cam")
NET = StreamCameraConfig(kind="stream", url="rtsp://10.0.0.2/live")


def codes(config: V4l2CameraConfig | StreamCameraConfig, **seen: Any) -> list[str]:
    return [each.code for each in camera_findings("front", config, Seen(**seen))]


def test_each_trouble_has_its_code_and_a_well_camera_none() -> None:
    assert codes(USB, fps=24.0, fps_wanted=25.0, size_px=(1280, 720)) == []
    assert codes(USB) == []
    assert codes(USB, fps=0.0, fps_wanted=25.0) == [], "no picture at all is another fault"
    assert codes(USB, fps=8.0, fps_wanted=25.0) == ["camera_slow"]
    assert codes(USB, size_px=(640, 480)) == ["camera_size"]
    assert codes(NET, size_px=(640, 480)) == [], "nobody asked a network camera for a size"
    assert codes(NET, defects=(Defect.FROZEN,)) == ["camera_frozen"]
    assert len({code for defect in Defect for code in codes(NET, defects=(defect,))}) == 4


def test_one_picture_a_minute_is_an_error_that_says_so() -> None:
    (found,) = camera_findings("front", NET, Seen(fps=1 / 60))
    assert (found.code, found.severity) == ("camera_slow", "error")
    assert found.text == "it gives one picture in 60.0 s"
    assert "frame rate" in found.action
    assert codes(USB, fps=0.2, fps_wanted=0.2) == [], "as it was asked to"


# --- rates over the time that a camera is open ---


class Bench:
    """A desk over one camera whose driver's counters are told."""

    def __init__(self, config: V4l2CameraConfig | StreamCameraConfig | FileCameraConfig) -> None:
        self.health = DriverHealth("front", "camera")
        self.watch = CameraWatch(recorded=False)
        self.desk = CameraDesk({"front": config}, {"front": self.health}, {"front": self.watch})
        self.now_s = 0.0

    def second(self, pictures: int, *, is_open: bool = True) -> list[str]:
        frames = self.health.session.get("frames", 0)
        self.health.session = {"frames": frames + pictures}
        self.health.opened += is_open and not self.health.open
        self.health.open = is_open
        self.now_s += 1
        return [each.code for each in self.desk.findings(self.now_s)]


def test_a_trickle_is_told_though_the_camera_is_lost_between_its_pictures() -> None:
    """Open for 2 s, one picture, lost, tried again: as a camera at 1 frame/min fares."""
    bench = Bench(StreamCameraConfig(kind="stream", url="http://10.0.0.2/v", stalled_after_s=2))
    told = []
    for _ in range(12):
        told += bench.second(1) + bench.second(0) + bench.second(0)
        told += [code for _ in range(57) for code in bench.second(0, is_open=False)]
    assert set(told) == {"camera_slow"}


def test_an_outage_does_not_make_a_camera_slow() -> None:
    bench = Bench(USB)
    for _ in range(60):
        assert bench.second(25) == []
    for _ in range(100):
        assert bench.second(0, is_open=False) == []
    for _ in range(60):
        assert bench.second(25) == []


def test_a_camera_that_becomes_slow_is_told_within_half_a_minute_and_well_again_as_soon() -> None:
    bench = Bench(USB)
    for _ in range(200):
        bench.second(25)
    told = [bench.second(5) for _ in range(31)]
    assert told[0] == []
    assert told[-1] == ["camera_slow"]
    assert [bench.second(25) for _ in range(31)][-1] == []


# --- in the unit's own loop ---


@pytest.mark.parametrize("kind", [HttpCamera, RtspCamera], ids=["http", "rtsp"])
def test_a_network_camera_that_hardly_sends_anything_in_the_units_own_loop(
    kind: type[CameraServer],
) -> None:
    """As fast as a test may: a picture each 1.2 s, from a camera that is lost after 0.5 s."""
    with kind(fps=1 / 1.2) as server:
        config = StreamCameraConfig(
            kind="stream", url=server.url, stalled_after_s=0.5, open_timeout_s=4
        )
        health, stop = DriverHealth("front", "camera"), threading.Event()
        watcher = CameraWatch(recorded=False)
        desk = CameraDesk({"front": config}, {"front": health}, {"front": watcher})

        def opener() -> WatchedCamera:
            return watcher.opened(open_camera("front", config, SystemClock()))

        def work() -> None:
            run_driver(health, opener, lambda _: None, stop, lambda: None, SystemClock(), (0.1,))

        thread = threading.Thread(target=work)
        thread.start()
        found: list[str] = []
        clock = SystemClock()
        until_s = clock.mono_s() + 40
        while clock.mono_s() < until_s and "camera_slow" not in found:
            found = [each.code for each in desk.findings(clock.mono_s())]
            stop.wait(0.1)
        stop.set()
        thread.join()
    assert health.opened >= 3
    assert "camera_slow" in found


@pytest.mark.parametrize("every_s", [0.8, 60.0], ids=["hardly", "one a minute"])
def test_an_http_camera_that_is_too_slow_to_be_opened_says_what_to_raise(every_s: float) -> None:
    with HttpCamera(fps=1 / every_s) as server:
        config = StreamCameraConfig(kind="stream", url=server.url, open_timeout_s=1)
        with pytest.raises(
            DeviceUnavailableError, match=r"sent fewer than two.*raise its frame rate"
        ):
            open_camera("front", config, SystemClock())


def test_what_a_camera_gives_and_costs_is_in_its_figures(tmp_path: Path) -> None:
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 360))
    for number in range(30):
        writer.write(live(float(number)))
    writer.release()
    config = FileCameraConfig(kind="file", path=video)
    watcher = CameraWatch(recorded=True)
    driver = watcher.opened(open_camera("front", config, SystemClock()))
    while driver.read() is None:
        pass
    health = DriverHealth("front", "camera", open=True)
    desk = CameraDesk({"front": config}, {"front": health}, {"front": watcher})
    desk.findings(1.0)
    (figures,) = desk.figures()
    driver.close()

    assert (figures.width_px, figures.height_px) == (640, 360)
    assert figures.decoder == "software, mjpg"
    assert figures.fps_wanted == 25.0
    assert figures.fps is None, "not known after one second"
    assert figures.decode_ms is not None
    assert 0 < figures.decode_ms < 1000
    assert figures.brightness == pytest.approx(STREET[:, :, 1].mean() / 255, abs=0.03)


def test_a_camera_that_gave_nothing_has_no_figures() -> None:
    bench = Bench(USB)
    assert list(bench.desk.figures()) == []
    bench.watch.facts = CameraFacts(decoder="software, mjpg")
    bench.watch.saw(Frame(camera="front", number=0, mono_s=1.0, image=STREET), 2.0)
    (figures,) = bench.desk.figures()
    assert (figures.fps_wanted, figures.decode_ms) == (25.0, 2.0)
    assert figures.decoder == "software, mjpg"
