"""Cameras: opened, timed and looked at, or asked of the unit that runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from config.devices import CameraConfig
from config.language import tell
from drivers.factory import open_camera
from drivers.samples import Frame
from edge.doctor import words
from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import Line, fault, judged
from edge.doctor.look import of_each
from edge.doctor.pictures import of_running_unit
from edge.doctor.running_unit import RunningUnit
from edge.doctor.wording import listed
from edge.reporting.camera_findings import OF_PICTURES, Seen, camera_findings, wanted_fps
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding
from edge.running.driver_loop import DriverHealth
from edge.seeing.camera_watch import CameraWatch, WatchedCamera
from perception.camera.soundness import Defect

LISTEN_S = 20.0  # with opening; a network camera may take some seconds for that
TIMED_S = 4.0  # pictures are counted for so long
FROZEN_S = 10.0  # smart codecs send a street that is still unchanged for some seconds
FEWEST = 3
BURNT, BLACK = 250, 5  # of 255
LOST_FROM = 0.02  # of a picture


@dataclass(slots=True)
class _Times:
    """When the first and the newest picture came."""

    first_s: float | None = None
    last_s: float = 0.0
    count: int = 0
    still: bool = True  # each was a copy of the one before
    picture: NDArray[np.uint8] | None = None

    def note(self, frame: Frame) -> None:
        self.first_s = frame.mono_s if self.first_s is None else self.first_s
        self.last_s, self.count = frame.mono_s, self.count + 1
        if self.still and self.picture is not None:
            self.still = np.array_equal(self.picture, frame.image)
        self.picture = frame.image

    @property
    def fps(self) -> float | None:
        return (self.count - 1) / self.seen_s if self.seen_s > 0 else None

    @property
    def seen_s(self) -> float:
        return 0.0 if self.first_s is None else self.last_s - self.first_s

    @property
    def frozen(self) -> bool:
        return self.still and self.count >= FEWEST and self.seen_s >= FROZEN_S


def examine(case: Case) -> Iterator[Line]:
    configs = case.settings.cameras
    jobs = {name: partial(_tried, case, name, config) for name, config in configs.items()}

    def shown(unit: RunningUnit, name: str) -> Exhibit | None:
        return None if case.pictures is None else of_running_unit(unit, name)

    yield from of_each(case, "camera", "cameras", jobs, shown)


def _tried(case: Case, name: str, config: CameraConfig) -> Iterator[Line]:
    health, times = case.health(name, "camera"), _Times()
    watch = CameraWatch(recorded=config.kind == "file")

    def opener() -> WatchedCamera:
        return watch.opened(open_camera(name, config, case.host.clock))

    def enough() -> bool:
        """What looks wrong is looked at for longer."""
        if watch.defects or (times.frozen and not watch.doubts):
            return True
        doubtful = watch.doubts or (times.still and config.kind != "file")
        return times.seen_s >= TIMED_S and not doubtful

    case.listen(health, opener, times.note, LISTEN_S, enough)
    missing = _missing(case, health, config)
    if missing:
        yield from judged(name, missing, "")
        return
    hidden = watch.doubts or watch.defects  # the same picture again and again is of that, then
    if times.frozen and not hidden and config.kind != "file":
        text = tell(
            "pictures come, and all {count} of them are copies of one another", count=times.count
        )
        yield fault("camera_frozen", name, text, OF_PICTURES[Defect.FROZEN].action)
        return
    wanted = wanted_fps(config, watch.facts)
    fps = times.fps if times.count >= FEWEST else times.count / LISTEN_S
    seen = Seen(
        fps=fps, fps_wanted=wanted, size_px=watch.size_px, facts=watch.facts, defects=watch.defects
    )
    told = listed([words.of_camera(watch, fps, wanted), *_exposure(times.picture)])
    shown = None
    if case.pictures is not None and times.picture is not None:
        shown = case.pictures.of(times.picture)
    yield from judged(name, camera_findings(name, config, seen), told, shown)


def _exposure(picture: NDArray[np.uint8] | None) -> list[str]:
    """How much of the newest picture is lost to too much light or too little."""
    if picture is None:
        return []
    burnt = float((picture.min(axis=2) >= BURNT).mean())
    black = float((picture.max(axis=2) <= BLACK).mean())
    lost = max(burnt, black)
    if lost < LOST_FROM:
        return []
    if burnt > black:
        return [tell("{share:.0%} burnt out", share=burnt)]
    return [tell("{share:.0%} black", share=black)]


def _missing(case: Case, health: DriverHealth, config: CameraConfig) -> list[Finding]:
    if health.samples and not health.last_error:
        return []
    now_s = case.host.clock.mono_s()
    return device_findings(health, config.stalled_after_s, now_s)
