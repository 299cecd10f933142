"""The publisher with real brokers: what was accepted arrives, once, whatever the link does."""

import itertools
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.hub import ReferenceHub
from telemetry.contract.topics import Topics
from telemetry.hub.ledger import Arrival
from telemetry.link import in_flight
from tests.broker import MOSQUITTO, Broker
from tests.link import Link
from tests.unit_under_test import UnitUnderTest, position, running, state, wait_for

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
pytestmark = needs_mosquitto


class Ear:
    """A reference hub, and every message it heard."""

    def __init__(self, url: str, unit: str | None = None, *, acknowledge: bool = True) -> None:
        self.heard: list[Arrival] = []
        self.hub = ReferenceHub(
            url, unit=unit, on_arrival=self.heard.append, acknowledge=acknowledge
        )
        self.hub.start()
        assert self.hub.wait_connected(5), self.hub.snapshot().last_error

    def sequences(self) -> list[int]:
        """Of what was accepted; duplicates are not among them."""
        return [
            int(arrival.received.envelope.sequence)
            for arrival in self.heard
            if arrival.verdict == "accepted"
            and arrival.received is not None
            and arrival.received.envelope.sequence is not None
        ]

    def leaves(self) -> list[str | None]:
        return [arrival.leaf for arrival in self.heard]

    def statuses(self) -> list[str]:
        return [json.loads(a.payload)["data"]["state"] for a in self.heard if a.leaf == "status"]


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[Broker]:
    with Broker(["max_queued_messages 100000"]) as running_broker:
        yield running_broker


