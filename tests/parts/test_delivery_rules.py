"""Who goes first, what a metered link carries, what refusals lead to, whose acks count."""

import contextlib
import json
import shutil
import socket
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.clock import SystemClock
from edge.reporting.delivery_findings import budget_findings, certificate_findings
from edge.running.sdnotify import SystemdNotifier
from edge.running.supervisor import Crew, Supervisor
from edge.running.worker import Beat, Worker
from telemetry.link.certificates import LOOK_EVERY_S, CertificateWatch
from telemetry.link.in_flight import InFlight
from telemetry.link.transport import Acknowledged, LinkOptions, Lost, WireMessage
from telemetry.outbox.facts import Outgoing
from telemetry.outbox.rows import Row
from tests.certificates import make_authority, make_certificate
from tests.fakes import ManualClock
from tests.mqtt_server import FakeBroker, Manners
from tests.parts.test_publisher_alone import Bench, ObedientTransport
from tests.unit_under_test import position, running, wait_for

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def longitudes(messages: list[WireMessage]) -> list[int]:
    """The numbers of the positions among these, as they were sent."""
    told = (json.loads(each.payload)["data"] for each in messages)
    return [round(data["lon_deg"] * 1e6) for data in told if "lon_deg" in data]


def settle(bench: Bench, rounds: int = 6) -> None:
    for _ in range(rounds):
        bench.publisher._clock.advance(0.3)  # type: ignore[attr-defined]
        bench.work()


# --- order and pace ---


def test_a_new_alert_passes_a_backlog_that_trickles(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, backlog_kbit_s=8)  # 1,000 bytes a second: two messages
    for n in range(50):
        bench.outbox.put(position(n, 3), durable=False)
    settle(bench)
    before = len(longitudes(bench.transport.sent))
    assert 1 <= before < 10

    bench.outbox.put(position(99, 1), durable=False)
    settle(bench, 2)
    assert 99 in longitudes(bench.transport.sent)[before:][:3]
    began_s = clock.mono_s()
    settle(bench, 40)
    carried = len(longitudes(bench.transport.sent)) - before - 1
    assert carried * 400 <= (clock.mono_s() - began_s + 1) * 1000  # it keeps to its rate
    assert carried > 10  # and it is used


def test_the_backlogs_alerts_go_before_its_positions(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ManualClock())
    for n in range(400):  # more of each than is read ahead
        bench.outbox.put(position(n, 3 if n % 2 else 1), durable=False)
    settle(bench, 60)
    sent = longitudes(bench.transport.sent)
    assert sorted(sent) == list(range(400))
    assert all(n % 2 == 0 for n in sent[:200])


def test_a_slow_link_holds_little_of_the_backlog_and_waits_without_a_busy_loop(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, backlog_kbit_s=8)
    for n in range(50):
        bench.outbox.put(position(n, 3), durable=False)
    settle(bench)
    bench.transport.waits.clear()
    bench.publisher.work(0.2)
    assert bench.transport.waits[0] > 0.01


class Broken(ObedientTransport):
    """Acknowledges when told to, in any order, with any code; can lose its connection."""

    def __init__(self) -> None:
        super().__init__()
        self.acks = False
        self.open: dict[int, WireMessage] = {}
        self.most_open = 0
        self.taken: list[int] = []

    def start(self, options: Any, protocol: Any, will: Any) -> None:
        self.open.clear()
        super().start(options, protocol, will)

    def publish(self, message: WireMessage) -> int:
        token = super().publish(message)
        self.open[token] = message
        self.most_open = max(self.most_open, len(self.open))
        return token

    def answer(self, which: int, code: int) -> None:
        if self.open:
            token = list(self.open)[which % len(self.open)]
            message = self.open.pop(token)
            if code < 0x80:
                self.taken += longitudes([message])
            self._events.append(Acknowledged(token, code))

    def lose(self) -> None:
        self.open.clear()
        self._events.append(Lost("the test says so"))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4)),
        st.tuples(st.just("answer"), st.integers(0, 30)),
        st.tuples(st.just("refuse"), st.integers(0, 30)),
        st.tuples(st.just("lose"), st.just(0)),
        st.tuples(st.just("pass"), st.integers(0, 60)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, kbit_s=st.none() | st.integers(8, 200), window=st.integers(1, 8))
