"""Dispatched: a real unit, a real broker, a hub that orders, and a crew at the keyboard."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.gnss.route import moved
from edge.local.asking import ask
from telemetry.contract.uuid7 import uuid7
from tests.broker import MOSQUITTO, Broker
from tests.duty_desk import TOWN
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.unit_process import CLI, running_unit, simulated_receiver, write_unit_file
from tests.fakes import ManualClock

UNIT = "car-07"
SECTIONS: dict[str, Any] = {
    "perception": {"enabled": False},
    "security": {"commands": "unsigned"},
    "tasks": {"arrive_dwell_s": 2, "progress_every_s": 1},
}
CLOCK = ManualClock()


@pytest.fixture
def broker() -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker:
        yield broker


def new_id() -> str:
    return uuid7(CLOCK.utc())


def place(of: tuple[float, float]) -> dict[str, float]:
    return {"lat_deg": of[0], "lon_deg": of[1]}


def crew(folder: Path, *words: str) -> dict[str, Any]:
    """A command at the keyboard, its answer read by a machine."""
    done = subprocess.run(
        [*CLI, *words, "--state-dir", str(folder / "state"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_from_the_order_to_the_report(broker: Broker, tmp_path: Path) -> None:
    """The unit sees by itself that it sets out and arrives; the crew does the rest."""
    goal = moved(TOWN, 150, 0)
    route = {"crs": "wgs84", "speed_mps": 10.0, "waypoints": [place(TOWN), place(goal)]}
    (tmp_path / "route.yaml").write_text(json.dumps(route))
    with (
        Dispatcher(broker.port) as hub,
        simulated_receiver(
            tmp_path, "--route", str(tmp_path / "route.yaml"), "--rate", "4"
        ) as port,
    ):
        gnss = {"main": {"kind": "serial", "port": str(port)}}
        unit_file = write_unit_file(tmp_path, broker.url, gnss=gnss, **SECTIONS)
        with running_unit(unit_file, tmp_path / "log") as unit:
            hub.wait_until_online(UNIT)
            task = new_id()
            order = hub.order(
                UNIT,
                "task.assign",
                task=task,
                title="shop alarm",
                place=place(goal),
                route=[place(TOWN), place(goal)],
            )
            assert hub.final(order)["status"] == "succeeded"
            assert crew(tmp_path, "task", "ack")["state"] == "acknowledged"
            hub.wait_for(lambda h: "arrived" in hub.steps(task), 60)
            hub.wait_for(lambda h: h.of("state")[-1]["data"].get("task_state") == "arrived", 20)
            assert crew(tmp_path, "task", "handle")["state"] == "handling"
            crew(tmp_path, "task", "close", task[-6:], "--disposition", "settled")
            hub.wait_for(lambda h: "closed" in hub.steps(task), 20)
            hub.wait_for(lambda h: h.of("state")[-1]["data"]["duty"] == "on_patrol", 20)
        assert "Traceback" not in unit.log_text()
    assert hub.steps(task) == [
        "assigned",
        "acknowledged",
        "en_route",
        "arrived",
        "handling",
        "closed",
    ]
    last = next(e["data"] for e in hub.of("event") if e["data"].get("state") == "closed")
    assert last["disposition"] == "settled"
    after = [last["times"][f"{step}_after_s"] for step in ("acknowledged", "arrived", "cleared")]
    assert after == sorted(after)
    duties = [e["data"]["duty"] for e in hub.of("event") if "duty" in e["data"]]
    assert duties == ["dispatched", "en_route", "on_scene", "handling", "on_patrol"]
    states = [(s["data"]["duty"], s["data"].get("task_state")) for s in hub.of("state")]
    assert ("on_scene", "arrived") in states


def test_orders_that_are_late_repeated_or_too_many(broker: Broker, tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, broker.url, **SECTIONS)
    with Dispatcher(broker.port) as hub, running_unit(unit_file, tmp_path / "log"):
        hub.wait_until_online(UNIT)
        late, first, second = new_id(), new_id(), new_id()
        order = hub.order(UNIT, "task.assign", for_s=-5, task=late, place=place(TOWN))
        assert hub.final(order)["code"] == "expired"

        order = hub.order(UNIT, "task.assign", task=first, place=place(TOWN))
        answer = hub.final(order)
        hub.repeat(order)
        hub.wait_for(lambda _: hub.replies(order)[-1] == answer | {"repeat": True}, 20)

        busy = hub.order(UNIT, "task.assign", task=second, place=place(TOWN))
        assert hub.final(busy)["code"] == "busy"
        urgent = hub.order(UNIT, "task.assign", task=second, place=place(TOWN), priority=0)
        assert hub.final(urgent)["status"] == "succeeded"
        assert hub.final(hub.order(UNIT, "task.cancel", task=second))["status"] == "succeeded"
        wrong = hub.order(UNIT, "task.cancel", task=new_id())
        assert hub.final(wrong)["code"] == "unknown_task"
        hub.wait_for(lambda _: hub.steps(second) == ["assigned", "cancelled"], 20)
        assert hub.steps(late) == []
        assert hub.steps(first) == ["assigned"], "executed once"


def test_killed_at_work_the_unit_goes_on_with_it(broker: Broker, tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, broker.url, **SECTIONS)
    with Dispatcher(broker.port) as hub:
        with running_unit(unit_file, tmp_path / "log"):
            hub.wait_until_online(UNIT)
            task = new_id()
            hub.final(hub.order(UNIT, "task.assign", task=task, place=place(TOWN)))
            crew(tmp_path, "task", "ack")
            crew(tmp_path, "task", "handover", "--to", "car-08")
            hub.final(hub.order(UNIT, "mode.set", mode="emergency"))
            # The process is killed here.
        with running_unit(unit_file, tmp_path / "log"):
            hub.wait_until_online(UNIT)
            told = crew(tmp_path, "duty")
            assert told == {
                "duty": "dispatched",
                "mode": "emergency",
                "task": task,
                "task_state": "acknowledged",
            }
            accepted = hub.order(UNIT, "task.update", task=task, handover="accepted")
            assert hub.final(accepted)["result"]["state"] == "handed_over"
            hub.wait_for(lambda _: hub.steps(task)[-1] == "handed_over", 20)
    assert hub.steps(task) == ["assigned", "acknowledged", "handed_over"]


def test_modes_and_rates_change_what_the_hub_hears(broker: Broker, tmp_path: Path) -> None:
    with Dispatcher(broker.port) as hub, simulated_receiver(tmp_path, "--rate", "5") as port:
        gnss = {"main": {"kind": "serial", "port": str(port)}}
        slow = {"patrol_every_s": 300, "parked_every_s": 300, "turn_deg": 180}
        unit_file = write_unit_file(
            tmp_path,
            broker.url,
            gnss=gnss,
            position=slow,
            modes={"broken": {"patrol_every_s": 600}},
            **SECTIONS,
        )
        with running_unit(unit_file, tmp_path / "log"):
            hub.wait_until_online(UNIT)
            hub.wait_for(lambda h: bool(h.of("position")), 20)
            refused = hub.final(hub.order(UNIT, "mode.set", mode="broken"))
            assert refused["code"] == "invalid_arguments"
            answer = hub.final(hub.order(UNIT, "mode.set", mode="emergency"))
            assert answer["result"]["changed"]["patrol_every_s"] == [300.0, 1.0]
            before = len(hub.of("position"))
            hub.wait_for(lambda h: len(h.of("position")) >= before + 4, 20)
            hub.wait_for(lambda h: h.of("state")[-1]["data"]["mode"] == "emergency", 20)
            hub.final(hub.order(UNIT, "mode.set", mode="routine"))
            hub.final(hub.order(UNIT, "rate.set", position_every_s=0.2, for_s=60))
            before = len(hub.of("position"))
            hub.wait_for(lambda h: len(h.of("position")) >= before + 10, 20)


def test_the_hub_ends_a_call_for_help(broker: Broker, tmp_path: Path) -> None:
    unit_file = write_unit_file(tmp_path, broker.url, **SECTIONS)
    with Dispatcher(broker.port) as hub, running_unit(unit_file, tmp_path / "log"):
        hub.wait_until_online(UNIT)
        episode = ask(tmp_path / "state", "sos.call", {"cause": "button"})["episode"]
        hub.wait_for(lambda h: h.heard_at("event", episode=episode, phase="new") is not None, 20)
        assert hub.final(hub.order(UNIT, "sos.cancel", episode=new_id()))["status"] == "rejected"
        assert hub.final(hub.order(UNIT, "sos.cancel", episode=episode))["status"] == "succeeded"
        hub.wait_for(lambda h: h.heard_at("event", episode=episode, phase="end") is not None, 20)
        assert "sos" not in crew(tmp_path, "duty")


def test_a_task_goes_from_one_unit_to_another_when_both_say_so(
    broker: Broker, tmp_path: Path
) -> None:
    folders = {unit: tmp_path / unit for unit in (UNIT, "car-08")}
    files = {}
    for unit, folder in folders.items():
        folder.mkdir()
        files[unit] = write_unit_file(
            folder, broker.url, unit={"id": unit, "kind": "patrol_car"}, **SECTIONS
        )
    first, second = folders[UNIT], folders["car-08"]
    with (
        Dispatcher(broker.port) as hub,
        running_unit(files[UNIT], first / "log"),
        running_unit(files["car-08"], second / "log"),
    ):
        for unit in folders:
            hub.wait_until_online(unit)
        task = new_id()
        hub.final(hub.order(UNIT, "task.assign", task=task, place=place(TOWN)))
        crew(first, "task", "ack")
        crew(first, "task", "handover", "--to", "car-08")
        hub.when("event", kind="handover_offered", task=task, handover_to="car-08")

        taken = hub.order("car-08", "task.assign", task=task, place=place(TOWN), handover_from=UNIT)
        assert hub.final(taken)["status"] == "succeeded"
        assert crew(first, "duty")["task"] == task, "the first keeps it until both have said so"
        crew(second, "task", "ack")
        hub.final(hub.order(UNIT, "task.update", task=task, handover="accepted"))
        hub.when("event", task=task, state="handed_over")
        assert crew(first, "duty") == {"duty": "on_patrol", "mode": "routine"}
        mine = crew(second, "task", "list")["open"][0]
    assert (mine["task"], mine["state"], mine["handover_from"]) == (task, "acknowledged", UNIT)
