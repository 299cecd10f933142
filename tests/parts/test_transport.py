"""What every transport must do, whichever library carries it: the same tests for all of them."""

import contextlib
import importlib.util
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telemetry.link.libraries import open_transport
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import (
    MAX_DOWN_BYTES,
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    Refused,
    SubscriptionRefused,
    Transport,
    TransportConfigError,
    TransportError,
    TransportEvent,
    WireMessage,
)
from tests.broker import MOSQUITTO, Broker, free_port
from tests.certificates import make_authority, make_certificate
from tests.e2e.unit_process import UnitProcess, write_unit_file
from tests.link import Link
from tests.mqtt_server import PUBLISH, FakeBroker, Manners, packet

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
Event = TypeVar("Event", bound=TransportEvent)


def make(kind: str) -> Transport:
    if kind == "paho":
        return PahoTransport()
    if importlib.util.find_spec("awscrt") is None:
        pytest.skip("needs patrol-edge[awscrt]")
    from telemetry.link.awscrt_transport import AwscrtTransport

    return AwscrtTransport()


class Talk:
    """A transport and what it reported, worked by the test's own thread."""

    def __init__(self, kind: str) -> None:
        self.transport = make(kind)
        self.events: list[TransportEvent] = []

    def start(self, port: int, will: WireMessage | None = None, **options: Any) -> None:
        link: dict[str, Any] = {"host": "127.0.0.1", "client_id": "dog-1"} | options
        self.transport.start(LinkOptions(port=port, **link), "5", will)

    def until(self, done: Callable[[], Any], timeout_s: float = 15) -> bool:
        ends = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > ends:
                return False
            self.transport.wait(0.05)
            self.events += self.transport.events()
        return True

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def first(self, kind: type[Event], timeout_s: float = 15) -> Event:
        assert self.until(lambda: self.of(kind), timeout_s), self.events
        return self.of(kind)[0]

    def connect(self, port: int, **options: Any) -> Connected:
        self.start(port, **options)
        return self.first(Connected)


@pytest.fixture(params=["paho", "awscrt"])
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    talk = Talk(request.param)
    yield talk
    talk.transport.abandon()


def message(number: int = 0, **changes: Any) -> WireMessage:
    return WireMessage(**{"topic": "a/b", "payload": b"%d" % number} | changes)


# --- connecting ---


def test_who_it_says_it_is(talk: Talk) -> None:
    with FakeBroker() as broker:
        will = WireMessage(topic="a/status", payload=b"gone", retain=True)
        talk.start(broker.port, will, username="dog", session_expiry_s=77)
        assert talk.first(Connected).protocol == "5"
        (greeting,) = broker.greetings
    assert (greeting.client_id, greeting.username) == ("dog-1", "dog")  # and nothing added to it
    assert (greeting.clean_start, greeting.session_expiry_s) == (False, 77)
    assert (greeting.will_topic, greeting.will_retain) == ("a/status", True)


@pytest.mark.parametrize(
    ("code", "cause"),
    [(0x87, "credentials"), (0x86, "credentials"), (0x84, "protocol"), (0x97, "not_accepted")],
)
def test_why_a_broker_refuses(talk: Talk, code: int, cause: str) -> None:
    with FakeBroker(Manners(connack=code)) as broker:
        talk.start(broker.port)
        assert talk.first(Refused).cause == cause
        assert talk.until(lambda: talk.transport.idle)
        assert broker.connections == 1  # whether and when to try again is not its business
        with pytest.raises(TransportError):
            talk.transport.publish(message())


def test_nobody_listens(talk: Talk) -> None:
    port = free_port()
    talk.start(port)
    refused = talk.first(Refused)
    assert refused.cause == "refused"
    assert f"127.0.0.1:{port}" in refused.text


def test_a_name_that_nobody_knows(talk: Talk) -> None:
    talk.start(1883, host="no-such-host.invalid")
    assert talk.first(Refused, 30).cause == "dns"


@pytest.mark.parametrize(
    "reply",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 50, b"\x20\xff\xff\xff\xff\xff", b"\x20\x00"],
    ids=["http", "ones", "endless length", "empty connack"],
)
def test_something_else_behind_the_port(talk: Talk, reply: bytes) -> None:
    with FakeBroker(Manners(raw=reply)) as broker:
        talk.start(broker.port)
        assert talk.first(Refused).cause in ("closed", "network", "not_accepted", "timeout")
        assert talk.until(lambda: talk.transport.idle)


def test_an_attempt_that_is_abandoned_is_heard_of_no_more(talk: Talk) -> None:
    with FakeBroker(Manners(connack=None)) as silent, FakeBroker() as broker:
        talk.start(silent.port)
        assert talk.until(lambda: silent.greetings)
        talk.transport.abandon()
        assert talk.until(lambda: talk.transport.idle)
        talk.connect(broker.port)
        assert talk.of(Refused) == []
        assert broker.connections == 1


