"""A whole unit on the simulated dog: driven by the hub, killed and frozen while it walks.

The dog is a program of its own; what it really does, it says over its control socket.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.broker import MOSQUITTO, Broker
from tests.e2e.dispatcher import Dispatcher
from tests.e2e.unit_process import UnitProcess, running_unit, write_unit_file
from tests.robots import Dog, simulated_dog

UNIT = "dog-07"
STANDS_WITHIN_S = 1.0


@contextmanager
def walking(folder: Path) -> Iterator[tuple[Dispatcher, UnitProcess, Dog]]:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    with Broker() as broker, Dispatcher(broker.port) as hub, simulated_dog(folder) as dog:
        unit_file = write_unit_file(
            folder,
            broker.url,
            unit={"id": UNIT, "kind": "robot_dog"},
            platforms={"dog": {"kind": "robot", "net_port": dog.port}},
            perception={"enabled": False},
            security={"commands": "unsigned"},
        )
        with running_unit(unit_file, folder / "log") as unit:
            hub.wait_until_online(UNIT)
            yield hub, unit, dog


def drive(hub: Dispatcher, dog: Dog, speed_mps: float = 1.0, for_s: float = 2.0) -> None:
    """Until it walks."""
    order = hub.order(UNIT, "move.drive", forward_mps=speed_mps, max_on_s=for_s)
    assert hub.final(order)["status"] == "succeeded", hub.replies(order)
    ends_s = time.monotonic() + 3
    while dog.truth()["forward"] < 0.9 * speed_mps:
        assert time.monotonic() < ends_s, "it does not walk"
        time.sleep(0.02)


def stands_since(dog: Dog) -> float:
    """When it came to a stand (monotonic seconds)."""
    ends_s = time.monotonic() + 5
    while dog.truth()["forward"] != 0.0:
        assert time.monotonic() < ends_s, "it still walks"
        time.sleep(0.02)
    return dog.truth()["still"]


def test_it_stands_within_a_second_when_its_host_is_killed(tmp_path: Path) -> None:
    with walking(tmp_path) as (hub, unit, dog):
        drive(hub, dog)
        killed_s = time.monotonic()
        unit.process.send_signal(signal.SIGKILL)
        assert stands_since(dog) - killed_s <= STANDS_WITHIN_S


def test_it_stands_within_a_second_when_its_host_hangs(tmp_path: Path) -> None:
    with walking(tmp_path) as (hub, unit, dog):
        drive(hub, dog)
        frozen_s = time.monotonic()
        unit.process.send_signal(signal.SIGSTOP)
        try:
            assert stands_since(dog) - frozen_s <= STANDS_WITHIN_S
        finally:
            unit.process.send_signal(signal.SIGCONT)


def test_an_order_that_is_not_repeated_ends_and_an_emergency_stop_stays(tmp_path: Path) -> None:
    with walking(tmp_path) as (hub, _unit, dog):
        drive(hub, dog, for_s=1.0)
        said_s = time.monotonic()
        assert stands_since(dog) - said_s <= 1.0 + STANDS_WITHIN_S
        hub.when("event", what="dead_man", component="dog")

        drive(hub, dog)
        stop = hub.order(UNIT, "move.stop", reason="a child")
        assert hub.final(stop)["status"] == "succeeded"
        assert dog.truth()["estop"] == 1.0
        assert dog.truth()["forward"] == 0.0
        again = hub.order(UNIT, "move.drive", forward_mps=1.0)
        assert hub.final(again)["code"] == "interlock"
        sit = hub.order(UNIT, "move.posture", posture="sit")
        assert hub.final(sit)["code"] == "interlock"


def test_postures_and_what_the_dog_says_reach_the_hub(tmp_path: Path) -> None:
    with walking(tmp_path) as (hub, _unit, dog):
        sit = hub.order(UNIT, "move.posture", posture="sit")
        assert hub.final(sit)["status"] == "succeeded"
        hub.wait_for(
            lambda h: any(
                vehicle["mode"] == "sitting"
                for state in h.of("state")
                for vehicle in state["data"].get("vehicles", [])
            ),
            20,
        )
        dog.tell("fall on")
        hub.wait_for(
            lambda h: any(
                fault["code"] == "carrier_fault" and "fallen over" in fault["text"]
                for health in h.of("health")
                for fault in health["data"]["faults"]
            ),
            20,
        )
        charges = hub.of("health")[-1]["data"]["batteries"]
        assert charges[0]["name"] == "dog"
        assert 50 < charges[0]["percent"] <= 87
