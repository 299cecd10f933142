"""A unit with a receiver on a pty and a network camera whose plugs can be pulled."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from config.loading import load
from drivers.gnss.outlets import PtyOutlet
from drivers.gnss.route import demo_route
from drivers.gnss.simulator import GnssSimulator, SimulatorPlan, paced
from edge.app import App
from telemetry.contract.envelope import Draft
from telemetry.contract.events import ModuleEvent
from tests.camera_sources import HttpCamera
from tests.e2e.unit_process import write_unit_file


@dataclass(frozen=True, slots=True)
class Heard:
    """A module event, and when it was on the disk."""

    event: ModuleEvent
    mono_s: float


class Receiver:
    """Sends positions once a second, while it is plugged in."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def plug_in(self) -> None:
        self._stop = threading.Event()
        outlet, stop = PtyOutlet(self._link), self._stop
        plan = SimulatorPlan(route=demo_route().route(loop=True), speed_mps=3.0, rate_hz=1.0)
        simulator = GnssSimulator(plan, datetime.now(UTC))

        def send() -> None:
            for burst in paced(simulator, time.monotonic, stop.wait):
                outlet.write(burst)
            outlet.close()

        self._thread = threading.Thread(target=send, daemon=True)
        self._thread.start()

    def pull(self) -> None:
        if self._stop is not None and self._thread is not None:
            self._stop.set()
            self._thread.join(3.0)


@dataclass(slots=True)
class Plugs:
    """The unit that runs, its two devices, and what it told of them."""

    app: App
    receiver: Receiver
    camera: HttpCamera
    heard: list[Heard] = field(default_factory=list)

    def told(self, what: str, module: str, after_mono_s: float) -> float | None:
        """When it was told, if it was."""
        return next(
            (
                each.mono_s
                for each in self.heard
                if (each.event.what, each.event.module) == (what, module)
                and each.mono_s >= after_mono_s
            ),
            None,
        )

    def wait_for(self, what: str, module: str, after_mono_s: float, within_s: float) -> float:
        """Seconds until it was told. Raises AssertionError."""
        while (told_s := self.told(what, module, after_mono_s)) is None:
            passed_s = time.monotonic() - after_mono_s
            assert passed_s < within_s, f"{module} is not told as {what} within {within_s:g} s"
            time.sleep(0.02)
        return told_s - after_mono_s


@contextmanager
def plugs(folder: Path, *, plugged: bool = True, **sections: object) -> Iterator[Plugs]:
    """A unit without hub and model. `plugged`: both devices are there when it starts."""
    link = folder / "gnss"
    with HttpCamera(fps=10) as camera:
        receiver = Receiver(link)
        if plugged:
            receiver.plug_in()
        else:
            camera.vanish()
        content: dict[str, object] = {
            "gnss": {"main": {"kind": "serial", "port": str(link), "baud": 9600}},
            "cameras": {"front": {"kind": "stream", "url": camera.url, "detect": False}},
            "perception": {"enabled": False},
        }
        unit_file = write_unit_file(folder, "mqtt://127.0.0.1:1", **(content | sections))
        app = App(load(unit_file, {}))
        found = Plugs(app, receiver, camera)
        _overhear(found)
        app.start()
        try:
            yield found
        finally:
            app.stop()
            receiver.pull()


def _overhear(plugs: Plugs) -> None:
    """Note each module event once the outbox has it on the disk."""
    roll_call = plugs.app.parts.roll_call
    put = roll_call.witness.put

    def note(draft: Draft, *, durable: bool) -> None:
        put(draft, durable=durable)
        if isinstance(draft.data, ModuleEvent):
            assert durable
            plugs.heard.append(Heard(draft.data, time.monotonic()))

    roll_call.witness = replace(roll_call.witness, put=note)
