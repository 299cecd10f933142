"""Commanded to shine and sound: a real unit, a real broker, a hub that orders, and a crew."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import rfc3339_ms
from tests.broker import MOSQUITTO, Broker
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.unit_process import CLI, running_unit, write_unit_file

UNIT = "car-07"


def here(**more: str) -> dict[str, str]:
    return {"kind": "simulated"} | more


SECTIONS: dict[str, Any] = {
    "perception": {"enabled": False},
    "security": {"commands": "unsigned"},
    "modes": {"hidden": {"stealth": True}},
    "actuators": {
        "search": {"kind": "light", "via": here()},
        "bar": {"kind": "beacon", "via": here(), "patterns": ["patrol", "alarm"]},
        "horn": {"kind": "siren", "via": here()},
        "mast": {
            "kind": "pan_tilt",
            "via": here(),
            "camera": "front",
            "presets": {"gate": {"pan_deg": 40, "tilt_deg": -5}},
        },
        "broken": {"kind": "relay", "via": here(behaviour="stays_on")},
    },
    "acting": {"on_sos": ["bar"]},
}


class Shown:
    """What the unit says of its actuators."""

    def __init__(self, hub: Dispatcher) -> None:
        self.hub = hub

    def now(self, name: str) -> dict[str, Any]:
        newest = self.hub.of("state")[-1]["data"]
        return next(each for each in newest["actuators"] if each["name"] == name)

    def wait(self, name: str, **fields: Any) -> None:
        def so(_hub: object) -> bool:
            now = self.now(name)
            return all(now.get(key) == value for key, value in fields.items())

        self.hub.wait_for(so, 10.0)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker, Dispatcher(broker.port) as hub:
        unit_file = write_unit_file(tmp_path, broker.url, **SECTIONS)
        with running_unit(unit_file, tmp_path / "log"):
            hub.wait_until_online(UNIT)
            yield Shown(hub)


def crew(folder: Path, *words: str, fails: bool = False) -> Any:
    """A command at the keyboard: its answer, or what it says when it fails."""
    command = [*CLI, "act", *words, "--state-dir", str(folder / "state"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else json.loads(done.stdout)


def test_the_hub_switches_and_the_state_says_so(shown: Shown) -> None:
    hub = shown.hub
    done = hub.final(hub.order(UNIT, "light", on=True, level=0.5, max_on_s=2))
    assert done["status"] == "succeeded"
    told = done["result"]["actuators"][0]
    assert (told["name"], told["on"], told["confirmed"]) == ("search", True, True)
    shown.wait("search", on=True, level=0.5, by="operator", measured=True)
    shown.wait("search", on=False)

    hub.final(hub.order(UNIT, "ptz", camera="front", preset="gate", zoom=0.5))
    shown.wait("mast", pan_deg=40, tilt_deg=-5)
    refused = hub.final(hub.order(UNIT, "siren", on=True, max_on_s=60))
    assert (refused["status"], refused["code"]) == ("rejected", "limit")
    assert "30 s" in refused["text"]
    unknown = hub.final(hub.order(UNIT, "beacon", on=True, pattern="disco"))
    assert (unknown["status"], unknown["code"]) == ("rejected", "invalid_arguments")
    assert "patrol, alarm" in unknown["text"]


def test_without_a_hub_that_is_online_nothing_is_switched_on(shown: Shown) -> None:
    hub, now = shown.hub, datetime.now(UTC)
    session, at = uuid7(now), rfc3339_ms(now)
    hub.final(hub.order(UNIT, "light", on=True, max_on_s=60))
    shown.wait("search", on=True)
    hub.announce("online", session, at)
    hub.announce("offline", session, at)
    begun_s = time.monotonic()
    shown.wait("search", on=False)
    assert time.monotonic() - begun_s < 5.5
    refused = hub.final(hub.order(UNIT, "light", on=True))
    assert (refused["status"], refused["code"]) == ("rejected", "interlock")
    assert "a hub that is online" in refused["text"]

    hub.announce("online", uuid7(datetime.now(UTC)), at)
    time.sleep(4)  # in silence; the command itself is what is heard
    assert hub.final(hub.order(UNIT, "light", on=True, max_on_s=2))["status"] == "succeeded"


def test_in_stealth_all_goes_off_is_refused_and_does_not_come_back(shown: Shown) -> None:
    hub = shown.hub
    hub.final(hub.order(UNIT, "beacon", on=True, max_on_s=300))
    shown.wait("bar", on=True)
    hub.final(hub.order(UNIT, "mode.set", mode="hidden"))
    shown.wait("bar", on=False)
    assert hub.of("state")[-1]["data"]["stealth"] is True

    for name in ("light", "beacon", "siren"):
        refused = hub.final(hub.order(UNIT, name, on=True))
        assert (refused["status"], refused["code"]) == ("rejected", "interlock")
        assert "stealth" in refused["text"]
    hub.final(hub.order(UNIT, "mode.set", mode="routine"))
    hub.wait_for(lambda h: h.of("state")[-1]["data"]["stealth"] is False, 10.0)
    time.sleep(0.5)

    assert shown.now("bar")["on"] is False


def test_the_crew_switches_stops_and_resumes(shown: Shown, tmp_path: Path) -> None:
    crew(tmp_path, "siren", "on", "--for", "20")
    shown.wait("horn", on=True, by="operator")
    assert crew(tmp_path, "quiet")["off"] == ["horn"]
    shown.wait("horn", on=False)
    crew(tmp_path, "beacon", "on")
    stopped = crew(tmp_path, "stop", fails=True)
    assert "NOT CONFIRMED OFF: broken" in stopped
    shown.wait("bar", on=False)
    assert "`patrol-edge act resume`" in crew(tmp_path, "light", "on", fails=True)
    refused = shown.hub.final(shown.hub.order(UNIT, "light", on=True))
    assert (refused["status"], refused["code"]) == ("rejected", "interlock")
    crew(tmp_path, "resume")
    crew(tmp_path, "light", "on")
    shown.wait("search", on=True)

    told = subprocess.run(
        [*CLI, "act", "status", "--state-dir", str(tmp_path / "state")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "search (light): on, steady, by operator until 20" in told
    assert "bar (beacon): off" in told
    status = crew(tmp_path, "status")

    assert [each["name"] for each in status["actuators"] if each["on"]] == ["broken", "search"]


def test_a_call_for_help_lights_the_bar_while_it_stands(shown: Shown, tmp_path: Path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    subprocess.run([*CLI, "sos", *state], check=True, capture_output=True)
    shown.wait("bar", on=True, by="emergency")
    busy = shown.hub.final(shown.hub.order(UNIT, "beacon", on=True))
    assert (busy["status"], busy["code"]) == ("rejected", "busy")
    subprocess.run([*CLI, "sos", "cancel", *state], check=True, capture_output=True)

    shown.wait("bar", on=False)


def test_what_does_not_obey_is_a_fault(shown: Shown) -> None:
    def faults(hub: Any) -> list[str]:
        return [each["code"] for each in hub.of("health")[-1]["data"]["faults"]]

    shown.hub.wait_for(lambda h: bool(h.of("health")) and "actuator_disobeys" in faults(h), 15.0)

    assert "on" in shown.now("broken")["fault"]
