"""A whole unit in the simulated car: the key is turned, it sleeps, is called, and wakes again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from config.loading import load
from edge.app import App
from edge.reporting.health import HealthDesk
from edge.reporting.snapshot import state_of
from telemetry.contract.envelope import Draft
from telemetry.contract.events import BodyEvent, ModuleEvent
from tests.camera_sources import HttpCamera
from tests.e2e.unit_process import write_unit_file
from tests.parts.test_simulated_vehicle import SIGNALS, simulated
from tests.simulators import order

pytest.importorskip("can", reason="python-can is not installed")
AFTER_S = 3.0  # the file allows no less than a minute


@dataclass
class Parked:
    app: App
    control: Path
    ran: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def turn(self, what: str) -> None:
        assert order(self.control, what) == "ok"

    def component(self, name: str) -> str:
        parts = state_of(self.app.parts).components
        return next(part.state for part in parts if part.name == name)

    def codes(self) -> set[str]:
        draft = HealthDesk(self.app.parts).due()
        assert draft is not None
        return {fault.code for fault in draft.data.faults}  # type: ignore[attr-defined]


@contextmanager
def in_a_car(folder: Path) -> Iterator[Parked]:
    with simulated(folder, "--as", "slcan") as (port, control), HttpCamera(fps=10) as camera:
        sections = {
            "platforms": {
                "car": {
                    "kind": "can",
                    "interface": "slcan",
                    "channel": port,
                    "bitrate": 500_000,
                    "signals": SIGNALS,
                }
            },
            "cameras": {"front": {"kind": "stream", "url": camera.url, "detect": False}},
            "perception": {"enabled": False},
            "sleep": {"action": "suspend", "flush_s": 0},
            "modules": {"lost_after_s": 2},
        }
        loaded = load(write_unit_file(folder, "mqtt://127.0.0.1:1", **sections), {})
        soon = loaded.settings.sleep.model_copy(update={"after_s": AFTER_S})
        settings = loaded.settings.model_copy(update={"sleep": soon})
        unit = Parked(App(replace(loaded, settings=settings)), control)
        resting = unit.app.parts.resting
        resting.run = lambda command: unit.ran.append(" ".join(command)) or ""  # type: ignore[func-returns-value]
        _overhear(unit)
        unit.app.start()
        try:
            yield unit
        finally:
            unit.app.stop()


def _overhear(unit: Parked) -> None:
    for part in (unit.app.parts.resting, unit.app.parts.roll_call):
        put = part.witness.put

        def note(draft: Draft, *, durable: bool, put=put) -> None:  # type: ignore[no-untyped-def]
            put(draft, durable=durable)
            if isinstance(draft.data, BodyEvent | ModuleEvent):
                unit.told.append(draft.data.what)

        part.witness = replace(part.witness, put=note)


def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> bool:
    ends_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.05)
    return True


def test_the_key_is_turned_and_turned_back(tmp_path: Path) -> None:
    with in_a_car(tmp_path) as unit:
        resting = unit.app.parts.resting
        assert eventually(lambda: resting.switches.ignition is True)
        assert eventually(lambda: unit.component("front") == "ok")
        unit.turn("light_bar on")
        assert eventually(lambda: resting.in_a_hurry)
        unit.turn("light_bar off")

        unit.turn("ignition off")
        assert eventually(lambda: resting.nap.resting)
        assert eventually(lambda: unit.component("front") == "off")
        assert eventually(lambda: unit.ran == ["systemctl suspend"])
        time.sleep(3.0)  # longer than a part may be silent
        assert unit.codes() & {"camera_silent", "camera_missing", "platform_silent"} == set()
        assert "lost" not in unit.told

        unit.turn("ignition on")
        assert eventually(lambda: not resting.nap.resting)
        assert eventually(lambda: unit.component("front") == "ok")
        assert unit.ran == ["systemctl suspend"], "once"
        assert [what for what in unit.told if "light" not in what] == [
            "ignition_off",
            "asleep",
            "ignition_on",
            "awake",
        ]


def test_a_call_for_help_keeps_it_awake_and_a_cut_bus_never_puts_it_to_sleep(
    tmp_path: Path,
) -> None:
    with in_a_car(tmp_path) as unit:
        resting, sos = unit.app.parts.resting, unit.app.parts.office.sos
        assert eventually(lambda: resting.switches.ignition is True)
        unit.turn("silent on")
        assert eventually(lambda: resting.switches.ignition is None)
        time.sleep(AFTER_S + 1)
        assert not resting.nap.resting
        assert "can_silent" in unit.codes()
        unit.turn("silent off")
        call = sos.call("button", "crew")
        unit.turn("ignition off")
        assert eventually(lambda: "sleep_held" in unit.codes())
        assert not resting.nap.resting
        sos.cancel(call.episode, "crew")
        assert eventually(lambda: resting.nap.resting)
