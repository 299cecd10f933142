"""`make demo`: the whole main job on this machine, on real input, for about 20 seconds.

A simulated receiver writes NMEA into a pseudo-terminal, a street clip is the camera, the shipped
model looks at it, and everything goes through the outbox and a broker on loopback to the reference
hub. Exit code 0 only if real detections and positions reached the hub and nothing was left behind.
"""

import argparse
import os
import re
import signal
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import as_file
from importlib.resources import files as package_files
from pathlib import Path

from rich.console import Console
from rich.live import Live

from config.loading import load
from edge.app import App
from edge.cli.console import DONE, FAILED, CommandError, complain
from edge.demo.loopback_broker import BrokerError, LoopbackBroker, find_mosquitto
from edge.demo.pictures import PictureTaker
from edge.demo.sources import simulated_receiver, unit_environment
from edge.demo.view import Figures, live, summary
from edge.hub import ReferenceHub
from edge.reporting.rates import percentile
from edge.running import log
from edge.running.supervisor import (
    allow_stop_signals,
    block_stop_signals,
    wait_for_stop_signal,
)
from telemetry.contract.events import DetectionEvent
from telemetry.contract.unit import Position

SECONDS = 20.0
INTERRUPTED = 130  # what shells give for a program that ended on Ctrl-C
PICTURES = 4
SETTLE_S = 5.0  # for the hub to acknowledge what the unit said last


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
    pictures = PictureTaker(folder_for_pictures(args.out), args.seconds / PICTURES)
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
            demo = Demo(App(loaded, observers=[pictures]), hub, broker.name, args.seconds)
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
        keep_picture(console, args.svg)
    return FAILED if missing else DONE


def folder_for_pictures(folder: Path) -> Path:
    """There, and without those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    return folder


def keep_picture(console: Console, path: Path) -> None:
    picture = console.export_svg(title="make demo")
    plain = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.S)  # fonts off the network
    path.write_text(plain, encoding="utf-8")


def duration_s(words: str) -> float:
    seconds = float(words)
    if not 2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{words} is not between 2 and 3600")
    return seconds
