"""What is flashed onto a running unit: tried, kept or taken back, in the same process."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from edge.local.asking import NoUnitError, ask
from telemetry.commands.handling import OrderRefusedError
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import simulated_receiver, write_unit_file
from tests.launched_unit import LaunchedUnit, fill_slot, launched, slots_of
from tests.unit_under_test import wait_for

BUSY = 4  # S-CFG-3 holds a machine that is not busy to its figure
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
    assert wait_for(lambda: answers(folder), 30)
    return ask(folder / "state", "slots.switch", request | more)


def answers(folder: Path) -> bool:
    """Not while it starts anew."""
    try:
        ask(folder / "state", "ping")
    except NoUnitError:
        return False
    return True


def faults(hub: PlainHub) -> dict[str, str]:
    reports = hub.of("health")
    return {each["code"]: each["text"] for each in reports[-1]["data"]["faults"]} if reports else {}


def longest_pause_s(hub: PlainHub) -> float:
    at = [moment for moment, leaf, _ in hub.heard if leaf == "position"]
    return max(after - before for before, after in itertools.pairwise(at))


def well(unit: LaunchedUnit, hub: PlainHub) -> None:
    hub.wait_for(lambda h: len(h.of("position")) >= 3 and bool(h.of("health")), 40)
    assert wait_for(lambda: unit.said("READY=1") >= 1, 5)


def committed(folder: Path, unit: LaunchedUnit) -> None:
    assert wait_for(lambda: slots_of(folder).trial is None, 40), unit.log_text()
    assert slots_of(folder).ended[-1].outcome == "committed", slots_of(folder).ended[-1]


def no_gaps(hub: PlainHub) -> None:
    sequences = {int(content["sequence"]) for _, _, content in hub.heard if "sequence" in content}
    assert sequences == set(range(1, max(sequences) + 1)), "no gaps"


def test_what_can_be_is_changed_while_the_unit_runs_the_rest_by_a_start_in_the_same_process(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    with (
        PlainHub(broker.port) as hub,
        simulated_receiver(tmp_path, "--speed", "0.05") as port,
        launched(unit_file(tmp_path, broker, port), tmp_path) as unit,
    ):
        well(unit, hub)
        pid = unit.process.pid
        (tmp_path / "second").symlink_to(port.resolve())
        receiver = f"gnss: {{main: {{port: {tmp_path / 'second'}}}}}\n"
        switch(tmp_path, 1, f"health: {{every_s: 1}}\nlogging: {{level: debug}}\n{receiver}")
        committed(tmp_path, unit)
        assert unit.said("READY=1") == 1

        with pytest.raises(OrderRefusedError, match=r"gnss\.main with it") as refused:
            switch(tmp_path, 3, f"gnss: {{main: {{port: {tmp_path / 'nothing'}}}}}\n")
        assert refused.value.code == "unhealthy"
        assert slots_of(tmp_path).trial is None

        switch(tmp_path, 4, "sleep: {after_s: 900}\n")
        hub.wait_for(lambda h: "on_trial" in faults(h), 20)
        committed(tmp_path, unit)
        assert unit.process.pid == pid
        assert (unit.said("READY=1"), unit.said("RELOADING=1")) == (2, 1)
        assert unit.said("STOPPING=1") == 0
        watchdog = [text for _, _, text in unit.notified if text.startswith("WATCHDOG_USEC")]
        assert watchdog[-2:] == ["WATCHDOG_USEC=120000000", "WATCHDOG_USEC=30000000"]
    assert (unit.codes, unit.process.returncode) == ([], 0)
    assert "Traceback" not in unit.log_text()
    assert longest_pause_s(hub) < 10 * BUSY
    no_gaps(hub)


def test_what_is_not_well_is_taken_back_and_the_hub_is_told_why(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    with (
        PlainHub(broker.port) as hub,
        simulated_receiver(tmp_path, "--speed", "0.05") as port,
        launched(unit_file(tmp_path, broker, port), tmp_path) as unit,
    ):
        well(unit, hub)
        switch(tmp_path, 1, "cameras: {front: {kind: v4l2, device: /dev/video77}}\n")
        assert wait_for(lambda: slots_of(tmp_path).trial is None, 40), unit.log_text()
        ended = slots_of(tmp_path).ended[-1]
        assert (ended.outcome, ended.code) == ("rolled_back", "unhealthy")
        assert "camera.front" in ended.text
        hub.wait_for(lambda h: "camera.front" in faults(h).get("rolled_back", ""), 20)
        assert wait_for(lambda: unit.said("READY=1") == 3, 40)
        assert slots_of(tmp_path).lane("config").active is None

        switch(tmp_path, 2, "sleep: {after_s: 900}\n")  # and damaged before it starts
        broken = tmp_path / "state/slots/config/a/files/unit.yaml"
        broken.write_text("sleep: {after_s: never}\n")
        assert wait_for(lambda: slots_of(tmp_path).trial is None, 20), unit.log_text()
        ended = slots_of(tmp_path).ended[-1]
        assert (ended.outcome, ended.code) == ("rolled_back", "start_failed")
        assert "never" in ended.text
        assert wait_for(lambda: unit.said("READY=1") == 4, 40)
    assert (unit.codes, unit.process.returncode) == ([], 0)
    no_gaps(hub)
