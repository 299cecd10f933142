"""The hub flashes a unit that runs, and hears of what a technician flashes on the spot."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker import Broker
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver, write_unit_file
from tests.hub_desk import Desk
from tests.launched_unit import launched

CLI = (sys.executable, "-m", "edge.cli.main")
FINAL = ("rejected", "succeeded", "failed", "expired", "cancelled")


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        if broker.kind != "mosquitto":
            pytest.skip("needs mosquitto (apt-get install mosquitto)")
        yield broker


def flashes(hub: PlainHub, **fields: Any) -> list[dict[str, Any]]:
    """Events of flashes, each once."""
    found = {
        content["id"]: content["data"]
        for content in hub.of("event")
        if content["type"] == "patrol.event.flash.v1"
    }
    wanted = fields.items()
    return [data for data in found.values() if all(data.get(k) == v for k, v in wanted)]


def ends(hub: PlainHub) -> dict[str, set[tuple[str, str]]]:
    """By command: ids and words of its last replies that are no repeats."""
    found: dict[str, set[tuple[str, str]]] = {}
    for content in hub.of("reply"):
        data = content["data"]
        if data["name"] == "config.apply" and data["status"] in FINAL and not data.get("repeat"):
            told = data.get("code") or data["status"]
            found.setdefault(data["command"], set()).add((content["id"], told))
    return found


def flashed(hub: PlainHub) -> dict[str, Any]:
    state = hub.of("state")[-1]["data"]
    return {each["lane"]: each.get("serial") for each in state["flashed"]["lanes"]}


def test_from_the_hub_and_on_the_spot(broker: Broker, tmp_path: Path) -> None:
    desk = Desk(tmp_path, broker.url)
    desk.prepare(tmp_path / "state")
    with PlainHub(broker.port) as hub, simulated_receiver(tmp_path, "--speed", "0.05") as port:
        unit_file = write_unit_file(
            tmp_path, broker.url,
            gnss={"main": {"kind": "serial", "port": str(port), "baud": 9600}},
            perception={"enabled": False}, flash={"trial_s": 15},
        )  # fmt: skip
        with launched(unit_file, tmp_path) as unit:
            hub.wait_for(lambda h: bool(h.of("position") and h.of("health")), 40)
            first = desk.hub("flash", "car-07", desk.bundle(1, "position: {patrol_every_s: 2}\n"))
            assert first.code == 0, first.err + unit.log_text()
            assert "car-07: has config harbour (serial 1)" in first.out
            assert "running 90 %: on trial: config harbour (serial 1)" in first.err
            changed = desk.overlay("position.patrol_every_s=1", "--json")
            assert changed.code == 0, changed.err + changed.out
            assert changed.report["units"][0]["result"]["lane"] == "overlay"
            hub.wait_for(lambda h: flashed(h) == {"config": 1, "overlay": 1}, 20)

            old = desk.hub("flash", "car-07", desk.bundle(1, "{}\n"))
            assert (old.code, "failed replayed: its serial is 1" in old.err) == (1, True), old.err
            strange = desk.bundle(2, "{}\n", "carl")
            command = [*CLI, "flash", str(strange), "--config", str(unit_file)]
            on_the_spot = subprocess.run(command, capture_output=True, text=True, check=False)
            assert on_the_spot.returncode == 1
            hub.wait_for(lambda h: bool(flashes(h, code="unknown_key")), 20)

            missing = "cameras: {front: {kind: v4l2, device: /dev/video77}}\n"
            ill = desk.hub("flash", "car-07", desk.bundle(3, missing))
            assert ill.code == 1
            assert "failed rolled_back: camera.front" in ill.err, ill.err
            assert "in use again: harbour (serial 1)" in ill.err
            hub.wait_for(lambda h: bool(flashes(h, what="rolled_back")), 20)
            hub.wait_for(lambda h: flashed(h) == {"config": 1, "overlay": 1}, 20)
    told = [(each["what"], each.get("kind"), each["way"]) for each in flashes(hub)]
    assert Counter(told) == {
        ("on_trial", "config", "hub"): 2,
        ("committed", "config", "hub"): 1,
        ("on_trial", "overlay", "hub"): 1,
        ("committed", "overlay", "hub"): 1,
        ("refused", "config", "hub"): 1,
        ("refused", None, "command_line"): 1,
        ("rolled_back", "config", "hub"): 1,
    }
    assert [sorted(words for _, words in each) for each in ends(hub).values()] == [
        ["succeeded"], ["succeeded"], ["replayed"], ["rolled_back"],
    ]  # fmt: skip
    assert "Traceback" not in unit.log_text()