def test_whatever_happens_the_window_holds_and_all_arrive(
    steps: list[tuple[str, int]], kbit_s: int | None, window: int
) -> None:
    clock, put = ManualClock(), 0
    with tempfile.TemporaryDirectory() as folder:
        paced: dict[str, Any] = {} if kbit_s is None else {"backlog_kbit_s": kbit_s}
        bench = Bench(Path(folder), clock, ack="broker", window=window, **paced)
        link = Broken()
        bench.publisher._transport = link
        bench.publisher._out._transport = link
        bench.publisher._dialer._transport = link
        for what, number in steps:
            if what == "put":
                bench.outbox.put(position(put, number), durable=False)
                put += 1
            elif what in ("answer", "refuse"):
                link.answer(number, 0 if what == "answer" else 0x97)
            elif what == "lose":
                link.lose()
            else:
                clock.advance(number / 10)
            bench.work()
        for _ in range(3000):
            if not bench.outbox.pending():
                break
            link.answer(0, 0)
            clock.advance(0.3)
            bench.work()
        bench.outbox.close()
    assert set(link.taken) == set(range(put))
    assert link.most_open <= window


# --- the budget ---


def test_a_used_budget_holds_back_all_but_the_urgent(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, daily_mib=0.01)  # some 20 messages
    for n in range(60):
        bench.outbox.put(position(n, 3), durable=False)
    settle(bench, 20)
    first = len(longitudes(bench.transport.sent))
    assert 5 < first < 40
    stats = bench.publisher.stats()
    assert stats.budget is not None
    assert stats.budget.holding_back
    assert [finding.code for finding in budget_findings(stats)] == ["link_budget_used"]

    for n in range(100, 105):
        bench.outbox.put(position(n, n % 2), durable=False)
    settle(bench, 10)
    assert sorted(longitudes(bench.transport.sent)[first:]) == list(range(100, 105))
    bench.transport.waits.clear()
    bench.publisher.work(0.2)
    assert bench.transport.waits == [pytest.approx(0.2)]

    clock.advance(86_400)
    settle(bench, 6)
    assert len(longitudes(bench.transport.sent)) > first + 5
    assert budget_findings(bench.publisher.stats()) == [] or first > 0


# --- what a broker says no to ---


@pytest.mark.parametrize("code", [0x83, 0x97])
def test_a_refused_message_stays_is_tried_again_and_is_told(tmp_path: Path, code: int) -> None:
    refused = Manners(puback=lambda heard: code if b'"lon_deg"' in heard.payload else 0)
    with FakeBroker(refused) as broker, running(tmp_path, broker.port, ack="broker") as unit:
        unit.put(position(1, 1))
        assert wait_for(lambda: unit.publisher.stats().refused.get(f"0x{code:02x}", 0) >= 2)
        error = unit.publisher.stats().last_error or ""
        assert f"0x{code:02x}" in error
        assert ":" in error.partition("does not take our messages")[2]  # and what to do
        assert unit.outbox.pending() == 1
        broker.manners = Manners()
        assert wait_for(lambda: unit.outbox.pending() == 0, 20)


def test_a_broker_without_retained_messages_is_sent_none(tmp_path: Path) -> None:
    with (
        FakeBroker(Manners(retain_available=False)) as broker,
        running(tmp_path, broker.port, ack="broker") as unit,
    ):
        assert wait_for(lambda: unit.outbox.pending() == 0 and unit.publisher.stats().acked)
        assert broker.heard
        assert broker.breaches == []


# --- acks ---