def test_an_attempt_abandoned_while_a_name_server_thinks(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(talk.transport, PahoTransport):
        pytest.skip("its name server cannot be made slow from here")
    answer, asked, ask = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.invalid":
            asked.set()
            answer.wait(20)
            host = "127.0.0.1"
        return ask(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with FakeBroker() as broker:
        began = time.monotonic()
        talk.start(broker.port, host="slow.invalid")
        assert asked.wait(5)
        talk.transport.abandon()
        assert time.monotonic() - began < 2  # nobody waited for the name server
        assert not talk.transport.idle
        answer.set()
        assert talk.until(lambda: talk.transport.idle)
        assert talk.events == []
        assert broker.connections == 0


def test_mqtt_3_1_1_where_only_5_is_spoken() -> None:
    transport = make("awscrt")
    with pytest.raises(TransportConfigError, match=r"delivery\.transport: paho"):
        transport.start(LinkOptions(host="x", port=1883, client_id="x"), "3.1.1", None)


# --- sending ---


def test_messages_arrive_as_they_were_given(talk: Talk) -> None:
    pairs = (("sha-256", "00ff"), ("id", "ü"))
    with FakeBroker() as broker:
        talk.connect(broker.port)
        tokens = [
            talk.transport.publish(message(1, retain=True, content_type="application/json")),
            talk.transport.publish(message(2, payload=b"\0" * 100_000, user_properties=pairs)),
            talk.transport.publish(message(3, user_properties=pairs)),
        ]
        assert talk.until(lambda: len(talk.of(Acknowledged)) == 3)
        one, two, three = broker.heard
    assert [each.token for each in talk.of(Acknowledged)] == tokens
    assert all(each.taken for each in talk.of(Acknowledged))
    assert (one.topic, one.payload, one.retain) == ("a/b", b"1", True)
    assert one.content_type == "application/json"
    assert (two.payload, two.retain, two.user_properties) == (b"\0" * 100_000, False, pairs)
    assert (three.payload, three.user_properties) == (b"3", pairs)


@pytest.mark.parametrize("code", [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x97, 0x99])
def test_what_a_broker_answers_is_passed_on(talk: Talk, code: int) -> None:
    with FakeBroker(Manners(puback=lambda _: code)) as broker:
        talk.connect(broker.port)
        token = talk.transport.publish(message())
        answer = talk.first(Acknowledged)
    assert (answer.token, answer.code) == (token, code)
    assert answer.taken == (code < 0x80)


def test_the_limits_of_the_broker_are_told(talk: Talk) -> None:
    manners = Manners(receive_maximum=3, maximum_packet_bytes=5000, retain_available=False)
    with FakeBroker(manners) as broker:
        connected = talk.connect(broker.port)
    assert (connected.receive_maximum, connected.maximum_packet_bytes) == (3, 5000)
    assert not connected.retain


def test_a_broker_without_limits(talk: Talk) -> None:
    with FakeBroker() as broker:
        connected = talk.connect(broker.port)
    assert connected.receive_maximum == 65_535
    assert connected.retain


def test_a_thousand_messages_in_order(talk: Talk) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        for start in range(0, 1000, 20):
            for number in range(start, start + 20):
                talk.transport.publish(message(number))
            assert talk.until(lambda: len(talk.of(Acknowledged)) >= start + 20)  # noqa: B023
        assert [int(each.payload) for each in broker.heard] == list(range(1000))
        assert broker.most_unacked <= 20


# --- hearing ---


def test_what_comes_down(talk: Talk) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        talk.transport.subscribe(("a/ack", "a/command"))
        assert talk.until(lambda: broker.subscribed == ["a/ack", "a/command"])
        broker.publish("a/command", b"{}", retain=True)
        broker.publish("a/ack", b"x" * 100_000, qos=0)
        assert talk.until(lambda: len(talk.of(Arrived)) == 2)
    first, second = talk.of(Arrived)
    assert (first.topic, first.payload, first.retained, first.qos) == ("a/command", b"{}", True, 1)
    assert (len(second.payload), second.retained, second.qos) == (100_000, False, 0)
    assert talk.of(SubscriptionRefused) == []


def test_a_subscription_that_is_refused(talk: Talk) -> None:
    with FakeBroker(Manners(suback=0x87)) as broker:
        talk.connect(broker.port)
        talk.transport.subscribe(("a/ack", "a/command"))
        assert talk.until(lambda: len(talk.of(SubscriptionRefused)) == 2)
    assert [each.topic for each in talk.of(SubscriptionRefused)] == ["a/ack", "a/command"]
    assert "authori" in talk.of(SubscriptionRefused)[0].text.lower()


def test_a_packet_larger_than_we_take_ends_the_connection(talk: Talk) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        body = b"\0\1a\0\7\0" + b"x" * (MAX_DOWN_BYTES + 1)
        broker.send(packet(PUBLISH, body, 2))
        talk.first(Lost)
        assert talk.of(Arrived) == []


@pytest.mark.parametrize(
    "data",
    [b"\x00\x00", b"\xf0\x02\x00\x00", b"\x40\x01\x00", b"\x32\x03\x00\x09a"],
    ids=["reserved", "auth", "short puback", "cut topic"],
)
def test_nonsense_ends_the_connection_and_nothing_else(talk: Talk, data: bytes) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        broker.send(data)
        assert talk.first(Lost).text
        assert talk.until(lambda: talk.transport.idle)
        talk.events.clear()
        talk.transport.abandon()
        talk.connect(broker.port)
        assert broker.connections == 2


# --- ending ---


def test_a_broker_that_says_why_it_hangs_up(talk: Talk) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        broker.disconnect(0x8E)
        assert "two units share unit.id" in talk.first(Lost).text


def test_a_connection_that_is_reset(talk: Talk) -> None:
    with FakeBroker(Manners(puback=lambda _: None)) as broker, Link(broker.port) as link:
        talk.connect(link.port)
        talk.transport.publish(message())
        assert talk.until(lambda: broker.heard)
        link.cut()
        talk.first(Lost)
        assert talk.until(lambda: talk.transport.idle)
        # What was not acknowledged is forgotten: the next connection carries only what it is given.
        link.mend()
        talk.transport.abandon()
        talk.events.clear()
        talk.connect(link.port)
        talk.transport.publish(message(2))
        assert talk.until(lambda: len(broker.heard) == 2)
        assert [each.payload for each in broker.heard] == [b"0", b"2"]
        assert not broker.heard[1].dup


def test_silence_is_noticed_by_the_keepalive(talk: Talk) -> None:
    with FakeBroker() as broker, Link(broker.port) as link:
        talk.connect(link.port, keepalive_s=2)
        link.stall()
        began = time.monotonic()
        talk.first(Lost, 12)
        assert time.monotonic() - began <= 8  # no message was on its way; see also SILENCE_S


def test_a_goodbye_is_one_and_being_abandoned_is_none(talk: Talk) -> None:
    with FakeBroker() as broker:
        talk.connect(broker.port)
        talk.transport.disconnect()
        assert talk.until(lambda: talk.transport.idle)
        assert talk.until(lambda: broker.goodbyes == [0])
        talk.transport.abandon()
        talk.events.clear()
        talk.connect(broker.port)
        talk.transport.abandon()
        time.sleep(0.2)
        assert broker.goodbyes == [0]  # so the broker publishes the will


@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
def test_a_bell_ends_a_wait_from_another_thread(talk: Talk) -> None:
    with Broker() as broker:
        talk.connect(broker.port)
        threading.Timer(0.2, talk.transport.bell.set).start()
        began = time.monotonic()
        talk.transport.wait(10)
        assert time.monotonic() - began < 5


# --- TLS ---


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for authority in ("ca", "stranger"):
        make_authority(folder, authority)
    for name in ("broker", "dog-1"):
        make_certificate(folder, name)
    make_certificate(folder, "dog-9", authority="stranger")
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "broker.crt", folder / "broker.key")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def files(folder: Path, name: str, ca: str = "ca") -> dict[str, Any]:
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    return {"tls": True, "ca": folder / f"{ca}.crt", "cert": cert, "key": key}


@needs_openssl
def test_mutual_tls(talk: Talk, certificates: Path) -> None:
    with FakeBroker(tls=server_context(certificates)) as broker:
        talk.connect(broker.port, **files(certificates, "dog-1"))
        for number in range(50):
            talk.transport.publish(message(number, payload=b"x" * 3000))
        assert talk.until(lambda: len(talk.of(Acknowledged)) == 50)
        talk.transport.subscribe(("a/ack",))
        assert talk.until(lambda: broker.subscribed)
        broker.publish("a/ack", b"y" * 70_000)
        assert len(talk.first(Arrived).payload) == 70_000


@needs_openssl
@pytest.mark.parametrize(
    ("name", "ca"), [("dog-1", "stranger"), ("dog-9", "ca")], ids=["their ca", "our certificate"]
)
def test_tls_without_trust(talk: Talk, certificates: Path, name: str, ca: str) -> None:
    with FakeBroker(tls=server_context(certificates)) as broker:
        talk.start(broker.port, **files(certificates, name, ca))
        if isinstance(talk.transport, PahoTransport) or ca == "ca":
            assert talk.first(Refused).cause in ("tls", "closed", "network")
        else:
            # s2n keeps silent for 10 to 30 s after such a failure, so that its timing tells an
            # attacker nothing; our dialer gives up first.
            assert not talk.until(lambda: talk.of(Connected), 2)
        assert talk.of(Connected) == []
        assert broker.greetings == []


@needs_openssl
def test_a_refused_certificate_is_no_reason_to_try_another_protocol(certificates: Path) -> None:
    """With TLS 1.3 the refusal comes after the handshake, as if the broker had hung up."""
    talk = Talk("paho")
    with FakeBroker(tls=server_context(certificates)) as broker:
        talk.start(broker.port, **files(certificates, "dog-9"))
        assert talk.first(Refused).cause == "tls"
        talk.transport.abandon()


@needs_openssl
def test_tls_towards_a_port_without(talk: Talk, certificates: Path) -> None:
    with FakeBroker() as plain:
        talk.start(plain.port, **files(certificates, "dog-1"))
        with contextlib.suppress(IndexError):
            talk.until(lambda: plain.clients, 5)
        plain.reset()
        assert talk.first(Refused, 25).cause in ("tls", "closed", "network", "timeout")


# --- which of them ---


def test_the_library_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_transport("paho", "3.1.1"), PahoTransport)
    with pytest.raises(TransportConfigError, match=r"hub\.protocol is 3\.1\.1"):
        open_transport("awscrt", "3.1.1")
    monkeypatch.delitem(sys.modules, "telemetry.link.awscrt_transport", raising=False)
    monkeypatch.setitem(sys.modules, "awscrt", None)  # as if it were not installed
    with pytest.raises(TransportConfigError, match=r"pip install 'patrol-edge\[awscrt\]'"):
        open_transport("awscrt", "auto")