unit_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A unit name of its own for each test, since the broker is shared."""
    return f"unit-{next(unit_numbers)}"


@pytest.fixture
def ear(shared_broker: Broker, name: str) -> Iterator[Ear]:
    ear = Ear(shared_broker.url, name)
    yield ear
    ear.hub.stop()


def test_birth_then_state_then_everything_else(
    shared_broker: Broker, ear: Ear, tmp_path: Path, name: str
) -> None:
    with running(tmp_path, shared_broker.port, unit=name) as unit:
        unit.put(position())
        assert wait_for(lambda: unit.outbox.pending() == 0)
        assert unit.publisher.stats().protocol == "5"
        assert unit.publisher.stats().hub_online
    assert wait_for(lambda: "stopping" in ear.statuses())

    assert ear.leaves()[:2] == ["status", "state"] or ear.leaves()[:3] == [
        "status",
        "position",  # put before the link stood, and the state's commit had to wait
        "state",
    ]
    assert ear.statuses() == ["online", "stopping"]
    assert sorted(ear.sequences()) == [1, 2]


def test_a_killed_unit_is_declared_offline_by_its_will(
    shared_broker: Broker, ear: Ear, tmp_path: Path, name: str
) -> None:
    with Link(shared_broker.port) as link:
        unit = UnitUnderTest(tmp_path, link.port, unit=name)
        assert wait_for(lambda: "online" in ear.statuses())
        unit.stop(politely=False)
        link.cut()
        assert wait_for(lambda: ear.statuses()[-1] == "offline")
    will = json.loads(next(a.payload for a in reversed(ear.heard) if a.leaf == "status"))
    birth = json.loads(next(a.payload for a in ear.heard if a.leaf == "status"))
    assert (will["bootid"], will["data"]["session"]) == (birth["bootid"], birth["data"]["session"])


def test_a_flapping_link_loses_and_repeats_nothing(
    shared_broker: Broker, ear: Ear, tmp_path: Path, name: str
) -> None:
    with (
        Link(shared_broker.port) as link,
        running(tmp_path, link.port, unit=name, resend_after_s=2) as unit,
    ):
        stored = []
        for n in range(150):
            stored.append(unit.put(position(n, 1)).sequence)
            time.sleep(0.01)
            if n % 30 == 15:
                link.cut()
            elif n % 30 == 25:
                link.mend()
        link.mend()
        assert wait_for(lambda: unit.outbox.pending() == 0, 20), unit.publisher.stats()
        assert unit.publisher.stats().reconnects >= 1

    heard = ear.sequences()
    assert set(stored) <= set(heard)
    assert len(heard) == len(set(heard))
    view = next(v for v in ear.hub.snapshot().units if v.unit == name)
    assert (view.missing, view.invalid) == (0, 0)


def test_nothing_leaves_the_disk_before_the_hub_has_it(tmp_path: Path) -> None:
    """The control beside it: with ack=broker a PUBACK is enough, and the hub never hears of it."""
    with Broker() as broker:
        folders = [tmp_path / "hub", tmp_path / "broker"]
        careful = UnitUnderTest(folders[0], broker.port, unit="careful", resend_after_s=1)
        trusting = UnitUnderTest(folders[1], broker.port, unit="trusting", ack="broker")
        for unit in (careful, trusting):
            for n in range(50):
                unit.put(position(n, 1))
        assert wait_for(lambda: trusting.outbox.pending() == 0)
        assert wait_for(lambda: careful.publisher.stats().awaiting_hub == 51)
        assert careful.outbox.pending() == 51

        ear = Ear(broker.url)
        assert wait_for(lambda: careful.outbox.pending() == 0)
        units = {view.unit: view for view in ear.hub.snapshot().units}
        assert (units["careful"].accepted, units["careful"].missing) == (52, 0)
        # Only what the broker retained of the trusting one: its status and state.
        assert units["trusting"].types.get("patrol.position.v1", 0) == 0
        for part in (ear.hub, careful, trusting):
            part.stop()


def test_a_new_hub_session_brings_everything_again_at_once(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, broker.port, resend_after_s=600) as unit:
        deaf = Ear(broker.url, acknowledge=False)
        first = Ear(broker.url)
        assert wait_for(lambda: unit.outbox.pending() == 0)
        first.hub.stop()
        assert wait_for(lambda: unit.publisher.stats().hub_online is False)
        for n in range(20):
            unit.put(position(n, 1))
        assert wait_for(lambda: unit.publisher.stats().awaiting_hub == 20)

        second = Ear(broker.url)
        assert wait_for(lambda: unit.outbox.pending() == 0, 5)

        # And the state again, for a hub that may know nothing.
        assert wait_for(lambda: "state" in second.leaves(), 5)
        for ear in (deaf, second):
            ear.hub.stop()


def test_the_first_hub_that_ever_comes_gets_everything_at_once(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, broker.port, resend_after_s=600) as unit:
        for n in range(20):
            unit.put(position(n, 1))
        assert wait_for(lambda: unit.publisher.stats().awaiting_hub >= 20)
        first = Ear(broker.url)
        assert wait_for(lambda: unit.outbox.pending() == 0, 5)
        first.hub.stop()


def test_a_broker_that_dies_and_comes_back(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, broker.port, resend_after_s=1) as unit:
        ear = Ear(broker.url)
        for n in range(60):
            unit.put(position(n, 1))
            if n == 20:
                broker.kill()
            elif n == 40:
                broker.start()
        assert wait_for(lambda: unit.outbox.pending() == 0, 20), unit.publisher.stats()
        assert wait_for(lambda: len(set(ear.sequences())) >= 61)
        ear.hub.stop()


def test_a_backlog_of_5000_drains_quickly_and_alerts_come_first(tmp_path: Path) -> None:
    with Broker() as broker:
        with running(tmp_path, 1) as unit:  # nobody listens there
            for n in range(5000):
                unit.put(position(n, 1 if n % 50 == 0 else 3), durable=n == 4999)
            assert wait_for(lambda: unit.outbox.stats().in_memory == 0)
            assert "is the broker running" in (unit.publisher.stats().last_error or "")
        ear = Ear(broker.url)
        began = time.monotonic()
        with running(tmp_path, broker.port) as unit:
            assert wait_for(lambda: unit.outbox.pending() == 0, 40)
        took_s = time.monotonic() - began
        ear.hub.stop()

    backlog = [a for a in ear.heard if a.leaf == "position"]
    priorities = [json.loads(a.payload)["priority"] for a in backlog[:100]]
    assert priorities == [1] * 100
    assert all(json.loads(a.payload)["historical"] for a in backlog)
    assert len(set(ear.sequences())) == 5001
    assert took_s < 30


def test_a_link_that_is_only_half_open_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped broker: its kernel still takes our bytes, and nobody ever answers."""
    assert in_flight.SILENCE_S <= 10  # with a second for the worker: well within 20 s
    monkeypatch.setattr(in_flight, "SILENCE_S", 2.0)  # a test may not wait as long as a unit
    with Broker() as broker, running(tmp_path, broker.port, ack="broker") as unit:
        assert wait_for(lambda: unit.outbox.pending() == 0)
        broker.signal(signal.SIGSTOP)
        unit.put(position(1, 1))
        assert wait_for(lambda: not unit.publisher.stats().connected, 20)
        assert "acknowledged nothing" in (unit.publisher.stats().last_error or "")
        broker.signal(signal.SIGCONT)
        assert wait_for(lambda: unit.outbox.pending() == 0, 15)


