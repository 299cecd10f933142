"""R-CAM-1: network cameras block, send garbage, hang up, disappear; others see nothing of it."""

import random
import statistics
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cv2

from config.devices import StreamCameraConfig
from drivers.cameras.capture import prepare
from drivers.factory import open_camera
from edge.work import CAMERA_RETRY_S
from tests.camera_sources import CameraServer, HttpCamera, RtspCamera
from tests.torture.trials import Stage, held, trial
from tests.torture.watched import CLOCK, Watched, course, nothing_left, quiet
from tests.unit_under_test import wait_for

KINDS = (HttpCamera, RtspCamera, HttpCamera, RtspCamera)  # disturbed, all at a time
BACK_WITHIN_S = 5.0
GIVE_UP_S = 20.0
LOST_S = (2.3, 6.0)  # a stall is noticed after 2 s
PERIOD_S = 0.1  # of the one that nobody touches


def harm(server: CameraServer, way: str) -> None:
    match way:
        case "blocks":
            server.mode = "stall"
        case "garbage":
            server.mode = "garbage"
        case "hangs up":
            server.mode = "cut"
        case "disappears":
            server.vanish()


def heal(server: CameraServer, way: str) -> None:
    server.mode = "play"
    if way == "disappears":
        server.listen()


WAYS = ("blocks", "garbage", "hangs up", "disappears")


@dataclass(slots=True)
class Found:
    """What the losses of one camera showed: by way, how soon it was back."""

    back_s: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    late: list[str] = field(default_factory=list)
    unnoticed: int = 0


def lost(server: CameraServer, camera: Watched, times: int, chance: random.Random) -> Found:
    """Lost and back so many times."""
    found = Found()
    for number in range(times):
        way = WAYS[number % len(WAYS)]
        outages = camera.health.outages
        harm(server, way)
        time.sleep(chance.uniform(*LOST_S))
        found.unnoticed += camera.health.outages == outages
        heal(server, way)
        back_s = camera.back_after_s(time.monotonic(), GIVE_UP_S)
        if back_s is None:
            found.late.append(way)
        else:
            found.back_s[way].append(back_s)
        time.sleep(chance.uniform(0.3, 1.0))
    return found


def watched(server: CameraServer, name: str) -> Watched:
    config = StreamCameraConfig(kind="stream", url=server.url)
    opener: Any = partial(open_camera, name, config, CLOCK)
    return Watched("camera", name, opener, CAMERA_RETRY_S)


def bare_is_back() -> bool:
    """Whether a plain loop over `cv2.VideoCapture` goes on after a cut."""
    prepare()
    with HttpCamera() as server:
        capture = cv2.VideoCapture(server.url, cv2.CAP_FFMPEG)
        held(capture.read()[0], "the control's camera gives nothing")
        server.mode = "cut"
        while capture.read()[0]:
            pass
        server.mode = "play"
        time.sleep(1.0)
        back = any(capture.read()[0] for _ in range(20))
        capture.release()
    return back


@trial("R-CAM-1", "a camera that was lost is back within 5 s, and no other camera notices")
def lost_cameras(stage: Stage) -> str:
    losses = stage.sized(16, 200)
    held(not bare_is_back(), "the control, a plain loop over cv2.VideoCapture, came back, too")
    with quiet(), RtspCamera(fps=1 / PERIOD_S) as steady:
        servers = [kind() for kind in KINDS]
        warm_up(servers)
        with nothing_left():
            cameras = [watched(server, f"camera-{n}") for n, server in enumerate(servers)]

            def harmed(number: int) -> Found:
                times, chance = losses // len(KINDS), random.Random(number)
                return lost(servers[number], cameras[number], times, chance)

            calm_s = stage.sized(5, 30)
            went = course(cameras, watched(steady, "steady"), harmed, calm_s, PERIOD_S)
            for server in servers:
                server.vanish()
    late = [way for one in went.found for way in one.late]
    held(not late, f"not back after {GIVE_UP_S:g} s: {late}")
    unnoticed = sum(one.unnoticed for one in went.found)
    held(not unnoticed, "a loss was not noticed, so nothing is proved")
    ways = {way: [s for one in went.found for s in one.back_s[way]] for way in WAYS}
    worst_s = max(s for back_s in ways.values() for s in back_s)
    held(worst_s <= BACK_WITHIN_S, f"back after {worst_s:.2f} s: {told_by_way(ways)}")
    return (
        f"{losses} losses of {len(KINDS)} cameras at a time, back after {told_by_way(ways)}; "
        f"{went.told('camera')}, its period is {PERIOD_S:g} s; the control, a plain loop over "
        "cv2.VideoCapture, never came back"
    )


def warm_up(servers: list[CameraServer]) -> None:
    """What libraries keep for themselves after their first use is there from now on."""
    warm = [watched(server, f"warm-{n}") for n, server in enumerate(servers)]
    held(wait_for(lambda: all(one.came_s for one in warm), 30), "a camera gives nothing")
    for one in warm:
        one.stop()


def told_by_way(ways: dict[str, list[float]]) -> str:
    return ", ".join(
        f"{way}: p50 {statistics.median(back_s):.2f} s, worst {max(back_s):.2f} s"
        for way, back_s in ways.items()
        if back_s
    )
