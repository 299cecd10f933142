"""From the outbox to the hub: connects, keeps its window full, and believes only acknowledgements.

One worker thread runs `work` in a loop. The disk is the queue: nothing waits in the MQTT library.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from config.language import said, tell
from config.operations import DeliveryConfig
from drivers.clock import Clock
from telemetry.bell import Bell
from telemetry.contract.down import Ack, HubState
from telemetry.contract.envelope import BadMessageError, Draft, read_down
from telemetry.contract.wire_types import text
from telemetry.link.births import Births
from telemetry.link.certificates import CertificateWatch
from telemetry.link.dialer import Dialer, ProtocolChoice
from telemetry.link.facts import PublisherStats
from telemetry.link.metering import Meter
from telemetry.link.outflow import Outflow
from telemetry.link.picture_flow import PictureFlow
from telemetry.link.probe import Probe
from telemetry.link.refusals import why_not_taken
from telemetry.link.status_writer import StatusWriter
from telemetry.link.transport import (
    Acknowledged,
    Arrived,
    Connected,
    LinkOptions,
    Lost,
    Reached,
    Refused,
    SubscriptionRefused,
    Transport,
    TransportError,
    TransportEvent,
    WireMessage,
)
from telemetry.outbox.outbox import Outbox

UNHEARD_S = 15.0  # a message that no hub has acknowledged for so long: nobody listens


class Publisher:
    """See the module. Making one does not connect."""

    def __init__(  # noqa: PLR0913 - all that it is wired to
        self,
        transport: Transport,
        outbox: Outbox,
        status: StatusWriter,
        link: LinkOptions,
        delivery: DeliveryConfig,
        protocol: ProtocolChoice,
        birth: Callable[[], Sequence[Draft]],
        clock: Clock,
        *,
        budget_file: Path | None = None,
    ) -> None:
        """`birth` gives what a hub must know first, in general one State; it is stored and sent
        each time a connection stands, before anything else. `budget_file`: where the bytes of
        the day are kept, on a metered link."""
        self._transport = transport
        self._outbox = outbox
        self._status = status
        self._clock = clock
        self._meter = Meter(budget_file, delivery.daily_mib, status.now, clock)
        self._out = Outflow(transport, outbox, status, delivery, self._meter)
        self._flight = self._out.flight
        self._certificates = CertificateWatch(link, clock)
        self._dialer = Dialer(transport, link, protocol, self._will, clock)
        self._births = Births(outbox, birth, clock)
        self._hub: HubState | None = None
        self._acked, self._acked_s = 0, clock.mono_s()
        self._down: Counter[str] = Counter()
        self._on_command: Callable[[Arrived], None] | None = None
        self._rebirth_wanted = False
        self._status_wanted = False
        self._unheard_topics: tuple[str, ...] = ()
        self._probe = Probe()
        self._pictures: PictureFlow | None = None
        outbox.attach(transport.bell)

    def carry_pictures(self, pictures: PictureFlow) -> None:
        """Send these, too, where messages leave room for it."""
        self._pictures = pictures

    def hear_commands(self, on_command: Callable[[Arrived], None]) -> None:
        """Hand on what comes down as commands. `on_command` must return at once."""
        self._on_command = on_command

    def rebirth(self) -> None:
        """Tell a hub again what it must know first. Any thread."""
        self._rebirth_wanted = True
        self._transport.bell.set()

    def tell_config(self, version: str) -> None:
        """Another configuration is in force: the status says so at once. Any thread."""
        self._status = replace(self._status, config_version=version)
        self._status_wanted = True
        self._transport.bell.set()

    @property
    def bell(self) -> Bell:
        """Ring it to end a `work` that waits."""
        return self._transport.bell

    def work(self, timeout_s: float) -> None:
        """Do what is due, waiting at most `timeout_s` for it. Raises nothing for a bad link."""
        self._transport.wait(self._patience_s(timeout_s))
        for event in self._transport.events():
            self._handle(event)
        self._dialer.step()
        if self._dialer.up:
            if self._status_wanted:
                self._status_wanted = False
                self._publish_status("online")
            if self._rebirth_wanted:
                self._rebirth_wanted = False
                self._births.give(again=True)
            self._keep_sending(self._clock.mono_s())
            self._try(self._clock.mono_s())

    def close(self, timeout_s: float = 1.5) -> None:
        """Say `stopping` and leave, within `timeout_s`. What is not delivered stays on the disk."""
        ends_s = self._clock.mono_s() + timeout_s
        if self._dialer.up and self._publish_status("stopping"):
            self._wait_until(lambda: not self._out.status_tokens, ends_s - timeout_s / 3)
            self._transport.disconnect()
            self._wait_until(lambda: self._transport.idle, ends_s)
        self._transport.abandon()
        self._outbox.end_session()
        self._meter.save()
        self._dialer.hang_up("closed")

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the unit, now."""
        return self._dialer.up

    @property
    def heard_mono_s(self) -> float:
        """When something came from the broker last, while the hub is not known to be away."""
        return self._probe.heard_mono_s

    def try_link(self, every_s: float | None) -> None:
        """Have the broker answer so often, by sending the same `online` again; None: as it comes.

        A dead link is noticed late otherwise (1.5 times the keep-alive). Thread of `work` only.
        """
        self._probe.every_s = every_s

    def _try(self, now_s: float) -> None:
        again = None if self._out.status_tokens else self._probe.due(now_s)
        if again is not None:
            self._publish(again)

    @property
    def stalled(self) -> bool:
        """Messages wait for an answer far longer than this class lets them: only a restart helps.

        From any thread.
        """
        return self._flight.stalled(self._clock.mono_s())

    def stats(self) -> PublisherStats:
        """From any thread. Each figure is read once, since the publisher goes on meanwhile."""
        dialer, up, since_s = self._dialer, self._dialer.up, self._dialer.since_s
        on_wire, rows = self._flight.on_wire, len(self._flight)
        error, refused_s = dialer.last_error, self._flight.refused_s
        unheard_s, now_s = self._flight.unheard_since_s(), self._clock.mono_s()
        return PublisherStats(
            connected=up,
            protocol=dialer.protocol if up else None,
            since=self._status.now()[0] - timedelta(seconds=now_s - since_s),
            session=dialer.session,
            reconnects=max(0, dialer.connections - 1),
            unacked=on_wire,
            # A hub that acknowledges before its broker leaves a row on the wire, and nowhere else.
            awaiting_hub=max(0, rows - on_wire),
            sent=self._out.tally.sent,
            resent=self._out.tally.resent,
            acked=self._acked,
            hub_online=None if self._hub is None else self._hub.state == "online",
            last_error=None if error is None else text(error),
            refused=dict(self._flight.refusals),
            refused_s=None if refused_s is None else now_s - refused_s,
            unheard_s=None if unheard_s is None else now_s - max(unheard_s, since_s, self._acked_s),
            unheard_topics=self._unheard_topics,
            down=dict(self._down),
            budget=self._meter.figures(),
            certificate_error=self._certificates.error,
        )

    # --- connecting ---

    def _hang_up(self, why: str, *, soon: bool = False) -> None:
        self._dialer.hang_up(why, soon=soon)
        self._outbox.end_session()
        self._out.end(self._clock.mono_s())
        if self._pictures is not None:
            self._pictures.connection_ended()

    def _will(self, session: int) -> WireMessage:
        """Asked for when a connection begins, which reads the certificates anew."""
        self._certificates.in_use()
        return self._status.write("offline", session)

    def _greet(self, event: Connected) -> None:
        """The order of a birth: hear, say `online`, then the state, then everything else."""
        self._out.begin(event)
        self._unheard_topics = ()
        topics = self._status.topics
        try:
            self._transport.subscribe((topics.ack, topics.command, topics.hub_state))
        except TransportError as error:
            self._hang_up(said(error))
            return
        if self._publish_status("online"):
            self._outbox.begin_session()
            self._flight.send_first(born.sequence for born in self._births.receipts)
            self._births.give()

    def _publish_status(self, state: Literal["online", "stopping"]) -> bool:
        message = self._status.write(state, self._dialer.session)
        self._probe.question = message if state == "online" else None
        return self._publish(message)

    def _publish(self, status: WireMessage) -> bool:
        try:
            token = self._out.publish(status)
        except TransportError as error:
            self._hang_up(said(error))
            return False
        self._out.status_tokens.add(token)
        return True

    # --- sending ---

    def _keep_sending(self, now_s: float) -> None:
        if (silence := self._flight.silence(now_s)) is not None:
            self._hang_up(
                tell(
                    "{address} acknowledged {silence}",
                    address=self._dialer.link.address,
                    silence=silence,
                )
            )
            return
        if self._certificates.replaced():
            # In good order: a DISCONNECT, so that no will tells of a loss; then at once anew.
            self._transport.disconnect()
            self._hang_up(tell("the certificate was replaced"), soon=True)
            return
        if now_s < self._held_until_s():
            return
        try:
            self._out.send(now_s)
            self._send_picture(now_s)
        except TransportError as error:
            self._hang_up(said(error))
        if self._out.tally.too_large is not None:
            self._dialer.last_error, self._out.tally.too_large = self._out.tally.too_large, None

    def _send_picture(self, now_s: float) -> None:
        pictures = self._pictures
        if pictures is None:
            return
        if pictures.silent(now_s):
            raise TransportError(
                tell("{address} does not acknowledge a picture", address=self._dialer.link.address)
            )
        if self._hub_listens(now_s):
            topic = self._status.topics.up("snapshot")
            pictures.send(self._out, topic, now_s, self._out.most_bytes)

    def _hub_listens(self, now_s: float) -> bool:
        """No hub acknowledges pictures; but one that is away, or leaves messages unanswered, would
        not get them, and the broker would have them for nothing."""
        if self._hub is not None and self._hub.state != "online":
            return False
        unheard_s = self._flight.unheard_since_s()
        return unheard_s is None or now_s - max(unheard_s, self._acked_s) < UNHEARD_S

    def _held_until_s(self) -> float:
        return self._births.held_until_s(self._dialer.phase_s)

    def _left_the_unit(self, sequences: list[int]) -> None:
        if sequences:
            self._acked += len(sequences)
            self._acked_s = self._clock.mono_s()
            self._births.left(sequences)
            self._outbox.acked(sequences)

    # --- hearing ---

    def _handle(self, event: TransportEvent) -> None:
        if isinstance(event, Connected | Acknowledged | Arrived) and self._hub_may_be_there:
            self._probe.heard_mono_s = self._clock.mono_s()
        match event:
            case Reached() | Refused():
                self._dialer.heard(event)
            case Connected():
                self._dialer.heard(event)
                self._greet(event)
            case Lost(cause):
                self._hang_up(cause)
            case Acknowledged(token, code):
                self._puback(token, code)
            case SubscriptionRefused(topic, why):
                address = self._dialer.link.address
                self._dialer.last_error = tell(
                    "{address} does not let us hear {topic}: {why}",
                    address=address,
                    topic=topic,
                    why=why,
                )
                self._count_down("subscription_refused")
                self._unheard_topics += (topic,)
            case Arrived():
                self._hear(event)

    def _puback(self, token: int, code: int) -> None:
        now_s = self._clock.mono_s()
        if self._pictures is not None and self._pictures.acknowledged(token, code, now_s):
            self._out.picture_tokens.discard(token)
            if code >= 0x80:
                self._dialer.last_error = why_not_taken(code, self._dialer.link)
            return
        self._left_the_unit(self._out.acknowledged(token, code, self._clock.mono_s()))
        if code >= 0x80:
            self._dialer.last_error = why_not_taken(code, self._dialer.link)

    @property
    def _hub_may_be_there(self) -> bool:
        return self._hub is None or self._hub.state == "online"

    def _count_down(self, cause: str) -> None:
        self._down = self._down + Counter([cause])  # replaced, since others read it meanwhile

    def _hear(self, message: Arrived) -> None:
        self._meter.count(len(message.topic) + len(message.payload))
        topics = self._status.topics
        try:
            if message.topic == topics.hub_state:
                self._hear_hub(read_down(HubState, message.payload), retained=message.retained)
            elif message.topic == topics.command and self._on_command is not None:
                self._on_command(message)  # it refuses a retained one in words
            elif message.retained:
                self._count_down("retained")  # it may be as old as the broker
            elif message.topic == topics.ack:
                ack = read_down(Ack, message.payload)
                self._left_the_unit(self._flight.hub_has(ack.ids, ack.up_to))
            elif message.topic == topics.command:
                self._count_down("command_unsupported")
            else:
                self._count_down("unknown_topic")
        except BadMessageError as error:
            self._count_down(f"{message.topic.rpartition('/')[2]}_{error.cause}")

    def _hear_hub(self, hub: HubState, *, retained: bool) -> None:
        # The first that we hear of was there before us if the broker had kept its word; else it
        # has just come, and misses what we have sent.
        new = not retained if self._hub is None else hub.session != self._hub.session
        self._hub = hub
        if new and hub.state == "online":
            self._flight.send_all_again(self._clock.mono_s())
            self._births.give()

    # --- waiting ---

    def _patience_s(self, timeout_s: float) -> float:
        now_s = self._clock.mono_s()
        soonest_s = self._next_send_s(now_s) if self._dialer.up else self._dialer.ends_s()
        return timeout_s if soonest_s is None else max(0.0, min(timeout_s, soonest_s - now_s))

    def _next_send_s(self, now_s: float) -> float | None:
        """When a row can be sent. With a full window a PUBACK must ring the bell first."""
        next_s = self._out.next_s(now_s)
        if self._pictures is not None and self._out.free_for_pictures and self._hub_listens(now_s):
            picture_s = self._pictures.next_s(now_s)
            if picture_s is not None and (next_s is None or picture_s < next_s):
                next_s = picture_s
        return None if next_s is None else max(next_s, self._held_until_s())

    def _wait_until(self, done: Callable[[], bool], ends_s: float) -> None:
        while not done() and self._dialer.up and (left_s := ends_s - self._clock.mono_s()) > 0:
            self._transport.wait(min(left_s, 0.05))
            for event in self._transport.events():
                self._handle(event)
