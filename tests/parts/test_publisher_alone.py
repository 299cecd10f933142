"""The publisher without a broker: a transport that does as told, a clock that the test moves."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.operations import DeliveryConfig
from drivers.clock import Clock
from telemetry.contract.envelope import Sender
from telemetry.contract.topics import Topics
from telemetry.contract.unit import Link
from telemetry.contract.wire_types import TEXT_LENGTH, TimeQuality
from telemetry.link.in_flight import InFlight
from telemetry.link.publisher import Publisher
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import (
    Acknowledged,
    Connected,
    LinkOptions,
    ProtocolVersion,
    Reached,
    TransportEvent,
    WireMessage,
)
from telemetry.outbox.facts import Outgoing
from telemetry.outbox.outbox import Outbox
from telemetry.outbox.rows import Row
from tests.fakes import ManualClock
from tests.unit_under_test import position


class ObedientTransport:
    """Connects at once; acknowledges at once while `acks` is set. Notes how long it should wait."""

    def __init__(self) -> None:
        self.bell = threading.Event()
        self.acks = True
        self.waits: list[float] = []
        self.sent: list[WireMessage] = []
        self.idle = True
        self._events: list[TransportEvent] = []

    def start(
        self, _options: LinkOptions, protocol: ProtocolVersion, _will: WireMessage | None
    ) -> None:
        self._events += [Reached(), Connected(protocol)]

    def events(self) -> list[TransportEvent]:
        found, self._events = self._events, []
        return found

    def wait(self, timeout_s: float) -> None:
        self.waits.append(timeout_s)

    def publish(self, message: WireMessage) -> int:
        self.sent.append(message)
        if self.acks:
            self._events.append(Acknowledged(len(self.sent), 0))
        return len(self.sent)

    def subscribe(self, topics: tuple[str, ...]) -> None:
        pass

    def disconnect(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class Bench:
    """An outbox and a publisher that the test works by hand."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        now: Callable[[], tuple[datetime, TimeQuality]] | None = None,
        **delivery: float,
    ) -> None:
        sender = Sender(unit="dog-1", boot_id="boot")
        self.transport = ObedientTransport()
        self.outbox = Outbox(folder / "outbox.db", sender, clock, 64 * 2**20)
        status = StatusWriter(
            topics=Topics("patrol/v1", "dog-1"),
            sender=sender,
            now=now or (lambda: (clock.utc(), "ntp")),
            unit_kind="robot_dog",
            software="patrol-edge test",
        )
        self.publisher = Publisher(
            self.transport,
            self.outbox,
            status,
            LinkOptions(host="broker", port=1883, client_id="dog-1"),
            DeliveryConfig(**delivery),
            "5",
            list,
            clock,
        )

    def work(self) -> None:
        self.outbox.work(0)
        self.publisher.work(0.2)


def test_a_full_window_waits_for_the_broker_and_not_in_a_busy_loop(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, resend_after_s=1, window=10)
    for n in range(30):
        bench.outbox.put(position(n), durable=False)
    for _ in range(20):
        clock.advance(0.01)
        bench.work()
    assert bench.publisher.stats().awaiting_hub == 30

    bench.transport.acks = False
    clock.advance(1.0)  # all 30 are due again, 10 may be on the wire
    bench.work()
    assert bench.publisher.stats().unacked == 10
    bench.transport.waits.clear()
    bench.work()

    assert bench.transport.waits == [pytest.approx(0.2)]


def test_what_waits_for_the_birth_does_not_wait_in_a_busy_loop(tmp_path: Path) -> None:
    clock = ManualClock()
    bench = Bench(tmp_path, clock, resend_after_s=1)
    bench.outbox.put(position(), durable=False)
    for _ in range(4):
        clock.advance(0.3)
        bench.work()
    unborn = bench.outbox.put(position(), durable=False)
    bench.publisher._births.receipts = [unborn]
    bench.publisher._dialer.phase_s = clock.mono_s()
    clock.advance(1.0)  # the row is due again, the birth is not on the disk yet
    bench.transport.waits.clear()
    bench.publisher.work(5.0)

    assert bench.transport.waits == [pytest.approx(1.0)]  # until the birth has had its 2 s


def test_figures_are_never_negative_whatever_happens_meanwhile(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ManualClock())
    flight = bench.publisher._flight
    outgoing = Outgoing(row=Row(1, 1, "event", "id-1", b""), live=True, newest=True)
    flight.sent(flight.add(outgoing), 1, 0.0)
    flight.hub_has(["id-1"], None)  # before the broker's own acknowledgement

    stats = bench.publisher.stats()

    assert (stats.unacked, stats.awaiting_hub) == (1, 0)


def test_figures_that_change_between_two_looks_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher's thread may run between any two reads of another's."""
    bench = Bench(tmp_path, ManualClock())
    looks = iter([3, 9])
    monkeypatch.setattr(InFlight, "on_wire", property(lambda _: next(looks)))
    monkeypatch.setattr(InFlight, "__len__", lambda _: 5)

    stats = bench.publisher.stats()

    assert (stats.unacked, stats.awaiting_hub) == (3, 2)


def test_counts_that_were_read_do_not_change_any_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ManualClock())
    publisher, keeper = bench.publisher, bench.outbox._keeper
    # Had they grown in place, whoever copies them meanwhile would fall over with a RuntimeError.
    seen = (publisher._down, publisher._flight.refusals, keeper.tally.since_start)

    publisher._count_down("retained")
    publisher._flight.count_refusal("0x87", 0.0)
    keeper.tally.count({"corrupt_file": 1})

    assert seen == (Counter(), Counter(), Counter())
    assert publisher.stats().down == {"retained": 1}
    assert publisher.stats().refused == {"0x87": 1}
    assert bench.outbox.stats().drops == {"corrupt_file": 1}


def test_all_times_on_the_wire_are_of_the_clock_that_the_quality_speaks_of(tmp_path: Path) -> None:
    """The computer believes in 1970, a receiver knows better."""
    clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    true = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    bench = Bench(tmp_path, clock, lambda: (true, "gnss"))
    receipt = bench.outbox.put(position(), durable=False)
    for _ in range(4):
        clock.advance(0.3)
        bench.work()

    status, sent = (json.loads(message.payload) for message in bench.transport.sent)
    assert (status["time"], status["timequality"]) == ("2026-11-22T12:00:00.000Z", "gnss")
    assert status["senttime"] == sent["senttime"] == status["time"]
    since = bench.publisher.stats().since
    assert since is not None
    assert timedelta(0) <= true - since < timedelta(seconds=2)
    unix_ms = int(receipt.id.replace("-", "")[:12], 16)
    assert unix_ms / 1000 == pytest.approx(position().time.timestamp(), abs=60)


def test_an_error_text_fits_the_wire_whatever_it_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ManualClock())
    bench.publisher._dialer.last_error = "cannot read /" + "x\udcff\n" * 300

    error = bench.publisher.stats().last_error

    assert error is not None
    assert len(error) == TEXT_LENGTH
    assert Link(connected=False, last_error=error).model_dump_json()