def outgoing(sequence: int) -> Outgoing:
    row = Row(sequence, 1, "event", f"id-{sequence}", b"")
    return Outgoing(row=row, live=True, newest=True)


@given(
    st.lists(st.text(max_size=12) | st.sampled_from([f"id-{n}" for n in range(40)]), max_size=100),
    st.none() | st.integers(-(2**70), 2**70),
)
def test_a_hub_can_only_acknowledge_what_it_was_sent(ids: list[str], up_to: int | None) -> None:
    flight = InFlight("hub", 30)
    for number in range(1, 31):
        sent = flight.add(outgoing(number))
        if number <= 20:
            flight.sent(sent, number, 0.0)
    gone = flight.hub_has(ids, up_to)
    assert set(gone) <= set(range(1, 21))
    assert len(flight) == 30 - len(gone)


def test_hostile_acks_delete_nothing(tmp_path: Path) -> None:
    with FakeBroker() as broker, running(tmp_path, broker.port, window=5) as unit:
        for n in range(40):
            unit.put(position(n, 1))
        assert wait_for(lambda: unit.publisher.stats().awaiting_hub == 41)
        topic = "patrol/v1/dog-1/ack"
        foreign = [f"00000000-0000-7000-8000-{n:012x}" for n in range(1000)]
        for payload in (
            json.dumps({"ids": foreign}).encode(),
            b'{"up_to":0}',
            b'{"up_to":18446744073709551616}',
            b'{"up_to":"41"}',
            b'{"ids":[' + b'"x",' * 60_000 + b'"x"]}',
            b"[" * 100_000,
        ):
            broker.publish(topic, payload)
        broker.publish("patrol/v1/cat-2/ack", b'{"up_to":41}')
        broker.publish(topic, b'{"up_to":41}', retain=True)
        assert wait_for(lambda: unit.publisher.stats().down.get("retained") == 1)
        assert unit.publisher.stats().down.get("unknown_topic") == 1
        assert unit.outbox.pending() == 41

        broker.publish(topic, b'{"up_to":41}')
        assert wait_for(lambda: unit.outbox.pending() == 0)


# --- certificates ---


@needs_openssl
def test_a_replaced_certificate_is_seen_when_it_is_complete(tmp_path: Path) -> None:
    make_authority(tmp_path, "ca")
    make_certificate(tmp_path, "dog-1")
    clock = ManualClock()
    files = {name: tmp_path / f"dog-1.{end}" for name, end in (("cert", "crt"), ("key", "key"))}
    link = LinkOptions(
        host="x", port=1, client_id="dog-1", tls=True, ca=tmp_path / "ca.crt", **files
    )
    watch = CertificateWatch(link, clock)

    def looks(times: int = 1) -> bool:
        clock.advance(LOOK_EVERY_S * times + 1)
        return watch.replaced()

    assert not looks()
    old_key = files["key"].read_bytes()
    make_certificate(tmp_path, "dog-1", days=20)
    new_key = files["key"].read_bytes()
    files["key"].write_bytes(old_key)  # the certificate is there, its key is not yet
    assert not looks()
    assert not looks()
    assert "hub.tls" in (watch.error or "")
    files["key"].write_bytes(new_key)
    assert not looks()  # it may still be written
    assert looks()
    watch.in_use()
    assert watch.error is None
    assert not looks()


@needs_openssl
def test_the_unit_reconnects_with_a_new_certificate_in_good_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ssl

    from telemetry.link import certificates

    monkeypatch.setattr(certificates, "LOOK_EVERY_S", 0.3)
    make_authority(tmp_path, "ca")
    for name in ("broker", "dog-1"):
        make_certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "broker.crt", tmp_path / "broker.key")
    files = {
        "ca": tmp_path / "ca.crt",
        "cert": tmp_path / "dog-1.crt",
        "key": tmp_path / "dog-1.key",
    }
    with FakeBroker(tls=context) as broker:
        hub: dict[str, Any] = {"url": f"mqtts://127.0.0.1:{broker.port}", "tls": files}
        with running(tmp_path, broker.port, hub=hub, ack="broker") as unit:
            assert wait_for(lambda: unit.publisher.stats().acked)
            make_certificate(tmp_path, "dog-1", days=30)
            assert wait_for(lambda: broker.connections == 2, 20)
            assert broker.goodbyes == [0]  # no will told of a loss
            unit.put(position(1, 1))
            assert wait_for(lambda: unit.outbox.pending() == 0)


