"""A whole telemetry chain for tests: outbox and publisher, each worked by its own thread."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.models import HubConfig
from config.operations import DeliveryConfig
from drivers.clock import Clock, SystemClock
from telemetry.contract.envelope import Draft, Sender
from telemetry.contract.topics import Topics
from telemetry.contract.unit import Position, State
from telemetry.contract.uuid7 import uuid7
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.publisher import Publisher
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import Transport, link_options
from telemetry.outbox.facts import Receipt
from telemetry.outbox.outbox import Outbox


def now() -> datetime:
    return datetime.now(UTC)


def position(number: int = 0, priority: int | None = None) -> Draft:
    data = Position(lat_deg=10.0, lon_deg=number / 1e6, source="gnss", fix="3d")
    return Draft(
        data=data,
        time=now(),
        time_quality="gnss",
        priority=data.PRIORITY if priority is None else priority,
    )


def state() -> Draft:
    return Draft.of(State(unit_kind="robot_dog"), now(), "ntp")


def wait_for(condition: Callable[[], Any], timeout_s: float = 10.0) -> bool:
    """True as soon as the condition holds; False if it never does in time."""
    ends = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


class UnitUnderTest:
    """`put` from the test; two threads do the rest, as two workers of the runtime do."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        unit: str = "dog-1",
        max_bytes: int = 64 * 2**20,
        hub: dict[str, Any] | None = None,
        birth: Callable[[], Sequence[Draft]] = lambda: [state()],
        carrier: Transport | None = None,
        clock: Clock | None = None,
        **delivery: Any,
    ) -> None:
        clock = clock or SystemClock()
        sender = Sender(unit=unit, boot_id=uuid7(now()))
        config = HubConfig(**({"url": f"mqtt://127.0.0.1:{port}"} | (hub or {})))
        self.outbox = Outbox(folder / "outbox.db", sender, clock, max_bytes)
        status = StatusWriter(
            topics=Topics(config.root, unit),
            sender=sender,
            now=lambda: (clock.utc(), "ntp"),
            unit_kind="robot_dog",
            software="patrol-edge test",
        )
        self.publisher = Publisher(
            carrier or PahoTransport(),
            self.outbox,
            status,
            link_options(config, unit),
            DeliveryConfig(**delivery),
            config.protocol,
            birth,
            clock,
        )
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(work,), daemon=True)
            for work in (self.outbox.work, self.publisher.work)
        ]
        for thread in self._threads:
            thread.start()

    def _loop(self, work: Callable[[float], None]) -> None:
        while not self._stop.is_set():
            work(0.2)

    def put(self, draft: Draft, *, durable: bool = True) -> Receipt:
        return self.outbox.put(draft, durable=durable)

    def stop(self, *, politely: bool = True) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive(), "a worker hangs"
        if politely:
            self.publisher.close()
        else:
            self.publisher._transport.abandon()
        self.outbox.close()


@contextlib.contextmanager
def running(*args: Any, **kwargs: Any) -> Any:
    unit = UnitUnderTest(*args, **kwargs)
    try:
        yield unit
    finally:
        unit.stop()
