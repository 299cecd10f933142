"""MQTT through paho: opens connections, and waits for what they bring."""

import select
import ssl
from collections.abc import Callable

from telemetry.bell import PollBell
from telemetry.link.opening import Opening
from telemetry.link.packet_socket import PacketSocket
from telemetry.link.paho_session import PahoClient, PahoSession, make_client
from telemetry.link.refusals import why_unreachable
from telemetry.link.security import tls_context
from telemetry.link.transport import (
    LinkOptions,
    ProtocolVersion,
    Reached,
    TransportError,
    TransportEvent,
    WireMessage,
)


class PahoTransport:
    """See `telemetry.link.transport`. Nothing is sent before the next `wait` or `events`, so that
    a window of messages costs one system call."""

    def __init__(
        self,
        bell: PollBell | None = None,
        context: Callable[[LinkOptions], ssl.SSLContext] = tls_context,
    ) -> None:
        """One thread that works many transports gives them one bell, and looks at `flush`."""
        self._bell = bell or PollBell()
        self._context = context
        self._poll = select.poll()
        self._poll.register(self._bell.fileno(), select.POLLIN)
        self._watched: int | None = None
        self._opening: Opening | None = None
        self._session: PahoSession | None = None
        self._options: LinkOptions | None = None
        self._protocol: ProtocolVersion = "5"
        self._client: PahoClient | None = None

    def start(
        self, options: LinkOptions, protocol: ProtocolVersion, will: WireMessage | None
    ) -> None:
        client = make_client(options, protocol, will)
        context = self._context(options) if options.tls else None
        self._client, self._options, self._protocol = client, options, protocol
        self._opening = Opening(options, context, self._bell)

    def events(self) -> list[TransportEvent]:
        found = self._opened() if self._client is not None else []
        session = self._session
        if session is not None:
            if not session.ended:
                session.work()
            found += session.events
            session.events = []
            if session.ended:
                self._unwatch()
        return found

    def wait(self, timeout_s: float) -> None:
        session = self._session
        if session is not None and not session.ended:
            try:
                session.send()
            except OSError:
                return  # `events` will meet it too, and tell
            self._watch(session.packets)
        for handle, _ in self._poll.poll(timeout_s * 1000):
            if handle == self._bell.fileno():
                self._bell.clear()

    def flush(self) -> tuple[int, bool] | None:
        """Send what can be sent now, without waiting: instead of `wait`, for one who waits for many
        at once. Returns what to watch for reading, and whether for writing, too; None while there
        is no connection, or it is broken, which `events` tells."""
        session = self._session
        if session is None or session.ended:
            return None
        try:
            session.send()
        except OSError:
            return None
        return session.packets.fileno(), session.packets.wants_to_send

    def publish(self, message: WireMessage) -> int:
        return self._standing().publish(message)

    def subscribe(self, topics: tuple[str, ...]) -> None:
        self._standing().subscribe(topics)

    def disconnect(self) -> None:
        if self._session is not None and not self._session.ended:
            self._session.say_goodbye()

    def abandon(self) -> None:
        self._client = None
        self._unwatch()
        if self._opening is not None:
            self._opening.abandon()
        session, self._session = self._session, None
        if session is not None:
            session.ended = True
            session.packets.close()

    @property
    def bell(self) -> PollBell:
        return self._bell

    @property
    def idle(self) -> bool:
        over = self._session is None or self._session.ended
        return over and (self._opening is None or self._opening.done)

    def _opened(self) -> list[TransportEvent]:
        """What became of the attempt to open a connection."""
        opening, client, options = self._opening, self._client, self._options
        if opening is None or client is None or options is None or not opening.done:
            return []
        self._client = None
        link = opening.take()
        if link is None:
            return [why_unreachable(opening.error, options)]
        self._session = PahoSession(client, link, options, self._protocol)
        self._session.greet()
        return [Reached()]

    def _watch(self, packets: PacketSocket) -> None:
        events = select.POLLIN | (select.POLLOUT if packets.wants_to_send else 0)
        self._watched = packets.fileno()
        self._poll.register(self._watched, events)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._poll.unregister(self._watched)
            self._watched = None

    def _standing(self) -> PahoSession:
        if self._session is None or not self._session.connected or self._session.ended:
            raise TransportError("not connected")
        return self._session