def test_a_link_that_is_tried_tells_at_once_whether_the_broker_answers(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, broker.port) as unit:
        ear = Ear(broker.url)
        publisher = unit.publisher
        assert wait_for(lambda: publisher.connected)

        def silent_s() -> float:
            return time.monotonic() - publisher.heard_mono_s

        assert wait_for(lambda: silent_s() > 1.5), "idle: nothing is sent, nothing comes"
        publisher.try_link(0.2)
        assert wait_for(lambda: silent_s() < 0.2)
        assert wait_for(lambda: ear.statuses().count("online") >= 5)
        ids = {json.loads(a.payload)["id"] for a in ear.heard if a.leaf == "status"}
        assert len(ids) == 1, "the same message: no hub takes it for another connection"
        broker.signal(signal.SIGSTOP)
        assert wait_for(lambda: silent_s() > 2.0, 5.0)
        assert publisher.connected, "TCP does not know it yet"
        broker.signal(signal.SIGCONT)
        assert wait_for(lambda: silent_s() < 0.5)
        publisher.try_link(None)
        assert wait_for(lambda: silent_s() > 1.5)
        ear.hub.stop()


def test_a_hub_that_says_that_it_goes_is_not_heard_any_more(tmp_path: Path) -> None:
    with Broker() as broker, running(tmp_path, broker.port) as unit:
        ear = Ear(broker.url)
        assert wait_for(lambda: unit.publisher.stats().hub_online is True)
        unit.publisher.try_link(0.2)
        ear.hub.stop()
        assert wait_for(lambda: unit.publisher.stats().hub_online is False)
        heard_s = unit.publisher.heard_mono_s
        time.sleep(1.0)

        assert unit.publisher.heard_mono_s == heard_s


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path: Path) -> None:
    pytest.importorskip("amqtt")
    with Broker(kind="amqtt") as broker, running(tmp_path, broker.port, ack="broker") as unit:
        for n in range(20):
            unit.put(position(n, 1))
        assert wait_for(lambda: unit.outbox.pending() == 0, 15), unit.publisher.stats()
        assert unit.publisher.stats().protocol == "3.1.1"


def test_a_broker_that_forbids_a_topic_costs_nothing_but_is_told(tmp_path: Path) -> None:
    """mosquitto answers a forbidden MQTT 5 PUBLISH with 0x87: kept, retried, and a fault."""
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite patrol/v1/+/status\ntopic readwrite patrol/v1/+/ack\n")
    with (
        Broker([f"acl_file {acl}"]) as broker,
        running(tmp_path, broker.port, ack="broker") as unit,
    ):
        unit.put(position(1, 1))
        assert wait_for(lambda: unit.publisher.stats().refused.get("0x87", 0) >= 2)
        assert "access rules" in (unit.publisher.stats().last_error or "")
        assert unit.outbox.pending() == 2
        acl.write_text("topic readwrite #\n")
        broker.signal(signal.SIGHUP)
        assert wait_for(lambda: unit.outbox.pending() == 0, 15)


def test_garbage_from_above_is_counted_and_survived(
    shared_broker: Broker, ear: Ear, tmp_path: Path, name: str
) -> None:
    import subprocess

    topics = Topics("patrol/v1", name)
    with running(tmp_path, shared_broker.port, unit=name) as unit:
        assert wait_for(lambda: unit.outbox.pending() == 0 and unit.publisher.stats().connected)
        for topic, payload in [
            (topics.ack, "garbage"),
            (topics.ack, "[" * 5000),
            (topics.ack, '{"ids":["x"]}'),
            (topics.ack, '{"up_to":-1}'),
            (topics.ack, '{"up_to":18446744073709551615}'),
            (topics.command, '{"name":"siren"}'),
        ]:
            command = ["mosquitto_pub", "-q", "1", "-p", str(shared_broker.port), "-t", topic]
            subprocess.run([*command, "-m", payload], check=True)
        assert wait_for(lambda: unit.publisher.stats().down.get("command_unsupported") == 1)
        assert unit.publisher.stats().down["ack_invalid"] == 4
        unit.put(position(1))
        assert wait_for(lambda: unit.outbox.pending() == 0)


def test_only_the_newest_state_is_retained(
    shared_broker: Broker, ear: Ear, tmp_path: Path, name: str
) -> None:
    with running(tmp_path, 1, unit=name) as unit:  # offline: three states become backlog
        for _ in range(3):
            unit.put(state())
    with running(tmp_path, shared_broker.port, unit=name) as unit:
        assert wait_for(lambda: unit.outbox.pending() == 0)
    late = Ear(shared_broker.url, name, acknowledge=False)
    assert wait_for(lambda: any(a.leaf == "state" and a.unit == name for a in late.heard))
    retained = [a for a in late.heard if a.leaf == "state" and a.unit == name]
    newest = max(ear.sequences())
    assert [json.loads(a.payload)["sequence"] for a in retained] == [str(newest)]
    late.hub.stop()
