"""The reference hub on its broker: hears all units, acknowledges at once, says it is there."""

import threading
from typing import Literal, Protocol

from drivers.clock import Clock
from telemetry.bell import Bell
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import Envelope
from telemetry.contract.topics import Topics, hub_state_topic, up_filters
from telemetry.contract.uuid7 import uuid7
from telemetry.hub.ledger import Arrival, HubLedger, UnitView
from telemetry.link.dialer import Dialer, ProtocolChoice
from telemetry.link.transport import (
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    Reached,
    Refused,
    SubscriptionRefused,
    Transport,
    TransportError,
    WireMessage,
)

ACK_WITHIN_S = 0.05  # what it has heard meanwhile, a unit that is killed now sends again
ACK_IDS = 100  # ids in one ack; so many are sent at once

AckStyle = Literal["ids", "up-to"]


class Ears(Protocol):
    """Who is told, in the thread that works, what is heard and said."""

    def heard(self, message: Arrived, arrival: Arrival) -> None:
        """For every message."""

    def said(self, message: WireMessage) -> None:
        """It was given to the broker's connection."""

    def noted(self, what: str) -> None:
        """`connected`, `lost`."""

    def settle(self) -> None:
        """Keep what was heard: it will be acknowledged when this returns."""


class HubLink:
    """One thread runs `work` in a loop; `ears` are called in it."""

    def __init__(
        self,
        transport: Transport,
        link: LinkOptions,
        protocol: ProtocolChoice,
        ledger: HubLedger,
        clock: Clock,
        ears: Ears,
        *,
        unit: str | None = None,
        acknowledge: AckStyle | None = "ids",
    ) -> None:
        """Acknowledges after `ears.settle` returned: what was heard is kept by then.

        Without `acknowledge` it only listens: units are not told that a hub is there.
        """
        self._ledger = ledger
        self._lock = threading.Lock()  # the ledger is read by others while it is written
        self._transport = transport
        self._link = link
        self._root = ledger.root
        self._clock = clock
        self._ears = ears
        self._unit = unit
        self._acknowledge = acknowledge
        self._session = uuid7(clock.utc())
        self._dialer = Dialer(transport, link, protocol, self._will, clock)
        self._to_ack: dict[str, list[Envelope]] = {}
        self._ack_at_s: float | None = None

    @property
    def connected(self) -> bool:
        return self._dialer.up

    @property
    def last_error(self) -> str | None:
        return self._dialer.last_error

    def views(self) -> tuple[UnitView, ...]:
        """All units heard so far. From any thread."""
        with self._lock:
            return self._ledger.views()

    @property
    def bell(self) -> Bell:
        """Ring it to end a `work` that waits."""
        return self._transport.bell

    def work(self, timeout_s: float) -> None:
        now_s = self._clock.mono_s()
        ends = (
            now_s + timeout_s,
            self._ack_at_s,
            None if self.connected else self._dialer.ends_s(),
        )
        self._transport.wait(max(0.0, min(end for end in ends if end is not None) - now_s))
        self._handle_events()
        self._dialer.step()
        if self._ack_at_s is not None and self._clock.mono_s() >= self._ack_at_s:
            self._send_acks()

    def close(self, timeout_s: float = 1.0) -> None:
        """Acknowledge what was heard, say `offline`, leave."""
        if self.connected:
            self._send_acks()
            if self._acknowledge:
                self._publish(self._state("offline"))
            self._transport.disconnect()
            ends_s = self._clock.mono_s() + timeout_s
            while not self._transport.idle and self._clock.mono_s() < ends_s:
                self._transport.wait(0.05)
        self._transport.abandon()

    def _handle_events(self) -> None:
        for event in self._transport.events():
            match event:
                case Arrived():
                    self._hear(event)
                case Reached() | Refused():
                    self._dialer.heard(event)
                case Connected():
                    self._dialer.heard(event)
                    self._ears.noted("connected")
                    self._greet()
                case Lost(text):
                    self._ears.noted("lost")
                    self._dialer.hang_up(text)
                case SubscriptionRefused(topic, text):
                    self._dialer.last_error = (
                        f"the broker does not let the hub hear {topic}: {text}"
                    )

    def _greet(self) -> None:
        try:
            self._transport.subscribe(up_filters(self._root, self._unit))
        except TransportError as error:
            self._dialer.hang_up(str(error))
            return
        if self._acknowledge:
            self._publish(self._state("online"))

    def _will(self, _session: int) -> WireMessage | None:
        """Called at the start of each connection: the hub misses what passes while it is away, so
        each is a new session, at which units send again what was not acknowledged."""
        self._session = uuid7(self._clock.utc())
        return self._state("offline") if self._acknowledge else None

    def _state(self, state: Literal["online", "offline"]) -> WireMessage:
        now = self._clock.utc()
        data = HubState(state=state, hub=self._link.client_id, session=self._session, time=now)
        return WireMessage(
            topic=hub_state_topic(self._root), payload=data.model_dump_json().encode(), retain=True
        )

    def _hear(self, message: Arrived) -> None:
        if message.topic == hub_state_topic(self._root):
            return  # what hubs say matches `+/state` too
        if not message.payload:
            return  # what was retained has been cleared, or a unit asks whether it may write
        with self._lock:
            arrival = self._ledger.receive(
                message.topic,
                message.payload,
                retained=message.retained,
                properties=message.user_properties,
            )
        self._ears.heard(message, arrival)
        if not (self._acknowledge and arrival.to_acknowledge):
            return
        if arrival.unit is None or arrival.received is None:
            return
        heard = self._to_ack.setdefault(arrival.unit, [])
        heard.append(arrival.received.envelope)
        if len(heard) >= ACK_IDS:
            self._send_acks()
        elif self._ack_at_s is None:
            self._ack_at_s = self._clock.mono_s() + ACK_WITHIN_S

    def _send_acks(self) -> None:
        # What cannot be sent now is not sent at all: the units send again, and are acked then.
        to_ack, self._to_ack, self._ack_at_s = self._to_ack, {}, None
        if to_ack:
            self._ears.settle()
        for unit, envelopes in to_ack.items():
            topic = Topics(self._root, unit).ack
            payload = self._ack(unit, envelopes).model_dump_json(exclude_defaults=True).encode()
            if self._publish(WireMessage(topic=topic, payload=payload)):
                with self._lock:
                    self._ledger.acknowledged(unit, [each.type for each in envelopes])

    def _ack(self, unit: str, envelopes: list[Envelope]) -> Ack:
        """By sequence only where the hub has everything from the unit's first message on."""
        up_to = self._ledger.whole_up_to(unit) if self._acknowledge == "up-to" else None
        ids = [e.id for e in envelopes if up_to is None or int(e.sequence or 0) > up_to]
        return Ack(ids=tuple(ids), up_to=up_to)

    def _publish(self, message: WireMessage) -> bool:
        try:
            self._transport.publish(message)
        except TransportError as error:
            if self._dialer.up:
                self._dialer.hang_up(str(error))
            return False
        self._ears.said(message)
        return True
