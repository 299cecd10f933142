"""One simulated unit on the wire: envelopes with its sequences, birth, will, acks, commands.

Speaks as `telemetry.link.publisher` does, with a queue in memory instead of on a disk.
"""

from random import Random
from typing import Literal

from edge.fleet.delivery import Delivery, Item, written
from edge.fleet.downlink import Downlink
from edge.fleet.life import Life
from edge.fleet.parts import UnitParts
from telemetry.contract.envelope import CONTENT_TYPE, seal
from telemetry.contract.topics import RETAINED_LEAVES
from telemetry.contract.up_message import UpMessage
from telemetry.link.dialer import BACKOFF_S
from telemetry.link.dialer import GREETING_S as UNSURE_S
from telemetry.link.paho_transport import PahoTransport
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    Lost,
    ProtocolVersion,
    Reached,
    Refused,
    SubscriptionRefused,
    TransportConfigError,
    TransportError,
    TransportEvent,
    WireMessage,
)

RESEND_S = 30.0  # as delivery.resend_after_s
GREETING_S = 10.0  # between the dialling and the broker's CONNACK
Parts = UnitParts["FleetUnit"]
Phase = Literal["off", "dialing", "greeting", "up", "leaving"]


class FleetUnit:
    """Used by the loop's thread only."""

    def __init__(
        self, name: str, status: StatusWriter, parts: Parts, dice: Random, sequence: int
    ) -> None:
        """`sequence`: the last one that was used in an earlier run, or 0."""
        self.name = name
        self.phase: Phase = "off"
        self.transport: PahoTransport | None = None
        self.life: Life | None = None  # set by whoever makes both
        self.sequence = sequence
        self._status = status
        self._parts, self._figures = parts, parts.figures
        self._dice = dice
        self._delivery = Delivery(parts.ack, RESEND_S)
        self._downlink = Downlink(
            status.topics, self._delivery, parts, self.tell, self._say_state, self._say_all
        )
        self._session = 0
        self._failures = 0
        self._tried: ProtocolVersion = "5"
        self._turn = 0  # grows with each link that failed: the next node of a cluster
        self._phase_s = parts.clock.mono_s()
        self._status_tokens: set[int] = set()
        self._room_limit = 65_535
        self.on_duty = True  # false between shifts, and at the end
        self._cut_off = False  # an outage

    @property
    def waiting(self) -> int:
        return self._delivery.waiting

    @property
    def unacked(self) -> int:
        return self._delivery.unacked

    @property
    def wanted(self) -> bool:
        """Whether it should be connected."""
        return self.on_duty and not self._cut_off

    # --- making ---

    def tell(self, data: UpMessage) -> None:
        """Give it a sequence and an envelope, and send it as soon as may be."""
        self.sequence += 1
        item = written(self._status.sender, data, self.sequence, *self._status.now())
        self._figures.made += 1
        if not self._delivery.put(item):
            self._figures.dropped += 1
        self.pump()

    def pump(self) -> None:
        """Send what may be sent."""
        if self.phase != "up":
            return
        now_s = self._parts.clock.mono_s()
        while self._room() > 0 and (item := self._delivery.take(now_s)) is not None:
            if not self._send(item, now_s):
                return

    def _room(self) -> int:
        return self._room_limit - self._delivery.on_wire - len(self._status_tokens)

    def _send(self, item: Item, now_s: float) -> bool:
        sent = self._status.now()[0]
        payload = seal(item.body, item.sequence, historical=item.historical, sent=sent)
        message = WireMessage(
            topic=self._status.topics.up(item.leaf),
            payload=payload,
            retain=item.leaf in RETAINED_LEAVES and self._delivery.is_newest(item),
            content_type=CONTENT_TYPE,
        )
        token = self._publish(message)
        if token is not None and item.first_sent_s is not None:
            self._figures.resent += 1
            self._figures.sent -= 1
        self._delivery.sent(item, -item.sequence if token is None else token, now_s)
        if token is None:
            self._lost()
        return token is not None

    def _publish(self, message: WireMessage) -> int | None:
        """The token; None if the connection is over."""
        if self.transport is None:
            return None
        try:
            token = self.transport.publish(message)
        except TransportError as error:
            self._figures.last_error = str(error)
            return None
        self._figures.sent += 1
        self._figures.bytes_sent += len(message.payload)
        self._parts.switchboard.has_written(self)
        return token

    # --- coming and going ---

    def connect(self) -> None:
        """Begin a new session."""
        self._session += 1
        will = self._status.write("offline", self._session)
        self.transport = self._parts.transport()
        self._tried = self._parts.switchboard.protocol
        self._enter("dialing")
        try:
            self.transport.start(self._parts.options(self.name, self._turn), self._tried, will)
        except TransportConfigError as error:
            self._handle(Refused("config", str(error)))

    def leave(self) -> None:
        """Off duty: say `stopping`, and go when the broker has it."""
        self.on_duty = False
        if self.phase == "up":
            self._enter("leaving")
            self._publish_status("stopping")
        elif self.phase != "leaving":
            self.drop()

    def report_for_duty(self, after_s: float = 0.0) -> None:
        """A shift begins: connect, after so long at the earliest."""
        self.on_duty = True
        self._return(after_s)

    def cut(self) -> None:
        """An outage: the link is gone without a word."""
        self._cut_off = True
        if self.phase not in ("off", "leaving"):
            self._figures.outages += self.phase == "up"
            self.drop()

    def mend(self) -> None:
        """The outage is over."""
        self._cut_off = False
        self._return(self._dice.uniform(0, BACKOFF_S[0]))

    def _return(self, after_s: float) -> None:
        if self.wanted and self.phase == "off":
            self._parts.switchboard.dial(self, after_s)

    def drop(self) -> None:
        """Nothing is left of the connection after this."""
        if self.transport is not None:
            self._parts.switchboard.gone(self)
            self.transport.abandon()
            self.transport = None
        self._status_tokens.clear()
        self._delivery.new_link()
        self._enter("off")

    def look_after(self) -> None:
        """Now and then: keep-alive, an answer that does not come, what is due again."""
        waited_s = self._parts.clock.mono_s() - self._phase_s
        if self.phase in ("greeting", "leaving") and waited_s > self._patience_s():
            self._handle(Refused("silent", "the broker accepts connections, but does not answer"))
        self.handle_events()
        self.pump()

    def _patience_s(self) -> float:
        """A broker that never greeted anyone in MQTT 5 may not know it, and say nothing."""
        given_up = self._tried != self._parts.switchboard.protocol
        unsure = self._tried == "5" and not self._figures.connects
        return UNSURE_S if given_up or unsure else GREETING_S

    def _lost(self) -> None:
        wanted = self.wanted
        self._turn += 1
        self.drop()
        if wanted:
            longest_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
            self._failures += 1
            self._parts.switchboard.dial(self, longest_s * self._dice.uniform(0.5, 1.0))

    def _enter(self, phase: Phase) -> None:
        self.phase, self._phase_s = phase, self._parts.clock.mono_s()

    # --- hearing ---

    def handle_events(self) -> None:
        if self.transport is not None:
            for event in self.transport.events():
                self._handle(event)
            self._parts.switchboard.has_written(self)

    def _handle(self, event: TransportEvent) -> None:
        match event:
            case Reached():
                self._enter("greeting")
            case Connected():
                self._greet(event)
            case Refused(cause, text):
                self._figures.failed[cause] += 1
                self._figures.last_error = text
                self._parts.switchboard.refused(event, self._tried)
                self._lost()
            case Lost(text):
                if self.wanted:
                    self._figures.lost += 1
                    self._figures.last_error = text
                self._lost()
            case Acknowledged(token, code):
                self._acknowledged(token, code)
            case Arrived():
                self._downlink.hear(event)
                self.pump()
            case SubscriptionRefused(topic, why):
                self._figures.last_error = f"the broker does not let units hear {topic}: {why}"
                self._figures.bad_down["subscription_refused"] += 1

    def _greet(self, event: Connected) -> None:
        """Hear, say `online`, then the state, then everything else."""
        if self.transport is None or not self.wanted:
            self.drop()
            return
        self._delivery.new_link()
        self._failures = 0
        self._figures.connects += 1
        self._room_limit = event.receive_maximum
        self._enter("up")
        topics = self._status.topics
        try:
            self.transport.subscribe((topics.ack, topics.command, topics.hub_state))
        except TransportError as error:
            self._figures.last_error = str(error)
            self._lost()
            return
        self._publish_status("online")
        self._say_state()

    def _publish_status(self, state: Literal["online", "stopping"]) -> None:
        token = self._publish(self._status.write(state, self._session))
        if token is None:
            self._lost()
        else:
            self._status_tokens.add(token)

    def _acknowledged(self, token: int, code: int) -> None:
        now_s = self._parts.clock.mono_s()
        if token in self._status_tokens:
            self._status_tokens.discard(token)
            if self.phase == "leaving" and not self._status_tokens and self.transport is not None:
                self.transport.disconnect()
                self.drop()
        elif code >= 0x80:
            self._figures.refused[f"0x{code:02x}"] += 1
            self._delivery.broker_refused(token, now_s)
        elif (item := self._delivery.broker_has(token, now_s)) is not None:
            self._figures.broker_acked += 1
            self._figures.puback.add(now_s - item.sent_s)
        self.pump()

    def _say_state(self) -> None:
        if self.life is not None:
            self.tell(self.life.state())

    def _say_all(self) -> None:
        self._say_state()
        if self.life is not None:
            self.tell(self.life.health())
