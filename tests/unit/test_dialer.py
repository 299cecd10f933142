"""When to dial, and in which version of MQTT."""

import threading

import pytest

from telemetry.link.dialer import GREETING_S, STEADY_S, Dialer
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

    def start(
        self, _options: LinkOptions, protocol: ProtocolVersion, _will: WireMessage | None
    ) -> None:
        self.started.append(protocol)

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
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.transport = Transport()
        link = LinkOptions(host="broker", port=1883, client_id="dog-1")
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
