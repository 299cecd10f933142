"""When to dial, and in which version of MQTT."""

import threading

import pytest

from config.addresses import BrokerAddress
from telemetry.link.dialer import BACKOFF_S, GREETING_S, STEADY_S, Dialer
from telemetry.link.transport import (
    Connected,
    LinkOptions,
    ProtocolVersion,
    Reached,
    Refused,
    TransportEvent,
    WireMessage,
)
from tests.fakes import ManualClock


class Transport:
    """Notes in which protocol it is told to connect; what comes of it the test says."""

    def __init__(self) -> None:
        self.bell = threading.Event()
        self.idle = True
        self.started: list[ProtocolVersion] = []
        self.hosts: list[str] = []

    def start(
        self, options: LinkOptions, protocol: ProtocolVersion, _will: WireMessage | None
    ) -> None:
        self.started.append(protocol)
        self.hosts.append(options.host)

    def abandon(self) -> None:
        pass

    def events(self) -> list[TransportEvent]:
        return []

    def wait(self, timeout_s: float) -> None:
        pass

    def publish(self, message: WireMessage) -> int:
        return 1

    def subscribe(self, topics: tuple[str, ...]) -> None:
        pass

    def disconnect(self) -> None:
        pass


class Bench:
    def __init__(self, *fallbacks: str) -> None:
        self.clock = ManualClock()
        self.transport = Transport()
        others = tuple(BrokerAddress(name, 1883, tls=False) for name in fallbacks)
        link = LinkOptions(host="broker", port=1883, client_id="dog-1", fallbacks=others)
        self.dialer = Dialer(self.transport, link, "auto", lambda _: None, self.clock)

    def dial(self) -> ProtocolVersion:
        """The next attempt's protocol."""
        attempts = len(self.transport.started)
        while len(self.transport.started) == attempts:
            self.clock.advance(0.05)
            self.dialer.step()
        return self.transport.started[-1]

    def refuse(self, cause: str) -> None:
        self.dialer.heard(Refused(cause, f"it was {cause}"))

    def connect(self) -> None:
        self.dialer.heard(Connected(self.dialer.protocol))
        self.clock.advance(STEADY_S + 1)


def test_a_first_connection_that_was_cut_does_not_settle_the_protocol() -> None:
    bench = Bench()
    assert bench.dial() == "5"
    bench.refuse("closed")
    assert bench.dial() == "3.1.1"
    bench.connect()
    bench.dialer.hang_up("the link was lost")

    assert bench.dial() == "5"
    bench.connect()
    bench.dialer.hang_up("the link was lost")
    assert bench.dial() == "5"
    bench.refuse("closed")  # this broker does speak 5
    assert bench.dial() == "5"


@pytest.mark.parametrize("cause", ["refused", "dns", "timeout", "closed"])
def test_an_attempt_in_3_1_1_that_fails_is_followed_by_one_in_5(cause: str) -> None:
    bench = Bench()
    bench.dial()
    bench.refuse("closed")
    assert bench.dial() == "3.1.1"
    bench.refuse(cause)
    assert bench.dial() == "5"


def test_a_broker_that_says_it_does_not_know_5_is_not_asked_again() -> None:
    bench = Bench()
    bench.dial()
    bench.refuse("protocol")
    for _ in range(3):
        assert bench.dial() == "3.1.1"
        bench.connect()
        bench.dialer.hang_up("the link was lost")
    bench.dial()
    bench.refuse("protocol")  # unless it does not know 3.1.1 either: it is another broker
    assert bench.dial() == "5"


def test_the_fall_back_comes_at_once() -> None:
    bench = Bench()
    bench.dial()
    bench.dialer.heard(Reached())
    before_s = bench.clock.mono_s()
    assert bench.dial() == "3.1.1"  # after a greeting that nobody answered
    assert bench.clock.mono_s() - before_s < GREETING_S + 0.3


def test_other_failures_do_not_change_the_protocol() -> None:
    bench = Bench()
    for cause in ("refused", "dns", "tls", "credentials", "timeout"):
        assert bench.dial() == "5"
        bench.refuse(cause)


def test_the_nodes_of_a_cluster_are_tried_in_turn() -> None:
    bench = Bench("second", "third")
    for _ in range(4):
        bench.dial()
        bench.refuse("refused")

    assert bench.transport.hosts == ["broker", "second", "third", "broker"]


def test_a_lost_node_is_not_the_first_to_be_asked_again() -> None:
    bench = Bench("second")
    bench.dial()
    bench.connect()
    bench.dialer.hang_up("the link was lost")
    bench.dial()
    bench.connect()

    assert bench.transport.hosts == ["broker", "second"]
    assert bench.dialer.link.host == "second"  # and there it stays


def test_the_other_protocol_is_tried_on_the_same_node() -> None:
    bench = Bench("second")
    bench.dial()
    bench.refuse("protocol")
    bench.dial()

    assert bench.transport.hosts == ["broker", "broker"]


def test_the_back_off_grows_with_each_round_and_not_with_each_node() -> None:
    bench = Bench("second", "third")
    waits_s = []
    for _ in range(6):
        before_s = bench.clock.mono_s()
        bench.dial()
        waits_s.append(bench.clock.mono_s() - before_s)
        bench.refuse("refused")

    slack_s = 0.1
    assert all(wait_s <= BACKOFF_S[0] + slack_s for wait_s in waits_s[1:4])
    assert all(
        BACKOFF_S[1] / 2 - slack_s <= wait_s <= BACKOFF_S[1] + slack_s for wait_s in waits_s[4:]
    )


@pytest.mark.parametrize("answers_after_s", [3.0, 6.0, 15.0])
def test_a_slow_link_gets_its_greeting_answered_in_the_end(answers_after_s: float) -> None:
    bench = Bench()
    for _ in range(12):
        bench.dial()
        bench.dialer.heard(Reached())
        before_s = bench.clock.mono_s()
        while bench.dialer.phase == "connecting":
            bench.clock.advance(0.1)
            bench.dialer.step()
            if bench.clock.mono_s() - before_s >= answers_after_s:
                return
    pytest.fail("it never waited so long")
