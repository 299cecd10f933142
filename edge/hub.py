"""The reference hub, running: `patrol-edge hub`, the demo and tests all use this."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config.addresses import broker_address
from drivers.clock import Clock, SystemClock
from telemetry.contract.uuid7 import uuid7
from telemetry.hub.ledger import Arrival, UnitView
from telemetry.hub.link import HubLink
from telemetry.link.dialer import ProtocolChoice
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import LinkOptions

STEP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSnapshot:
    """One look at the hub."""

    connected: bool
    last_error: str | None
    messages: int  # heard, whatever was wrong with them
    refused: int  # invalid, with the reason in `refusals`
    refusals: dict[str, int]
    units: tuple[UnitView, ...]
    newest: str  # the newest message, in a few words
    failure: OSError | None  # why it ended before it was told to


class ReferenceHub:
    """Runs in its own thread between `start` and `stop`.

    `on_arrival` is called in that thread for each message, before it is acknowledged. With
    `record`, every message is appended to that file, as a line of JSON, and flushed, before it is
    acknowledged. An OSError of either ends the hub: see `running` and `HubSnapshot.failure`.
    """

    def __init__(
        self,
        url: str,
        *,
        root: str = "patrol/v1",
        unit: str | None = None,
        record: Path | None = None,
        on_arrival: Callable[[Arrival], None] | None = None,
        acknowledge: bool = True,
        protocol: ProtocolChoice = "auto",
        options: LinkOptions | None = None,
    ) -> None:
        """`options` overrides what follows from `url`: TLS files, user, client id.

        Raises ValueError for a wrong address, OSError for a file that cannot be written.
        """
        clock = SystemClock()
        self._on_arrival = on_arrival
        self._record: IO[str] | None = record.open("a", encoding="utf-8") if record else None
        self._failure: OSError | None = None
        self._messages = 0
        self._refusals: Counter[str] = Counter()
        self._newest = ""
        self._lock = threading.Lock()
        self._link = HubLink(
            PahoTransport(),
            options or hub_options(url, clock),
            protocol,
            root,
            clock,
            self._heard,
            unit=unit,
            acknowledge=acknowledge,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Acknowledge what was heard, and leave, within two seconds. May be called twice."""
        self._stop.set()
        self._link.bell.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    @property
    def running(self) -> bool:
        """False before `start`, after `stop`, and after a failure, which `snapshot` tells."""
        return self._thread.is_alive()

    def wait_connected(self, timeout_s: float) -> bool:
        """True once the broker has accepted the hub."""
        waited = threading.Event()
        for _ in range(max(1, int(timeout_s / 0.02))):
            if self._link.connected:
                return True
            waited.wait(0.02)
        return self._link.connected

    def snapshot(self) -> HubSnapshot:
        """How things stand. From any thread."""
        with self._lock:
            return HubSnapshot(
                connected=self._link.connected,
                last_error=self._link.last_error,
                messages=self._messages,
                refused=self._refusals.total(),
                refusals=dict(self._refusals),
                units=self._link.views(),
                newest=self._newest,
                failure=self._failure,
            )

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._link.work(STEP_S)
        except OSError as error:
            # What cannot be kept is not acknowledged: it stays with the units.
            self._failure = error
        finally:
            self._link.close()
            if self._record is not None:
                with suppress(OSError):  # of what a full disk did not take, told above
                    self._record.close()

    def _heard(self, arrival: Arrival) -> None:
        with self._lock:
            self._messages += 1
            self._newest = in_words(arrival)
            if arrival.verdict == "invalid":
                self._refusals[arrival.cause] += 1
        self._keep(arrival)
        if self._on_arrival is not None:
            self._on_arrival(arrival)

    def _keep(self, arrival: Arrival) -> None:
        if self._record is None:
            return
        try:
            self._record.write(json.dumps(as_json(arrival)) + "\n")
            self._record.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._record.name) from error


def hub_options(url: str, clock: Clock) -> LinkOptions:
    """A hub that forgets: what it missed while away, units that wait for its ack send again.

    Raises ValueError for an address without sense; its text names the cure.
    """
    broker = broker_address(url)
    name = f"hub-{uuid7(clock.utc())[-12:]}"
    return LinkOptions(
        host=broker.host,
        port=broker.port,
        tls=broker.tls,
        client_id=name,
        clean_start=True,
        session_expiry_s=0,
    )


def in_words(arrival: Arrival) -> str:
    """One line for a person."""
    who = arrival.unit or arrival.topic
    if arrival.verdict != "accepted":
        return f"{who}: {arrival.verdict.replace('_', ' ')} {arrival.reason}".rstrip()
    if arrival.received is None:
        return f"{who}: {arrival.leaf}, {len(arrival.payload)} bytes"
    kind = arrival.received.envelope.type.removeprefix("patrol.")
    number = arrival.received.envelope.sequence or "-"
    return f"{who}: {kind} #{number}"


def as_json(arrival: Arrival) -> dict[str, object]:
    """The message and what became of it, for `--json` and the record."""
    try:
        message: object = json.loads(arrival.payload)
    except (ValueError, RecursionError):
        message = None
    found: dict[str, object] = {"topic": arrival.topic, "verdict": arrival.verdict}
    if arrival.reason:
        found["reason"] = arrival.reason
    if message is None:
        found["size_bytes"] = len(arrival.payload)
    return found | {"message": message}