def test_run_ends_at_once_where_the_library_is_missing(tmp_path: Path) -> None:
    unit = tmp_path / "unit.yaml"
    unit.write_text(
        f"unit: {{id: dog-1, kind: robot_dog}}\nstate_dir: {tmp_path}\n"
        "hub: {protocol: 3.1.1}\ndelivery: {transport: awscrt}\n"
    )
    command = [sys.executable, "-m", "edge.cli.main", "run", "--config", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "awscrt speaks MQTT 5 only" in done.stderr
    assert "delivery.transport: paho" in done.stderr


def test_a_hundred_connections_leave_nothing_open(talk: Talk) -> None:
    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def once() -> None:
        talk.events.clear()
        talk.connect(broker.port)
        talk.transport.publish(message())
        talk.first(Acknowledged)
        talk.transport.abandon()
        assert talk.until(lambda: talk.transport.idle)

    with FakeBroker() as broker:
        for _ in range(5):
            once()
        before = handles()
        for _ in range(100):
            once()
        assert talk.until(lambda: handles() <= before + 5, 10), (before, handles())


@settings(max_examples=60, deadline=None)
@given(data=st.binary(min_size=1, max_size=60))
@example(b"\x30\x06\x00\x02\xff\xfea")
@example(b"\x90\x04\x00\x01\x00\x87")
def test_no_byte_of_a_broker_raises(data: bytes) -> None:
    """paho's own parser, in our thread: whatever it meets ends the connection at most."""
    talk = Talk("paho")
    with FakeBroker() as broker:
        talk.connect(broker.port)
        broker.send(data)
        for _ in range(3):
            talk.transport.wait(0.005)
            talk.events += talk.transport.events()
        talk.transport.abandon()


def listened(port: int, leaf: str, count: int) -> bytes:
    """So many messages of the unit's, by mosquitto's own client."""
    command = ["mosquitto_sub", "-p", str(port), "-t", f"patrol/v1/car-07/{leaf}", "-C", str(count)]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout


@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto_sub")
@pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")
def test_a_whole_unit_with_the_second_library(tmp_path: Path) -> None:
    if importlib.util.find_spec("awscrt") is None:
        pytest.skip("needs patrol-edge[awscrt]")
    delivery = {"transport": "awscrt", "ack": "broker"}
    with Broker() as broker:
        sections: dict[str, object] = {"delivery": delivery, "perception": {"enabled": False}}
        unit_file = write_unit_file(tmp_path, broker.url, **sections)
        unit = UnitProcess(unit_file, tmp_path / "log")
        try:
            assert len(listened(broker.port, "health", 3).splitlines()) == 3
        finally:
            took_s = unit.terminate()
        assert unit.process.returncode == 0, unit.log_text()
        assert took_s < 5
        assert b'"stopping"' in listened(broker.port, "status", 1)  # a goodbye, not the will
