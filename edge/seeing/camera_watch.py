"""How one camera fares beyond being open: what it gives, what that costs, whether it is of use."""

import time
from collections import deque
from collections.abc import Collection

from drivers.base import NOT_WANTED
from drivers.cameras.facts import CameraDriver, CameraFacts
from drivers.samples import Frame
from perception.camera.soundness import Defect, PictureWatch

TIMES_KEPT = 100
# What a driver counts once for each picture that came, whatever became of it.
CAME = ("frames", NOT_WANTED, "skipped_stale", "skipped_late", "undecodable")


class CameraWatch:
    """Written by the camera's own thread; read by the health report."""

    def __init__(self, *, recorded: bool) -> None:
        """`recorded`: it is a file, which may repeat itself."""
        self.facts: CameraFacts | None = None  # of the newest session
        self.size_px: tuple[int, int] | None = None  # of the newest picture
        self.cpu_ms: deque[float] = deque(maxlen=TIMES_KEPT)  # to fetch and decode one
        self._pictures = PictureWatch(recorded=recorded)

    @property
    def defects(self) -> Collection[Defect]:
        """What has been wrong with its pictures for a while."""
        return self._pictures.standing

    @property
    def doubts(self) -> bool:
        """Whether something is wrong with them now that may pass."""
        return self._pictures.doubts

    @property
    def brightness(self) -> float | None:
        """Mean of the newest picture that was looked at, 0..1."""
        view = self._pictures.view
        return None if view is None else view.level / 255

    def opened(self, driver: CameraDriver) -> "WatchedCamera":
        """The same driver, watched."""
        self.facts = driver.facts()
        self._pictures.forget()
        return WatchedCamera(driver, self)

    def saw(self, frame: Frame, cpu_ms: float) -> None:
        self.size_px = frame.width_px, frame.height_px
        self.cpu_ms.append(cpu_ms)
        if self._pictures.due(frame.mono_s):
            self._pictures.look(frame.image, frame.mono_s)


class WatchedCamera:
    """An open camera whose pictures are looked at on their way."""

    def __init__(self, driver: CameraDriver, watch: CameraWatch) -> None:
        self._driver = driver
        self._watch = watch

    def read(self) -> Frame | None:
        before_s = time.thread_time()
        frame = self._driver.read()
        if frame is not None:
            self._watch.saw(frame, (time.thread_time() - before_s) * 1e3)
        return frame

    def close(self) -> None:
        self._driver.close()
        self._watch.facts = None

    def counters(self) -> dict[str, int]:
        return self._driver.counters()


def came(counters: dict[str, int]) -> int:
    """How many pictures a camera gave, by its driver's counters."""
    return sum(counters.get(cause, 0) for cause in CAME)
