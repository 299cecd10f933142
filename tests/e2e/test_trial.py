"""What is flashed onto a running unit: tried, kept or taken back, in the same process."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from edge.local.asking import ask
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver, write_unit_file
from tests.launched_unit import LaunchedUnit, fill_slot, launched, slots_of
from tests.unit_under_test import wait_for

FAST = {"trial_s": 15}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LoopbackBroker]:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with LoopbackBroker(tmp_path, mosquitto) as broker:
        yield broker


def unit_file(folder: Path, broker: LoopbackBroker, port: Path, **sections: Any) -> Path:
    given: dict[str, Any] = {
        "gnss": {"main": {"kind": "serial", "port": str(port), "baud": 9600}},
        "perception": {"enabled": False},
        "flash": FAST,
        "position": {"patrol_every_s": 1, "parked_every_s": 1},
    }
    return write_unit_file(folder, broker.url, **(given | sections))


def switch(folder: Path, serial: int, text: str = "{}\n", **more: Any) -> dict[str, Any]:
    """Fill the free slot with a configuration and ask the unit to change over."""
    slots, lane = folder / "state" / "slots", "config"
    slot = slots_of(folder).lane("config").free
    content = fill_slot(slots, "config", slot, {"unit.yaml": text}, serial)
    request = {"lane": lane, "slot": slot, "content": content.model_dump(), "by": "local:anna"}
    return ask(folder / "state", "slots.switch", request | more)


def faults(hub: PlainHub) -> dict[str, str]:
    reports = hub.of("health")
    return {each["code"]: each["text"] for each in reports[-1]["data"]["faults"]} if reports else {}


def longest_pause_s(hub: PlainHub) -> float:
    at = [moment for moment, leaf, _ in hub.heard if leaf == "position"]
    return max(after - before for before, after in itertools.pairwise(at))


def well(unit: LaunchedUnit, hub: PlainHub) -> None:
    hub.wait_for(lambda h: len(h.of("position")) >= 3 and bool(h.of("health")), 40)
    assert wait_for(lambda: unit.said("READY=1") >= 1, 5)


def test_what_is_well_is_kept_and_what_is_not_is_taken_back_in_the_same_process(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    with PlainHub(broker.port) as hub, simulated_receiver(tmp_path, "--speed", "0.05") as port:
        path = unit_file(tmp_path, broker, port)
        with launched(path, tmp_path) as unit:
            well(unit, hub)
            pid = unit.process.pid
            switch(tmp_path, 1)
            hub.wait_for(lambda h: "on_trial" in faults(h), 20)
            assert wait_for(lambda: slots_of(tmp_path).trial is None, 30), unit.log_text()
            assert slots_of(tmp_path).ended[-1].outcome == "committed", slots_of(tmp_path)
            assert unit.process.pid == pid
            assert unit.codes == []
            assert unit.said("READY=1") == 2
            assert unit.said("RELOADING=1") == 1
            assert unit.said("STOPPING=1") == 0

            port.unlink()  # the receiver cannot be opened any more
            switch(tmp_path, 2)
            assert wait_for(lambda: slots_of(tmp_path).trial is None, 40), unit.log_text()
            ended = slots_of(tmp_path).ended[-1]
            assert (ended.outcome, ended.code) == ("rolled_back", "unhealthy")
            assert "gnss.main" in ended.text
            hub.wait_for(lambda h: "gnss.main" in faults(h).get("rolled_back", ""), 20)
            assert slots_of(tmp_path).lane("config").active == "a"
    assert unit.codes == []
    assert unit.process.returncode == 0
    assert "Traceback" not in unit.log_text()
    sequences = {int(content["sequence"]) for _, _, content in hub.heard if "sequence" in content}
    assert sequences == set(range(1, max(sequences) + 1)), "no gaps"
