"""A client for one errand: connects, says something, hears the answer, leaves. One thread."""

from collections.abc import Callable, Iterator

from drivers.clock import Clock
from telemetry.link.dialer import Dialer
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
    WireMessage,
)

STEP_S = 0.5


class ErrandError(Exception):
    """The errand cannot be done; the text says why."""


class Client:
    """`connect` first, `leave` last. What is heard is given to `heard`, in the same thread."""

    def __init__(
        self,
        transport: Transport,
        link: LinkOptions,
        clock: Clock,
        heard: Callable[[Arrived], None] = lambda _message: None,
        topics: tuple[str, ...] = (),
    ) -> None:
        self._transport = transport
        self._link = link
        self._clock = clock
        self._heard = heard
        self._topics = topics
        self._dialer = Dialer(transport, link, "auto", lambda _session: None, clock)
        self._waiting: set[int] = set()  # tokens without PUBACK
        self.refused = 0  # by the broker

    def connect(self, timeout_s: float) -> None:
        """Raises ErrandError."""
        if not self.until(lambda: self._dialer.up, timeout_s):
            why = self._dialer.last_error or f"no answer from {self._link.address}"
            raise ErrandError(f"the broker was not reached: {why}")

    def until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Hear until this is so, at most so long. Returns whether it is. Raises ErrandError for a
        connection that stood and broke."""
        ends_s = self._clock.mono_s() + timeout_s
        while not done():
            left_s = ends_s - self._clock.mono_s()
            if left_s <= 0:
                return False
            self._transport.wait(min(left_s, STEP_S, self._dial_in_s()))
            for event in self._transport.events():
                self._handle(event)
            self._dialer.step()
        return True

    def _dial_in_s(self) -> float:
        due_s = None if self._dialer.up else self._dialer.ends_s()
        return STEP_S if due_s is None else max(0.0, due_s - self._clock.mono_s())

    def publish(self, message: WireMessage) -> None:
        """Raises ErrandError."""
        try:
            self._waiting.add(self._transport.publish(message))
        except TransportError as error:
            raise ErrandError(f"not sent: {error}") from error

    @property
    def unacknowledged(self) -> int:
        """By the broker."""
        return len(self._waiting)

    def leave(self) -> None:
        if self._dialer.up:
            self._transport.disconnect()
            for _ in self._tries(1.0):
                if self._transport.idle:
                    break
                self._transport.wait(0.05)
        self._transport.abandon()

    def _tries(self, for_s: float) -> Iterator[None]:
        ends_s = self._clock.mono_s() + for_s
        while self._clock.mono_s() < ends_s:
            yield

    def _handle(self, event: object) -> None:
        match event:
            case Connected():
                self._dialer.heard(event)
                self._subscribe()
            case Reached() | Refused():
                self._dialer.heard(event)
            case Lost(text):
                raise ErrandError(text)
            case SubscriptionRefused(topic, text):
                raise ErrandError(f"the broker does not let the hub hear {topic}: {text}")
            case Acknowledged(token):
                self.refused += token in self._waiting and not event.taken
                self._waiting.discard(token)
            case Arrived():
                self._heard(event)

    def _subscribe(self) -> None:
        if not self._topics:
            return
        try:
            self._transport.subscribe(self._topics)
        except TransportError as error:
            raise ErrandError(str(error)) from error
