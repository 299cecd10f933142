"""The shipped access rules on a real mosquitto: a unit can be itself, and nobody else."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.hub import ReferenceHub, hub_options
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Refused,
    TransportEvent,
    WireMessage,
)
from tests.access import LACKING, Authority, shipped_broker, shipped_settings
from tests.broker import MOSQUITTO, Broker
from tests.broker_attacks import DESK, Ground
from tests.broker_rights import rights
from tests.raw_mqtt import RawClient, packet, text
from tests.unit_under_test import UnitUnderTest, position, wait_for

SHIPPED = Path(__file__).parents[2] / "systemd" / "mosquitto"
UNITS = ("dog-1", "dog-2", "hub")

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("mosquitto_passwd") is None, reason="needs mosquitto"
)


def password_file(folder: Path, user: str) -> Path:
    path = folder / f"{user}.password"
    path.write_text(f"secret of {user}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module")
def broker(secrets_folder: Path) -> Iterator[Broker]:
    passwords = secrets_folder / "passwords"
    passwords.touch()
    for user in UNITS:
        command = ["mosquitto_passwd", "-b", str(passwords), user, f"secret of {user}"]
        subprocess.run(command, check=True)
    settings = [
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {SHIPPED / 'patrol-edge.acl'}",
    ]
    with Broker(settings) as running_broker:
        yield running_broker


class Client:
    """A bare client that logs in as `user` and calls itself what it likes."""

    def __init__(self, broker: Broker, folder: Path, user: str, client_id: str = "") -> None:
        self.transport = PahoTransport()
        self.seen: list[TransportEvent] = []
        options = LinkOptions(
            host="127.0.0.1",
            port=broker.port,
            client_id=client_id or user,
            username=user,
            password_file=password_file(folder, user),
        )
        self.transport.start(options, "5", None)
        assert wait_for(lambda: self.has(Connected) or self.has(Refused))

    def has(self, kind: type) -> bool:
        self.seen += self.transport.events()
        return any(isinstance(event, kind) for event in self.seen)

    def may_publish(self, topic: str) -> bool:
        self.seen = [event for event in self.seen if not isinstance(event, Acknowledged)]
        self.transport.publish(WireMessage(topic=topic, payload=b"x"))
        assert wait_for(lambda: self.has(Acknowledged))
        return next(event.taken for event in self.seen if isinstance(event, Acknowledged))

    def close(self) -> None:
        self.transport.disconnect()
        assert wait_for(lambda: self.transport.idle)


@pytest.fixture
def intruder(broker: Broker, secrets_folder: Path) -> Iterator[Client]:
    client = Client(broker, secrets_folder, "dog-2")
    yield client
    client.close()


def test_a_unit_and_its_hub_work_with_the_shipped_rules(
    broker: Broker, secrets_folder: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from drivers.clock import SystemClock

    options = replace(
        hub_options(broker.url, SystemClock()),
        username="hub",
        password_file=password_file(secrets_folder, "hub"),
    )
    hub = ReferenceHub(broker.url, options=options)
    hub.start()
    login = {"username": "dog-1", "password_file": password_file(secrets_folder, "dog-1")}
    unit = UnitUnderTest(tmp_path, broker.port, unit="dog-1", hub=login)
    unit.put(position(1, 1))

    assert wait_for(lambda: unit.outbox.pending() == 0), unit.publisher.stats()

    assert unit.publisher.stats().hub_online
    assert unit.publisher.stats().refused == {}
    assert unit.publisher.stats().down == {}
    unit.stop()
    assert wait_for(lambda: hub.snapshot().units[0].status == "stopping")
    hub.stop()


@pytest.mark.parametrize(
    "topic",
    [
        "patrol/v1/dog-1/status",
        "patrol/v1/dog-1/event",
        "patrol/v1/dog-1/ack",
        "patrol/v1/dog-2/ack",
        "patrol/v1/dog-2/command",
        "patrol/v1/dog-1/command",
        "patrol/v1/hub/state",
        "patrol/v1/dog-2/position/deeper",
        "other/root/dog-2/event",
        "$SYS/broker/x",
    ],
)
def test_a_unit_cannot_speak_as_another_or_as_the_hub(intruder: Client, topic: str) -> None:
    assert not intruder.may_publish(topic)
    assert intruder.may_publish("patrol/v1/dog-2/event")


def test_a_unit_cannot_hear_another(broker: Broker, secrets_folder: Path, intruder: Client) -> None:
    """mosquitto 2.0 grants a subscription that it then never serves: what counts is silence."""
    wanted = ("patrol/v1/dog-1/ack", "patrol/v1/dog-1/position", "patrol/v1/#", "#", "+/+/+/+")
    intruder.transport.subscribe((*wanted, "patrol/v1/dog-2/ack", "patrol/v1/hub/state"))
    assert intruder.may_publish("patrol/v1/dog-2/event")  # by now it has subscribed
    unit, hub = (Client(broker, secrets_folder, user) for user in ("dog-1", "hub"))

    assert unit.may_publish("patrol/v1/dog-1/position")
    assert hub.may_publish("patrol/v1/dog-1/ack")
    assert hub.may_publish("patrol/v1/dog-1/command")
    assert hub.may_publish("patrol/v1/dog-2/ack")

    def heard() -> set[str]:
        intruder.has(Arrived)
        return {event.topic for event in intruder.seen if isinstance(event, Arrived)}

    assert wait_for(lambda: "patrol/v1/dog-2/ack" in heard())
    # Its own, and what everybody may know; the order of delivery is that of publishing.
    assert heard() <= {"patrol/v1/dog-2/ack", "patrol/v1/hub/state", "patrol/v1/dog-2/event"}
    unit.close()
    hub.close()


def test_another_client_id_gives_no_other_rights(broker: Broker, secrets_folder: Path) -> None:
    masked = Client(broker, secrets_folder, "dog-2", client_id="dog-1")

    assert not masked.may_publish("patrol/v1/dog-1/event")
    masked.close()


def test_a_wrong_password_is_told_as_such(broker: Broker, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guess\n")
    wrong.chmod(0o600)
    login = {"username": "dog-1", "password_file": wrong}
    unit = UnitUnderTest(tmp_path, broker.port, unit="dog-1", hub=login)

    assert wait_for(lambda: "hub.password_file" in (unit.publisher.stats().last_error or ""))
    unit.stop()


# --- with certificates, as shipped --------------------------------------------------------------

needs_mosquitto = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority") / "ca"
    return Authority(folder, "dog-1", "dog-2", "hub", DESK, "observer")


@needs_mosquitto
@pytest.mark.parametrize("kind", ["patrol-edge", "partners"])
def test_the_shipped_files_are_accepted_without_a_complaint(
    kind: str, authority: Authority
) -> None:
    with shipped_broker(kind, authority, more_rules="") as broker:
        assert gets_in(broker, authority, "hub")
        complaints = [
            line
            for line in broker.log.splitlines()
            if ("Error" in line or "Warning" in line)
            and "does not contain '%c' or '%u'" not in line  # meant so, and said so in the file
            and "run as root" not in line
            and "unexpected eof" not in line  # the test's own hanging up
        ]
    assert complaints == []


@needs_mosquitto
def test_unit_and_hub_have_their_rights(authority: Authority) -> None:
    with shipped_broker("patrol-edge", authority) as broker:
        ground = Ground(broker.port, authority)
        assert [what for what, works in rights(ground) if not works] == []
        ground.close()


@needs_mosquitto
def test_a_withdrawn_certificate_opens_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca", "dog-1", "dog-2")
    lines = shipped_settings("patrol-edge", authority)
    lines.insert(lines.index("require_certificate true"), f"crlfile {authority.folder}/crl.pem")
    with Broker(lines, kind="mosquitto") as broker:
        with RawClient(broker.port, authority.context("dog-1"), "dog-1") as client:
            assert client.accepted
        authority.desk.revoke("dog-1")
        broker.signal(signal.SIGHUP)
        assert wait_for(lambda: not gets_in(broker, authority, "dog-1"))
        assert gets_in(broker, authority, "dog-2")


def gets_in(broker: Broker, authority: Authority, name: str) -> bool:
    try:
        with RawClient(broker.port, authority.context(name), name) as client:
            return client.accepted
    except OSError:
        return False


@needs_mosquitto
def test_what_is_too_large_costs_its_sender_the_connection_and_nobody_else(
    authority: Authority,
) -> None:
    with shipped_broker("patrol-edge", authority) as broker:
        hub = RawClient(broker.port, authority.context("hub"), "hub")
        unit = RawClient(broker.port, authority.context("dog-1"), "dog-1")
        topic = "patrol/v1/dog-1/snapshot/e-1"
        assert unit.publish(topic, b"x" * 1_000_000) is not None
        assert unit.publish(topic, b"x" * 1_048_576) is None
        assert not unit.settle()
        assert hub.settle()
        assert gets_in(broker, authority, "dog-1")
        for client in (unit, hub):
            client.drop()


@needs_mosquitto
def test_a_command_waits_for_its_unit_over_a_restart_of_the_broker(tmp_path: Path) -> None:
    """What `per_listener_settings true` breaks in mosquitto before 2.0.23."""
    authority = Authority(tmp_path / "ca", "dog-1", "hub")
    topic = "patrol/v1/dog-1/command"
    with shipped_broker("patrol-edge", authority) as broker:
        unit = RawClient(broker.port, authority.context("dog-1"), "dog-1", clean=False)
        unit.send(packet(0x82, b"\x00\x01\x00" + text(topic) + b"\x01"))  # QoS 1
        assert unit.settle()
        unit.drop()
        broker.signal(signal.SIGUSR1)  # write what is remembered to the disk
        assert wait_for(lambda: (authority.folder / "data" / "mosquitto.db").exists())
        broker.restart()
        with RawClient(broker.port, authority.context("hub"), "hub") as hub:
            assert hub.publish(topic, b"wait") == 0
        again = RawClient(broker.port, authority.context("dog-1"), "dog-1", clean=False)
        again.settle()
        assert [each.payload for each in again.heard] == [b"wait"]
        again.drop()
