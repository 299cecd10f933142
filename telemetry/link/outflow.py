"""What goes next, and whether it may: the window, the order, the pace, the budget."""

from dataclasses import dataclass, replace

from config.operations import DeliveryConfig
from telemetry.contract.envelope import CONTENT_TYPE, seal
from telemetry.contract.topics import RETAINED_LEAVES
from telemetry.link.in_flight import InFlight, Sent
from telemetry.link.metering import URGENT, Meter
from telemetry.link.pacing import Bucket, Reach
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import Connected, Transport, TransportError, WireMessage
from telemetry.outbox.outbox import Outbox
from telemetry.outbox.rows import PRIORITIES

HUB_WINDOW = 500  # sent, and the hub has not said yet that it has them
HUB_RESERVE = (200, 100, 0, 0, 0)  # beside it, for rows of this priority and more urgent ones
HEADER_BYTES = 200  # topic, properties and framing, amply
MOST_URGENT, LEAST_URGENT = 0, PRIORITIES - 1


@dataclass(slots=True)
class Tally:
    """Written by the publisher's thread; read by anyone."""

    sent: int = 0
    resent: int = 0
    too_large: str | None = None  # what a technician is told of the last one


class Outflow:
    """Used by the publisher's thread.

    Urgent messages pass all others: live ones, those due again, and, as soon as what is live has
    gone, those of the backlog. Then come the others that are due again, then the backlog, each by
    priority; these as far as the window, the reach and the bucket let them.
    """

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        status: StatusWriter,
        delivery: DeliveryConfig,
        meter: Meter,
    ) -> None:
        self._transport = transport
        self._outbox = outbox
        self._status = status
        self._most = delivery.window
        self._bucket = Bucket(delivery.backlog_kbit_s)
        self._reach = Reach()
        self._meter = meter
        self._limits = Connected("5")
        self._poured = False  # the bucket was found empty, and something waits for it
        self._released = False  # rows that were refused too often lie on the disk again
        self.window = delivery.window
        self.flight = InFlight(delivery.ack, delivery.resend_after_s)
        self.status_tokens: set[int] = set()
        self.picture_tokens: set[int] = set()
        self.tally = Tally()

    def begin(self, limits: Connected) -> None:
        """A connection stands, and this is what its broker allows."""
        self._limits = limits
        self.window = max(1, min(self._most, limits.receive_maximum))
        self._reach.begin()

    def end(self, now_s: float) -> None:
        """The connection has ended."""
        self.flight.connection_ended(now_s)
        self.status_tokens.clear()
        self.picture_tokens.clear()
        self._released = False  # they come with the next connection
        self._meter.save()

    @property
    def room(self) -> int:
        beside = len(self.status_tokens) + len(self.picture_tokens)
        return self.window - self.flight.on_wire - beside

    @property
    def free_for_pictures(self) -> bool:
        """All messages that may go have gone, and the link has room for something large."""
        spare = min(2, self.window)  # so that an alert finds a place in the window
        if self._meter.holding_back or self._meter.half_used:
            return False
        return self.room >= spare and self._reach.free

    @property
    def most_bytes(self) -> int | None:
        """The largest packet that the broker takes."""
        return self._limits.maximum_packet_bytes

    def next_s(self, now_s: float) -> float | None:
        """When something can be sent that cannot be now; None: it takes an event."""
        if self.room <= 0:
            return None
        due_s = self.flight.next_due_s(self._lowest())
        if due_s is not None and due_s <= now_s and not self._reach.free:
            due_s = None  # an acknowledgement rings the bell
        if self._poured:
            opens_s = self._bucket.opens_s(now_s)
            due_s = opens_s if due_s is None or due_s <= now_s else min(due_s, opens_s)
        return due_s

    def send(self, now_s: float) -> None:
        """Send what may be sent. Raises TransportError: then nothing is lost, all is due again."""
        self._lay_aside(self.flight.park_hopeless())
        self._poured = False
        if len(self.flight) >= HUB_WINDOW + HUB_RESERVE[URGENT]:
            self._pour(self._fresh(MOST_URGENT, live_only=False), now_s)
        self._pour(self._fresh(URGENT, live_only=True), now_s)
        self._pour(self._again(URGENT, now_s), now_s)
        holding_back = self._meter.holding_back
        if not holding_back:
            self._pour(self._fresh(LEAST_URGENT, live_only=True), now_s)
        self._pour(self._fresh(URGENT, live_only=False), now_s)
        if holding_back:
            return
        self._pour(self._again(LEAST_URGENT, now_s), now_s)
        if not self._poured and self._bucket.open(now_s):
            self._pour(self._fresh(LEAST_URGENT, live_only=False), now_s)
        else:
            self._poured = True

    def publish(self, message: WireMessage) -> int:
        """Hand over to the transport, and count the bytes. Raises TransportError."""
        if message.retain and not self._limits.retain:
            message = replace(message, retain=False)  # else the broker hangs up (MQTT 5, 3.2.2.3.5)
        token = self._transport.publish(message)
        self._meter.count(len(message.topic) + len(message.payload))
        return token

    def acknowledged(self, token: int, code: int, now_s: float) -> list[int]:
        """A PUBACK. Returns what may leave the disk."""
        if token in self.status_tokens:
            self.status_tokens.discard(token)
            return []
        self._reach.acknowledged(token, now_s)
        if self._released and code < 0x80:  # it takes messages again
            self._released = False
            self._outbox.begin_session()
        return self.flight.broker_answered(token, code, now_s)

    # --- what goes ---

    def _lowest(self) -> int:
        return URGENT if self._meter.holding_back else LEAST_URGENT

    def _again(self, lowest: int, now_s: float) -> list[Sent]:
        again = self.flight.due(now_s, self.room, lowest)
        self.tally.resent += sum(1 for sent in again if sent.attempts)
        return again

    def _fresh(self, lowest: int, *, live_only: bool) -> list[Sent]:
        limit = min(self.room, HUB_WINDOW + HUB_RESERVE[lowest] - len(self.flight))
        if lowest > URGENT and not self._reach.free:
            limit = 0
        taken = self._outbox.take(limit, lowest=lowest, live_only=live_only)
        return [self.flight.add(outgoing) for outgoing in taken]

    def _pour(self, rows: list[Sent], now_s: float) -> None:
        """Send these, as far as each may go now; the others are due again at once."""
        for number, sent in enumerate(rows):
            if not self._may_go(sent, now_s):
                self.flight.unsent(sent, now_s)
                continue
            try:
                self._send(sent, now_s)
            except TransportError:
                for left in rows[number:]:
                    self.flight.unsent(left, now_s)
                raise

    def _may_go(self, sent: Sent, now_s: float) -> bool:
        if sent.first or sent.outgoing.row.priority <= URGENT:
            return True
        if not self._reach.free:
            return False
        if not sent.historical or self._bucket.open(now_s):
            return True
        self._poured = True
        return False

    def _send(self, sent: Sent, now_s: float) -> None:
        row = sent.outgoing.row
        payload = seal(
            row.body, row.sequence, historical=sent.historical, sent=self._status.now()[0]
        )
        most = self._limits.maximum_packet_bytes
        if most is not None and len(payload) + HEADER_BYTES > most:
            self._refuse_too_large(row.sequence, len(payload), most, now_s)
            return
        message = WireMessage(
            topic=self._status.topics.up(row.kind),
            payload=payload,
            retain=row.kind in RETAINED_LEAVES and sent.outgoing.newest,
            content_type=CONTENT_TYPE,
        )
        token = self.publish(message)
        self.tally.sent += 1
        self.flight.sent(sent, token, now_s)
        size_bytes = len(payload) + HEADER_BYTES
        self._reach.sent(token, size_bytes, now_s)
        if sent.historical:
            self._bucket.spend(size_bytes)

    def _refuse_too_large(
        self, sequence: int, size_bytes: int, most_bytes: int, now_s: float
    ) -> None:
        cause = f"{size_bytes} bytes, and the broker takes {most_bytes}"
        self.tally.too_large = f"message {sequence} is too large ({cause})"
        self.flight.count_refusal("too_large", now_s)
        self.flight.forget([sequence])
        self._outbox.park([sequence], cause)

    def _lay_aside(self, hopeless: list[Sent]) -> None:
        """What the broker refuses while it takes others is parked. Where it takes nothing at all
        (its access rules are wrong, most often) the rows go back, and come again when it does."""
        for sent in hopeless:
            if sent.poison:
                cause = f"the broker refused it with code {sent.refused_with}"
                self._outbox.park([sent.sequence], cause, sent.refusals)
            else:
                self._outbox.release([sent.sequence])
                self._released = True
