"""The kit on its broker: hears one unit, says what it is told to say, and writes down both."""

import json
from collections.abc import Callable
from typing import Any, Literal

from drivers.clock import Clock
from telemetry.conformance.transcript import Seen, Transcript
from telemetry.contract.down import HubState
from telemetry.contract.topics import Topics, hub_state_topic, up_filters
from telemetry.contract.uuid7 import uuid7
from telemetry.hub.record import Entry
from telemetry.link.dialer import Dialer
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    ProtocolVersion,
    Reached,
    Refused,
    SubscriptionRefused,
    Transport,
    TransportError,
    TransportEvent,
    WireMessage,
)

STEP_S = 0.5
NOTHING: frozenset[int] = frozenset()


class NoBrokerError(Exception):
    """The broker was not reached, or not in time."""


class Observer:
    """A hub in the hands of a script. One thread; nothing happens but while it waits."""

    def __init__(
        self,
        transport: Transport,
        link: LinkOptions,
        root: str,
        unit: str,
        clock: Clock,
        keep: Callable[[Entry], None] = lambda _entry: None,
    ) -> None:
        self._transport = transport
        self._link = link
        self._root = root
        self._clock = clock
        self._keep = keep
        self.topics = Topics(root, unit)
        self.transcript = Transcript((), root, unit)
        self._session = uuid7(clock.utc())
        self._dialer = Dialer(transport, link, "auto", lambda _n: self._state("offline"), clock)
        self._filters: tuple[str, ...] = (f"{root}/{unit}/#", hub_state_topic(root))
        self._sent_s: dict[int, float] = {}
        self.way_s: float | None = None  # the quickest PUBACK: the way to the broker and back
        self.acknowledging = False
        self.trouble = ""
        self.note("started")

    # --- life ---

    def connect(self, timeout_s: float) -> None:
        """Raises NoBrokerError."""
        if not self.until(lambda: self._dialer.up, timeout_s):
            raise NoBrokerError(self._dialer.last_error or "the broker does not answer")

    def close(self) -> None:
        """Say `offline`, and leave."""
        if self._dialer.up:
            self.publish(self._state("offline"))
            self._transport.disconnect()
            ends_s = self._clock.mono_s() + 1.0
            while not self._transport.idle and self._clock.mono_s() < ends_s:
                self._transport.wait(0.05)
        self._transport.abandon()
        self.note("ended")

    @property
    def protocol(self) -> ProtocolVersion:
        """What the broker speaks."""
        return self._dialer.protocol

    def until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Hear and answer until this is so, at most so long. Returns whether it is."""
        ends_s = self._clock.mono_s() + timeout_s
        while not done():
            left_s = ends_s - self._clock.mono_s()
            if left_s <= 0:
                return False
            self._transport.wait(min(left_s, STEP_S))
            for event in self._transport.events():
                self._handle(event)
            self._dialer.step()
        return True

    def listen(self, for_s: float) -> None:
        self.until(lambda: False, for_s)

    # --- saying ---

    def say(self, topic: str, payload: bytes, **more: Any) -> None:
        self.publish(WireMessage(topic=topic, payload=payload, **more))

    def publish(self, message: WireMessage) -> None:
        try:
            token = self._transport.publish(message)
        except TransportError as error:
            if self._dialer.up:
                self._lost(str(error))
            return
        self._sent_s[token] = self._clock.mono_s()
        self._write("out", message.topic, message.payload, retained=message.retain)

    def ack(self, **content: Any) -> None:
        self.say(self.topics.ack, json.dumps(content, separators=(",", ":")).encode())

    def begin_session(self) -> None:
        """Be a new hub to the units."""
        self._session = uuid7(self._clock.utc())
        self.publish(self._state("online"))

    def subscribe(self) -> None:
        """Also to be given what is retained once more."""
        self.note("subscribed")
        try:
            self._transport.subscribe(self._filters)
        except TransportError as error:
            self._lost(str(error))

    def note(self, what: str, **detail: Any) -> None:
        self._write("note", what, json.dumps(detail).encode() if detail else b"")

    def _state(self, state: Literal["online", "offline"]) -> WireMessage:
        data = HubState(
            state=state,
            hub=self._link.client_id,
            session=self._session,
            time=self._clock.utc(),
        )
        return WireMessage(
            topic=hub_state_topic(self._root), payload=data.model_dump_json().encode(), retain=True
        )

    # --- hearing ---

    def _handle(self, event: TransportEvent) -> None:
        match event:
            case Reached() | Refused():
                self._dialer.heard(event)
            case Connected(protocol):
                self._dialer.heard(event)
                self.note("connected", protocol=protocol)
                self.subscribe()
                self.begin_session()
            case Lost(text):
                self._lost(text)
            case Acknowledged(token):
                sent_s = self._sent_s.pop(token, None)
                if sent_s is not None:
                    took_s = self._clock.mono_s() - sent_s
                    self.way_s = min(took_s, self.way_s if self.way_s is not None else took_s)
            case SubscriptionRefused(topic, text):
                self._narrow(topic, text)
            case Arrived():
                self._hear(event)

    def _narrow(self, topic: str, text: str) -> None:
        """Some access rules let a hub hear what units say, and no more."""
        self.trouble = f"the broker does not let the kit hear {topic}: {text}"
        narrow = (*up_filters(self._root, self.topics.unit), hub_state_topic(self._root))
        if self._filters != narrow:
            self._filters = narrow
            self.subscribe()

    def _lost(self, text: str) -> None:
        self._dialer.hang_up(text)
        self._sent_s.clear()
        self.note("lost", text=text)

    def _hear(self, event: Arrived) -> None:
        self._write(
            "in",
            event.topic,
            event.payload,
            retained=event.retained,
            qos=event.qos,
            content_type=event.content_type,
            user_properties=event.user_properties,
        )
        if not self.acknowledging or event.retained or not self.transcript.seen:
            return
        last = self.transcript.seen[-1]
        if last.topic == event.topic and last.sequence is not None and last.id:
            self.ack(ids=[last.id])

    def _write(
        self, direction: Literal["in", "out", "note"], topic: str, payload: bytes, **more: Any
    ) -> None:
        entry = Entry(
            at=self._clock.utc(),
            mono_s=self._clock.mono_s(),
            direction=direction,
            topic=topic,
            payload=payload,
            **more,
        )
        self._keep(entry)
        self.transcript.add(entry)

    # --- what scripts ask ---

    def pending(self) -> frozenset[int]:
        """Numbers that came, and were not acknowledged."""
        return frozenset(self.transcript.first_of) - self.transcript.acked.keys()

    def came_since(self, at_s: float) -> list[Seen]:
        return [m for m in self.transcript.stored if m.at_s > at_s]

    @property
    def now_s(self) -> float:
        return self.transcript.ends_s
