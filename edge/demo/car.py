"""The patrol car: a simulated receiver and a street clip, seen by the shipped model.

A simulated receiver writes NMEA into a pseudo-terminal, a street clip is the camera, the shipped
model looks at it, and everything goes through the outbox and a broker on loopback to the reference
hub.
"""

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.live import Live

from edge.app import App
from edge.demo.pictures import PictureTaker
from edge.demo.scene import Stage, simulated
from edge.demo.sources import street_clip
from edge.demo.view import Figures, live, summary
from edge.reporting.rates import percentile
from edge.running.supervisor import wait_for_stop_signal
from telemetry.contract.events import DetectionEvent
from telemetry.contract.unit import Position

PICTURES = 4
SETTLE_S = 5.0  # for the hub to acknowledge what the unit said last


@dataclass(frozen=True, slots=True)
class Car:
    seconds: float
    pictures: Path  # a folder
    svg: Path | None = None  # the last picture of the terminal is kept here

    @property
    def title(self) -> str:
        return f"patrol car: receiver + street clip → model → outbox → hub, {self.seconds:g} s"

    def play(self, stage: Stage) -> list[str]:
        pictures = PictureTaker(_emptied(self.pictures), self.seconds / PICTURES)
        with ExitStack() as stack:
            words = ("gnss", "--route", "demo", "--loop")
            port = stack.enter_context(simulated(words, stage.folder / "gnss"))
            loaded = stage.load(
                "demo_car",
                PATROL_EDGE__GNSS__MAIN__PORT=str(port),
                PATROL_EDGE__CAMERAS__STREET__PATH=str(street_clip()),
            )
            run = CarRun(App(loaded, observers=[pictures]), stage, self.seconds)
            end = run.watched(stage.console)
        pictures.finish_part()
        if stage.interrupted:
            return []
        missing = what_is_missing(end)
        if self.svg is not None:
            stage.console.print(live(end), "\n")
        stage.console.print(summary(end, pictures.saved, missing))
        if self.svg is not None:
            keep_picture(stage.console, self.svg)
        return missing


class CarRun:
    """Unit and hub, up for a while, and what they say."""

    def __init__(self, app: App, stage: Stage, seconds: float) -> None:
        self._app = app
        self._stage = stage
        self._seconds = seconds
        self._began = time.monotonic()

    def watched(self, console: Console) -> Figures:
        """Start the unit, watch it for the planned time, stop it; what stood at the end."""
        self._app.start()
        view = Live(live(self.figures()), console=console, refresh_per_second=4, transient=True)
        with view:
            died = self._app.watch(lambda _: self._over(view)) != 0
            self._app.stop_sources()
            settled_by = time.monotonic() + (0 if self._stage.interrupted else SETTLE_S)
            while self._app.parts.outbox.pending() and time.monotonic() < settled_by:
                time.sleep(0.1)
                view.update(live(self.figures()))
        end = replace(self.figures(), died=died)
        self._app.stop()
        return end

    def _over(self, view: Live) -> bool:
        for _ in range(4):
            if wait_for_stop_signal(0.25):
                self._stage.interrupted = True
                return True
            view.update(live(self.figures()))
        return time.monotonic() - self._began >= self._seconds

    def figures(self) -> Figures:
        parts, hub = self._app.parts, self._stage.hub.snapshot()
        vision, link, elapsed_s = parts.vision, parts.publisher.stats(), self._elapsed_s()
        tally = vision.tallies["street"] if vision else None
        looked_at = tally.looked_at if tally else 0
        times_ms = list(vision.inference_ms) if vision else []
        unit = self._stage.unit(parts.settings.unit.id)
        faults = unit.health.faults if unit and unit.health else ()
        return Figures(
            elapsed_s=elapsed_s,
            planned_s=self._seconds,
            broker=self._stage.broker.name,
            position=self._position(),
            positions_heard=unit.types.get(Position.TYPE, 0) if unit else 0,
            frames_per_s=looked_at / max(elapsed_s, 1.0),
            frames_seen=parts.cameras["street"].samples,
            not_wanted=parts.cameras["street"].not_wanted,
            looked_at=looked_at,
            drops=parts.camera_drops("street") | {"waiting": int(parts.frames.waiting("street"))},
            inference_p50_ms=percentile(times_ms, 50),
            inference_p95_ms=percentile(times_ms, 95),
            detections=tally.detections if tally else 0,
            tracks_now=tally.tracks if tally else 0,
            events_sent=self._app.events_told,
            events_acked=unit.acked.get(DetectionEvent.TYPE, 0) if unit else 0,
            outbox_depth=parts.outbox.pending(),
            link=f"up, MQTT {link.protocol}" if link.connected else "down",
            hub_messages=hub.messages,
            hub_episodes=unit.episodes if unit else {},
            hub_refused=hub.refused,
            hub_last=hub.newest,
            faults=tuple(f"{fault.code} ({fault.component})" for fault in faults),
        )

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _position(self) -> str:
        parts = self._app.parts
        place = parts.whereabouts.at(parts.clock.mono_s())
        if place is None:
            return "no fix yet"
        speed_mps, course_deg = place.epoch.speed_mps or 0.0, place.epoch.course_deg or 0.0
        return (
            f"{place.lat_deg:.6f}, {place.lon_deg:.6f} ± {place.error_m:.1f} m, "
            f"{speed_mps * 3.6:.0f} km/h towards {course_deg:.0f}°, {place.epoch.fix}"
        )


def what_is_missing(end: Figures) -> list[str]:
    """What must have happened and did not; nothing when the demo worked."""
    checks = {
        "a part of the unit died": not end.died,
        "no position reached the hub": end.positions_heard > 0,
        "no detection reached the hub": sum(end.hub_episodes.values()) > 0,
        f"{end.hub_refused} messages were refused by the hub": end.hub_refused == 0,
        f"{end.events_sent - end.events_acked} events were not acknowledged": (
            end.events_sent == end.events_acked
        ),
        f"{end.outbox_depth} messages are left in the outbox": end.outbox_depth == 0,
    }
    return [text for text, good in checks.items() if not good]


def _emptied(folder: Path) -> Path:
    """There, and without those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    return folder


def keep_picture(console: Console, path: Path) -> None:
    picture = console.export_svg(title="make demo")
    plain = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.S)  # fonts off the network
    path.write_text(plain, encoding="utf-8")
