"""How the cameras fare, for the health report: rates, sizes, decoders, and what is wrong."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.devices import CameraConfig
from edge.reporting.camera_findings import Seen, camera_findings, wanted_fps
from edge.reporting.finding import Finding
from edge.reporting.rates import percentile
from edge.running.driver_loop import DriverHealth
from edge.seeing.camera_watch import CameraWatch, came
from telemetry.contract.unit import CameraFigures
from telemetry.contract.wire_types import short

OPEN_S = 30.0  # of being open, over which a rate is told
LONG_S = 130.0  # where so few came that they can be counted
FEW = 30  # pictures in OPEN_S
LEAST_OPEN_S = 10.0  # before anything is told
LEAST_SESSIONS = 3  # within LONG_S, each with
A_PICTURE_OR_TWO = 3.0  # on average: then it is lost because the next is so long in coming


@dataclass(frozen=True, slots=True)
class Mark:
    """How a camera stood at one moment."""

    mono_s: float
    open_s: float  # it had been open for so long
    opened: int  # so often
    total: int  # and so many pictures had come


class Pace:
    """Pictures over the time in which a camera was open: an outage has a fault of its own."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque()

    def note(self, mono_s: float, total: int, opened: int, *, is_open: bool) -> None:
        """Called about once a second."""
        last = self._marks[-1] if self._marks else Mark(mono_s, 0.0, opened, total)
        open_s = last.open_s + (mono_s - last.mono_s if is_open else 0.0)
        self._marks.append(Mark(mono_s, open_s, opened, total))
        while len(self._marks) > 2 and (
            open_s - self._marks[1].open_s >= LONG_S and mono_s - self._marks[1].mono_s >= LONG_S
        ):
            self._marks.popleft()

    def fps(self) -> float | None:
        """None until it has been open for long enough."""
        trickle = self.trickle()
        if trickle is not None:
            return trickle
        rate = self._over(OPEN_S)
        return self._over(LONG_S) if rate is not None and rate < FEW / OPEN_S else rate

    def _over(self, open_s: float) -> float | None:
        if not self._marks:
            return None
        end = self._marks[-1]
        start = next(mark for mark in self._marks if end.open_s - mark.open_s <= open_s)
        passed_s = end.open_s - start.open_s
        return None if passed_s < LEAST_OPEN_S else (end.total - start.total) / passed_s

    def trickle(self) -> float | None:
        """The rate of one that is opened again and again, for a picture or two each time."""
        if not self._marks:
            return None
        end = self._marks[-1]
        start = next(mark for mark in self._marks if end.mono_s - mark.mono_s <= LONG_S)
        sessions, pictures = end.opened - start.opened, end.total - start.total
        if sessions < LEAST_SESSIONS or not 0 < pictures <= A_PICTURE_OR_TWO * sessions:
            return None
        return pictures / (end.mono_s - start.mono_s)


class CameraDesk:
    """One thread: the health report's."""

    def __init__(
        self,
        configs: Mapping[str, CameraConfig],
        healths: Mapping[str, DriverHealth],
        watches: Mapping[str, CameraWatch],
    ) -> None:
        self._configs = configs
        self._healths = healths
        self._watches = watches
        self._paces = {name: Pace() for name in configs}

    def findings(self, now_mono_s: float) -> list[Finding]:
        """What is wrong with pictures that come."""
        found: list[Finding] = []
        for name, config in self._configs.items():
            health = self._healths[name]
            total = came(health.totals())
            self._paces[name].note(now_mono_s, total, health.opened, is_open=health.open)
            if not health.ended:
                found += camera_findings(name, config, self._seen(name))
        return found

    def figures(self) -> Iterator[CameraFigures]:
        """For each camera that has given a picture."""
        for name in self._configs:
            seen, watch = self._seen(name), self._watches[name]
            if watch.size_px is None:
                continue
            yield CameraFigures(
                name=short(name),
                width_px=watch.size_px[0],
                height_px=watch.size_px[1],
                fps=None if seen.fps is None else round(seen.fps, 2),
                fps_wanted=seen.fps_wanted,
                decode_ms=percentile(list(watch.cpu_ms), 50),
                decoder=short(seen.facts.decoder) if seen.facts is not None else None,
                brightness=None if watch.brightness is None else round(watch.brightness, 2),
            )

    def _seen(self, name: str) -> Seen:
        watch, config = self._watches[name], self._configs[name]
        facts = watch.facts
        pace = self._paces[name]
        return Seen(
            fps=pace.fps(),
            trickles=pace.trickle() is not None,
            fps_wanted=wanted_fps(config, facts),
            size_px=watch.size_px,
            facts=facts,
            defects=watch.defects,
        )