def test_new_files_that_cannot_be_used_are_a_fault(tmp_path: Path) -> None:
    stats = Bench(tmp_path, ManualClock()).publisher.stats()
    assert certificate_findings(stats) == []
    (found,) = certificate_findings(replace(stats, certificate_error="no"))
    assert found.code == "certificate_unusable"


# --- a client that hangs ---


def test_a_client_that_reports_nothing_is_replaced(tmp_path: Path) -> None:
    """Its thread may be stuck in a lock or in native code: what counts is that nothing comes."""
    clock = ManualClock()
    bench = Bench(tmp_path, clock)
    settle(bench)
    bench.transport.acks = False
    bench.outbox.put(position(1, 1), durable=False)
    began_s = clock.mono_s()
    session = bench.publisher.stats().session
    while bench.publisher.stats().session == session:
        clock.advance(0.25)
        bench.work()
        assert clock.mono_s() - began_s <= 30
    assert not bench.publisher.stalled
    bench.transport.acks = True
    settle(bench, 10)
    assert longitudes(bench.transport.sent).count(1) == 2


def test_a_publisher_that_hangs_is_told_to_systemd(tmp_path: Path) -> None:
    """No WATCHDOG=1 any more while messages wait for an answer and nothing is done about it."""
    clock = ManualClock()
    bench = Bench(tmp_path, clock)
    settle(bench)
    bench.transport.acks = False
    bench.outbox.put(position(1, 1), durable=False)
    settle(bench, 2)
    assert not bench.publisher.stalled
    clock.advance(40)  # and its thread does nothing
    assert bench.publisher.stalled


class Stuck(ObedientTransport):
    """Hangs in `publish`, as in a lock or in native code, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def publish(self, message: WireMessage) -> int:
        self.free.wait(60)
        return super().publish(message)


def test_a_publisher_frozen_in_native_code_feeds_the_watchdog_no_more(tmp_path: Path) -> None:
    """Real threads, a real notification socket: WATCHDOG=1 stops, and systemd restarts the unit."""
    bench = Bench(tmp_path, SystemClock())
    frozen = Stuck()
    bench.publisher._transport = frozen
    bench.publisher._out._transport = frozen
    bench.publisher._dialer._transport = frozen
    crew = Crew(stop_within_s=1.0)

    def publish(beat: Beat) -> None:
        while not crew.stop.is_set():
            beat()
            bench.publisher.work(0.05)

    work = Worker("publisher", publish, crew.stop, SystemClock(), essential=True, stuck_after_s=0.5)
    crew.workers.append(work)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "300000"}
        boss = Supervisor([crew], SystemdNotifier(environ), SystemClock())
        boss.start()
        assert wait_for(lambda: work.stuck, 20)
        with contextlib.suppress(BlockingIOError):
            while systemd.recv(100):
                pass
        ends_s = time.monotonic() + 1.0
        assert boss.watch(lambda timeout_s: time.sleep(timeout_s) or time.monotonic() > ends_s) == 0
        with pytest.raises(BlockingIOError):
            systemd.recv(100)  # nothing was told while it hung
        frozen.free.set()
        assert wait_for(lambda: not work.stuck, 20)
        ends_s = time.monotonic() + 1.0
        assert boss.watch(lambda timeout_s: time.sleep(timeout_s) or time.monotonic() > ends_s) == 0
        assert b"WATCHDOG=1" in systemd.recv(100)
        boss.stop()
