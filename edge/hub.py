"""The reference hub, running: `patrol-edge hub`, the demo and tests all use this."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.addresses import broker_address
from drivers.clock import Clock, SystemClock
from edge.hub_words import in_words
from telemetry.contract.uuid7 import uuid7
from telemetry.hub import pictures
from telemetry.hub.ledger import Arrival, HubLedger, UnitView
from telemetry.hub.link import AckStyle, HubLink
from telemetry.hub.memory import load, save
from telemetry.hub.record import Direction, Entry, Recorder, read_record, record_parts
from telemetry.hub.replay import Judgement
from telemetry.link.dialer import ProtocolChoice
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.transport import Arrived, LinkOptions, WireMessage

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What the hub keeps on disk, and where."""

    record: Path | None = None  # every message, as it came
    record_max_bytes: int | None = None  # then the file is renamed, and a new one begun
    state: Path | None = None  # which messages it has, over restarts
    pictures: Path | None = None  # a folder: good ones, by unit


class ReferenceHub:
    """Runs in its own thread between `start` and `stop`.

    `on_arrival` is called in that thread for each message, before it is acknowledged. What
    `keeping` names is on the disk before a message is acknowledged. An OSError of either ends the
    hub: see `running` and `HubSnapshot.failure`.
    """

    def __init__(
        self,
        url: str,
        *,
        root: str = "patrol/v1",
        unit: str | None = None,
        keeping: Keeping | None = None,
        on_arrival: Callable[[Arrival], None] | None = None,
        acknowledge: bool | AckStyle = True,
        protocol: ProtocolChoice = "auto",
        options: LinkOptions | None = None,
    ) -> None:
        """`options` overrides what follows from `url`: TLS files, user, client id.

        Without `keeping.state` it takes up what a record holds already. Raises ValueError for a
        wrong address, OSError for a file that cannot be used, BadMemoryError for a wrong state.
        """
        self._clock = clock = SystemClock()
        self._keeping = keeping or Keeping()
        self._ledger = HubLedger(root)
        self._remember()
        self._on_arrival = on_arrival
        self._recorder = _recorder(self._keeping)
        self._failure: OSError | None = None
        self._messages = 0
        self._refusals: Counter[str] = Counter()
        self._newest = ""
        self._lock = threading.Lock()
        self._link = HubLink(
            PahoTransport(),
            options or hub_options(url, clock),
            protocol,
            self._ledger,
            clock,
            self,
            unit=unit,
            acknowledge=("ids" if acknowledge else None) if isinstance(acknowledge, bool)
            else acknowledge,
        )  # fmt: skip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)
        self.noted("started")

    def _remember(self) -> None:
        """What an earlier run has had."""
        if self._keeping.state is not None:
            load(self._ledger, self._keeping.state)
        elif self._keeping.record is not None:
            judgement = Judgement(self._ledger)
            for part in record_parts(self._keeping.record):
                for each in read_record(part):
                    judgement.take(each)

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
            self._leave()

    def _leave(self) -> None:
        try:
            self._link.close()
            self.settle()
        except OSError as error:
            self._failure = self._failure or error
        finally:
            if self._recorder is not None:
                self._recorder.close()

    # --- what the link tells, in the hub's thread ---

    def heard(self, message: Arrived, arrival: Arrival) -> None:
        with self._lock:
            self._messages += 1
            self._newest = in_words(arrival)
            if arrival.verdict == "invalid":
                self._refusals[arrival.cause] += 1
        if self._keeping.pictures is not None:
            _keep_picture(self._keeping.pictures, arrival)
        if self._recorder is not None:
            self._recorder.write(
                Entry(
                    at=self._clock.utc(),
                    mono_s=self._clock.mono_s(),
                    direction="in",
                    topic=message.topic,
                    payload=message.payload,
                    retained=message.retained,
                    qos=message.qos,
                    content_type=message.content_type,
                    user_properties=message.user_properties,
                    verdict=arrival.verdict,
                )
            )
        if self._on_arrival is not None:
            self._on_arrival(arrival)

    def said(self, message: WireMessage) -> None:
        self._write("out", message.topic, message.payload, retained=message.retain)

    def noted(self, what: str) -> None:
        self._write("note", what, b"")

    def settle(self) -> None:
        if self._recorder is not None:
            self._recorder.settle()
        if self._keeping.state is not None:
            save(self._ledger, self._keeping.state)

    def _write(
        self, direction: Direction, topic: str, payload: bytes, *, retained: bool = False
    ) -> None:
        if self._recorder is not None:
            self._recorder.write(
                Entry(
                    at=self._clock.utc(),
                    mono_s=self._clock.mono_s(),
                    direction=direction,
                    topic=topic,
                    payload=payload,
                    retained=retained,
                )
            )


def _keep_picture(folder: Path, arrival: Arrival) -> None:
    if arrival.leaf == "snapshot" and arrival.verdict == "accepted" and arrival.unit:
        pictures.keep(folder, arrival.unit, arrival.topic, arrival.payload)


def _recorder(keeping: Keeping) -> Recorder | None:
    if keeping.record is None:
        return None
    return Recorder(keeping.record, keeping.record_max_bytes)


def hub_options(url: str, clock: Clock) -> LinkOptions:
    """A hub that forgets: what it missed while away, units that wait for its ack send again.

    Raises ValueError for an address without sense; its text names the cure.
    """
    broker = broker_address(url)
    return LinkOptions(
        host=broker.host,
        port=broker.port,
        tls=broker.tls,
        client_id=hub_name(clock),
        clean_start=True,
        session_expiry_s=0,
    )


def hub_name(clock: Clock) -> str:
    """A client id, and the name of a hub, that no other has."""
    return f"hub-{uuid7(clock.utc())[-12:]}"
