"""The bench's small unit on a real broker, in a thread of its own."""

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from drivers.clock import SystemClock
from telemetry.commands.jws import PrivateKey
from telemetry.hub.client import Client
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Arrived, LinkOptions, WireMessage
from tests.bench_unit import ROOT, UNIT, BenchUnit, StepClock


class RealClock(StepClock):
    """The computer's."""

    def __init__(self) -> None:
        super().__init__()
        self._clock = SystemClock()

    def mono_s(self) -> float:
        return self._clock.mono_s()

    def utc(self) -> datetime:
        return datetime.now(UTC)


class LiveBench:
    """`unit` may be looked at; only the thread changes it."""

    def __init__(self, port: int, key: PrivateKey, *flaws: str) -> None:
        self.unit = BenchUnit(RealClock(), key, frozenset(flaws))
        self.unit.publish = self._publish
        link = LinkOptions(
            host="127.0.0.1", port=port, client_id=UNIT, clean_start=True, session_expiry_s=0
        )
        topics = (f"{ROOT}/{UNIT}/ack", f"{ROOT}/{UNIT}/command", f"{ROOT}/hub/state")
        self._client = Client(PahoTransport(), link, SystemClock(), self._hear, topics)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self._client.connect(10)
        self.unit.connect()
        while not self._stop.is_set():
            self._client.until(lambda: False, 0.05)
            self.unit.step()
        self._client.leave()

    def _publish(
        self, topic: str, payload: bytes, retain: bool, content_type: str | None, qos: int
    ) -> None:
        self._client.publish(
            WireMessage(topic=topic, payload=payload, retain=retain, content_type=content_type)
        )

    def _hear(self, message: Arrived) -> None:
        self.unit.hear(message.topic, message.payload, retained=message.retained)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(10)
