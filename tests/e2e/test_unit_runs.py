"""The whole unit in its own process, against a real broker and a hub that has none of our code."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.demo.loopback_broker import LoopbackBroker, find_mosquitto
from telemetry.outbox.look import Look, LookError
from tests.clips import street_clip
from tests.e2e.plain_hub import PlainHub
from tests.e2e.unit_process import running_unit, simulated_receiver, write_unit_file
from tests.unit_under_test import wait_for

SAFE = {"safe_mode", "configuration_wrong"}
START_S = 3.0  # the figure for the first position at the hub, and for the stop


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LoopbackBroker]:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with LoopbackBroker(tmp_path, mosquitto) as broker:
        yield broker


def faults(hub: PlainHub) -> set[tuple[str, str]]:
    """Code and component of the faults in the newest health report."""
    reports = hub.of("health")
    found = reports[-1]["data"]["faults"] if reports else []
    return {(fault["code"], fault["component"]) for fault in found}


def test_a_unit_tells_where_it_is_what_it_sees_and_that_it_stops(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    camera = {"kind": "file", "path": str(street_clip()), "loop": True}
    with PlainHub(broker.port) as hub, simulated_receiver(tmp_path) as port:
        unit_file = write_unit_file(
            tmp_path,
            broker.url,
            gnss={"main": {"kind": "serial", "port": str(port)}},
            cameras={"street": camera},
        )
        with running_unit(unit_file, tmp_path / "log") as unit:
            hub.wait_for(lambda h: bool(h.of("position")), 30)
            first_position_s = hub.first_at("position") - unit.started_at
            hub.wait_for(lambda h: len(h.of("event")) >= 3, 40)
            stop_s = unit.terminate()
            hub.wait_for(lambda h: h.of("status")[-1]["data"]["state"] != "online", 15)

    assert unit.process.returncode == 0, unit.log_text()
    assert "Traceback" not in unit.log_text()
    assert stop_s <= START_S
    assert first_position_s <= START_S * 5, "the figure is for a machine that is not busy"
    position = hub.of("position")[0]["data"]
    assert position["source"] == "gnss"
    assert -90 <= position["lat_deg"] <= 90
    assert [status["data"]["state"] for status in hub.of("status")][-1] == "stopping"

    steps = Counter((e["data"]["episode"], e["data"]["phase"]) for e in hub.of("event"))
    begun = {episode for episode, phase in steps if phase == "new"}
    ended = {episode for episode, phase in steps if phase == "end"}
    assert begun == ended, "the stop ends what is still open"
    sequences = {int(content["sequence"]) for _, _, content in hub.heard if "sequence" in content}
    assert sequences == set(range(1, max(sequences) + 1)), "no gaps"


def test_missing_devices_are_faults_and_the_unit_stays(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    unit_file = write_unit_file(
        tmp_path,
        broker.url,
        gnss={"main": {"kind": "serial", "port": str(tmp_path / "nothing")}},
        cameras={"front": {"kind": "file", "path": str(tmp_path / "none.mp4")}},
    )
    with PlainHub(broker.port) as hub, running_unit(unit_file, tmp_path / "log") as unit:
        missing = {("gnss_missing", "main"), ("camera_missing", "front")}
        hub.wait_for(lambda h: missing <= faults(h), 40)
        shutil.copy(street_clip(), tmp_path / "none.mp4")
        hub.wait_for(lambda h: ("camera_missing", "front") not in faults(h), 30)
        assert unit.process.poll() is None


def positions_on_the_disk(state_dir: Path) -> int:
    try:
        with Look.open(state_dir / "outbox.db") as look:
            return sum(row.kind == "position" for row in look.waiting())
    except LookError:
        return 0  # the file comes with the first message


def test_a_broker_that_comes_late_gets_everything(tmp_path: Path) -> None:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    late = LoopbackBroker(tmp_path, mosquitto)
    with simulated_receiver(tmp_path) as port:
        unit_file = write_unit_file(
            tmp_path, late.url, gnss={"main": {"kind": "serial", "port": str(port)}}
        )
        with running_unit(unit_file, tmp_path / "log"):
            assert wait_for(lambda: positions_on_the_disk(tmp_path / "state") >= 3, 60)
            with late, PlainHub(late.port) as hub:
                hub.wait_for(lambda h: any(p["historical"] for p in h.of("position")), 40)
                first = [p for p in hub.of("position") if p["historical"]]
                assert len(first) >= 1


def test_a_unit_that_is_killed_goes_on_with_its_queue(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    with simulated_receiver(tmp_path) as port:
        unit_file = write_unit_file(
            tmp_path, broker.url, gnss={"main": {"kind": "serial", "port": str(port)}}
        )
        with PlainHub(broker.port, acknowledge=False) as deaf:
            with running_unit(unit_file, tmp_path / "log") as unit:
                deaf.wait_for(lambda h: len(h.of("position")) >= 3, 40)
                unit.process.send_signal(signal.SIGKILL)
            before = {p["id"] for p in deaf.of("position")}
        with PlainHub(broker.port) as hub, running_unit(unit_file, tmp_path / "log"):
            hub.wait_for(lambda h: before <= {p["id"] for p in h.of("position")}, 40)


def test_a_wrong_configuration_runs_as_far_as_it_goes_and_the_hub_is_told_the_line(
    broker: LoopbackBroker, tmp_path: Path
) -> None:
    with PlainHub(broker.port) as hub, simulated_receiver(tmp_path) as port:
        gnss = {"main": {"kind": "serial", "port": str(port)}}
        camera = {"kind": "file", "path": str(street_clip())}
        unit_file = write_unit_file(
            tmp_path, broker.url, gnss=gnss, cameras={"street": camera}, positon={}
        )
        with running_unit(unit_file, tmp_path / "log") as unit:
            hub.wait_for(lambda h: {code for code, _ in faults(h)} >= SAFE, 40)
            hub.wait_for(lambda h: len(h.of("position")) >= 2, 30)
            unit.terminate()
    told = {each["code"]: each["text"] for each in hub.of("health")[-1]["data"]["faults"]}
    assert "positon: is not known here" in told["configuration_wrong"]
    state = hub.of("state")[-1]["data"]
    assert state["flashed"]["safe_mode"] is True
    assert [each["kind"] for each in state["components"]] == ["gnss"]
    assert unit.process.returncode == 0
    assert "Traceback" not in unit.log_text()


def test_a_configuration_of_nobody_ends_the_start_with_code_2(tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, "mqtt://localhost", unit={"id": "car-07"})
    with running_unit(unit_file, tmp_path / "log") as unit:
        assert unit.process.wait(40) == 2
    assert "kind" in unit.log_text()
    assert "Traceback" not in unit.log_text()


def test_a_second_unit_in_the_same_state_folder_is_turned_away(tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, "mqtt://127.0.0.1:1", perception={"enabled": False})
    with running_unit(unit_file, tmp_path / "first") as first:
        assert wait_for((tmp_path / "state" / "outbox.db").exists, 40)
        with running_unit(unit_file, tmp_path / "second") as second:
            assert second.process.wait(40) == 1
        assert first.process.poll() is None
    assert "another patrol-edge works in" in (tmp_path / "second").read_text()
