"""Slow links, brokers that refuse for a while, hubs that are away: what waits must come in the end,
the urgent first, and a technician is told what is really wrong."""

import json
import socket
import threading
from pathlib import Path

import pytest

from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Acknowledged, LinkOptions, SubscriptionRefused
from tests.fakes import ManualClock
from tests.parts.test_publisher_alone import Bench
from tests.unit_under_test import position, wait_for


class Link(Bench):
    """A bench on which the test answers what was sent, in order."""

    def __init__(self, folder: Path, **delivery: float) -> None:
        self.clock = ManualClock()
        super().__init__(folder, self.clock, **delivery)
        self.transport.acks = False
        self.answered = 0

    def pass_time(self, seconds: float = 0.3, steps: int = 1) -> None:
        for _ in range(steps):
            self.clock.advance(seconds)
            self.work()

    def answer(self, code: int = 0, most: int = 100) -> None:
        """PUBACK for the next ones that were sent."""
        last = min(self.answered + most, len(self.transport.sent))
        for token in range(self.answered + 1, last + 1):
            self.transport._events.append(Acknowledged(token, code))
        self.answered = last

    def put(self, count: int, priority: int) -> list[str]:
        return [self.outbox.put(position(n, priority), durable=False).id for n in range(count)]

    def connect(self) -> None:
        self.pass_time(steps=3)
        self.answer()
        self.pass_time()

    def lose(self) -> None:
        self.publisher._hang_up("the link was lost")
        self.answered = len(self.transport.sent)

    def sent_ids(self) -> list[str]:
        return [json.loads(message.payload)["id"] for message in self.transport.sent]


def test_what_a_broker_refused_comes_again_when_it_takes_messages(tmp_path: Path) -> None:
    link = Link(tmp_path, ack="broker", window=10)
    link.connect()
    link.put(5, 1)
    for _ in range(400):  # its access rules are wrong, for longer than a row is tried
        link.answer(0x87)
        link.pass_time(1.0)
    assert link.outbox.pending() == 5
    link.put(1, 1)
    for _ in range(10):  # now they are right; the connection stands all the while
        link.pass_time(1.0)
        link.answer()

    assert link.publisher.stats().reconnects == 0
    assert link.outbox.pending() == 0


def test_an_alert_of_the_outage_does_not_wait_behind_positions_that_are_due(tmp_path: Path) -> None:
    link = Link(tmp_path, ack="hub", window=20, backlog_kbit_s=8)
    link.connect()
    link.put(200, 3)
    for _ in range(40):  # all with the broker, none with the hub
        link.pass_time(0.05)
        link.answer()
    link.lose()
    (alert,) = link.put(1, 1)
    link.pass_time()
    link.publisher._flight.send_all_again(link.clock.mono_s())
    before = len(link.transport.sent)
    for _ in range(20):
        link.pass_time(0.3)
        link.answer()

    assert alert in link.sent_ids()[before : before + 50]


def test_a_slow_link_that_answers_is_no_dead_one(tmp_path: Path) -> None:
    link = Link(tmp_path, window=20)
    link.connect()
    link.put(20, 3)
    link.pass_time()
    for _ in range(20):  # one a second: the last of the window is answered after 20 s
        link.pass_time(1.0)
        link.answer(most=1)
    assert link.publisher.stats().reconnects == 0
    assert link.publisher.connected

    link.put(1, 3)
    link.pass_time()
    link.pass_time(10.5)
    assert not link.publisher.connected, "one that answers nothing is"


def test_a_message_that_alone_is_never_answered_ends_the_connection(tmp_path: Path) -> None:
    link = Link(tmp_path, ack="broker")
    link.connect()
    link.put(1, 1)
    link.pass_time()
    link.answered += 1  # forgotten by the broker
    for _ in range(70):
        link.put(1, 3)
        link.pass_time(1.0)
        link.answer()
    assert link.publisher.stats().session > 1


def test_a_call_for_help_leaves_the_unit_though_no_hub_acknowledges_anything(
    tmp_path: Path,
) -> None:
    link = Link(tmp_path, window=20, resend_after_s=3600)
    link.connect()
    link.put(1500, 1)
    for _ in range(200):
        link.pass_time(0.05)
        link.answer()
    assert link.outbox.pending() == 1500
    (sos,) = link.put(1, 0)
    link.pass_time(steps=2)

    assert sos in link.sent_ids()


def test_how_long_no_hub_has_acknowledged_what_it_could(tmp_path: Path) -> None:
    link = Link(tmp_path, resend_after_s=3600)
    link.connect()
    link.pass_time(1000.0)
    assert link.publisher.stats().unheard_s is None
    (one,) = link.put(1, 1)
    link.pass_time()
    link.answer()
    link.pass_time(0.3)
    link.pass_time(100.0)
    assert link.publisher.stats().unheard_s == pytest.approx(100, abs=1)
    link.put(1, 1)
    link.pass_time()
    link.answer()
    link.pass_time()
    link.publisher._left_the_unit(link.publisher._flight.hub_has([one], None))
    link.pass_time(5.0)
    assert link.publisher.stats().unheard_s == pytest.approx(5, abs=1)


def test_a_refusal_of_long_ago_is_told_as_such(tmp_path: Path) -> None:
    link = Link(tmp_path, ack="broker")
    link.connect()
    assert link.publisher.stats().refused_s is None
    link.put(1, 1)
    link.pass_time()
    link.answer(0x97)
    link.pass_time()
    link.pass_time(5000.0)
    assert link.publisher.stats().refused == {"0x97": 1}
    assert link.publisher.stats().refused_s == pytest.approx(5000, abs=2)


def test_a_topic_that_is_not_heard_is_told_until_a_connection_hears_it(tmp_path: Path) -> None:
    link = Link(tmp_path)
    link.connect()
    link.transport._events.append(SubscriptionRefused("patrol/v1/dog-1/command", "Not authorized"))
    link.pass_time()
    assert link.publisher.stats().unheard_topics == ("patrol/v1/dog-1/command",)
    link.lose()
    link.pass_time(steps=10)
    assert link.publisher.connected
    assert link.publisher.stats().unheard_topics == ()


def test_a_handshake_that_drips_ends_when_it_is_abandoned() -> None:
    """Else each attempt leaves a thread and a socket behind, for as long as the drip goes on."""
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        link, _ = server.accept()
        with link:
            link.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record that is to come
            while not stop.wait(0.2):
                try:
                    link.sendall(b"\x02")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        transport = PahoTransport()
        link = LinkOptions(
            host="127.0.0.1", port=server.getsockname()[1], client_id="dog-1", tls=True
        )
        transport.start(link, "5", None)
        assert not wait_for(lambda: transport._opening and transport._opening.done, 1.0)
        transport.abandon()
        ended = wait_for(lambda: transport.idle, 3.0)
        stop.set()
        thread.join(5)
    assert ended
