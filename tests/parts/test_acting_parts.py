"""All that acts on a unit, with simulated actuators and threads of its own, without a network."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.models import Settings
from drivers.actuators.actuator import Output
from drivers.clock import SystemClock
from edge.acting.acting import Acting
from edge.acting.claims import Level, Wish
from edge.acting.wishes import Asker
from edge.body.body import Body
from edge.seeing.poses import Poses
from edge.tasks.modes import tuned
from telemetry.contract.body import Actuator
from telemetry.contract.events import BodyEvent
from tests.finders import Field
from tests.unit_under_test import wait_for

ON = Output(level=1.0)


def settings(folder: Path) -> Settings:
    actuators = {
        name: {"kind": kind, "via": {"kind": "simulated"}}
        for name, kind in (
            ("bar", "beacon"), ("search", "light"), ("horn", "siren"), ("rec", "record_lamp"),
        )
    }  # fmt: skip
    late = {"kind": "relay", "via": {"kind": "simulated", "told_to": str(folder / "late")}}
    content = {
        "unit": {"id": "dog-1", "kind": "robot_dog"},
        "state_dir": str(folder / "state"),
        "modes": {"hidden": {"stealth": True}},
        "actuators": actuators | {"late": late},
        "acting": {"on_sos": ["bar", "late"]},
    }
    return Settings.model_validate(content)


class Unit:
    """What acts, at work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.field = Field(folder, SystemClock())
        self.settings = settings(folder)
        self.call: str | None = None
        body = Body(self.settings, Poses(self.settings.pose), SystemClock())
        self.acting = Acting(
            self.settings, body, self.field.witness, SystemClock(), lambda: self.call
        )
        self.acting.link(time.monotonic())
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=work, args=(lambda: None, self._stop), daemon=True)
            for work in self.acting.works().values()
        ]
        for thread in self._threads:
            thread.start()
        assert wait_for(lambda: self.there() >= {"bar", "search", "horn", "rec"})

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def there(self) -> set[str]:
        return {name for name, each in self.acting.desk.outlets.items() if each.report is not None}

    def ask(self, name: str, **more: Any) -> Any:
        content: dict[str, Any] = {"level": Level.OPERATOR, "wanted": ON, "for_s": 20.0}
        return self.acting.desk.act([Wish(fitting=name, **(content | more))])[0].refusal

    def on(self) -> set[str]:
        return {each.name for each in self.acting.states() if each.on}

    def state(self, name: str) -> Actuator:
        return next(each for each in self.acting.states() if each.name == name)

    def journal(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / "journal").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    unit = Unit(tmp_path)
    yield unit
    unit.close()


@contextmanager
def plugged_in(unit: Unit) -> Iterator[None]:
    """What was away until now."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(unit.folder / "late"))
        listener.listen()
        assert wait_for(lambda: "late" in unit.there())
        yield


def test_a_call_for_help_lights_what_is_there_and_what_comes_later(unit: Unit) -> None:
    unit.call = "episode-1"
    assert wait_for(lambda: unit.on() == {"bar"})
    assert (unit.state("bar").by, unit.state("bar").until) == ("emergency", None)
    with plugged_in(unit):
        assert wait_for(lambda: unit.on() == {"bar", "late"})
        unit.call = None
        assert wait_for(lambda: not unit.on())


def test_what_the_crew_puts_out_stays_dark_for_this_call(unit: Unit) -> None:
    unit.call = "episode-1"
    assert wait_for(lambda: unit.on() == {"bar"})
    unit.acting._switching.quiet(Asker("local:kim", "local"))
    assert wait_for(lambda: not unit.on())
    with plugged_in(unit):
        time.sleep(0.5)
        assert not unit.on(), "they may be hiding"
        unit.call = "episode-2"
        assert wait_for(lambda: unit.on() == {"bar", "late"})


def test_a_mode_with_stealth_darkens_all_before_it_answers(unit: Unit) -> None:
    assert unit.acting.claim(Level.PROGRAMME, "rec", ON, 60.0, "recorder", "recording") is None
    unit.ask("search")
    unit.ask("horn")
    assert wait_for(lambda: unit.on() == {"rec", "search", "horn"})

    unit.acting.tune(tuned(unit.settings, "hidden"))
    assert not unit.acting.desk.holdings
    assert wait_for(lambda: not unit.on(), 0.5)
    refusal = unit.acting.claim(Level.PROGRAMME, "rec", ON, 60.0, "recorder", "recording")
    assert refusal is not None
    unit.acting.claim(Level.PROGRAMME, "rec", ON, 60.0, "recorder", "recording")
    unit.acting.tune(tuned(unit.settings, "routine"))

    assert not unit.acting.desk.holdings
    told = json.dumps(unit.journal())
    assert told.count("record_lamp_dark") == 1, "once, not at each refusal"
    assert told.count("acting_ended") == 3


def test_an_emergency_button_ends_what_is_on_but_for_warning_lights(unit: Unit) -> None:
    for name in ("bar", "search", "horn"):
        unit.ask(name)
    unit.acting.claim(Level.PROGRAMME, "rec", ON, 60.0, "recorder")
    assert wait_for(lambda: unit.on() == {"bar", "search", "horn", "rec"})

    unit.acting.emergency_stop()

    assert wait_for(lambda: unit.on() == {"bar", "rec"}, 1.0)


def test_what_the_hub_held_and_lost_is_told_and_on_record(unit: Unit) -> None:
    unit.ask("search", origin="hub", issuer="dispatch-1")
    assert unit.acting.needs_the_hub
    assert unit.state("search").until is not None
    unit.acting.link(time.monotonic() - 10)

    assert wait_for(lambda: not unit.on(), 2.0)
    assert wait_for(lambda: bool(unit.field.told(BodyEvent)), 2.0)
    event = unit.field.told(BodyEvent)[0]
    assert (event.what, event.component) == ("dead_man", "search")
    assert "dispatch-1" in json.dumps(unit.journal())
    assert not unit.acting.needs_the_hub


def test_a_release_gives_back_what_a_programme_had(unit: Unit) -> None:
    unit.acting.claim(Level.PLAN, "bar", ON, 60.0, "round")
    assert wait_for(lambda: unit.on() == {"bar"})
    unit.acting.release("bar", "round")

    assert wait_for(lambda: not unit.on(), 1.0)


def test_the_state_is_the_same_until_something_changes(unit: Unit) -> None:
    unit.ask("search")
    assert wait_for(lambda: unit.on() == {"search"})
    first = unit.acting.states()
    time.sleep(0.5)

    assert unit.acting.states() == first
