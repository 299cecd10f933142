"""One command to one unit, and what it answers."""

from collections.abc import Callable
from typing import Any

from drivers.clock import Clock
from telemetry.contract.envelope import BadMessageError, read_up
from telemetry.contract.replies import FINAL, Reply
from telemetry.contract.topics import Topics
from telemetry.hub.client import Client, ErrandError
from telemetry.link.transport import Arrived, LinkOptions, Transport, WireMessage

CONNECT_S = 10.0
PUBACK_S = 10.0


class Question:
    """Send it, then listen. Replies are shown as they come; repeats by the wire are left out.

    They are not acknowledged: they belong to the hub that keeps them.
    """

    def __init__(
        self,
        transport: Transport,
        link: LinkOptions,
        root: str,
        clock: Clock,
        claims: dict[str, Any],
        show: Callable[[Reply], None],
    ) -> None:
        self._topics = Topics(root, claims["unit"])
        self._claims = claims
        self._show = show
        self._seen: set[str] = set()
        self.final: Reply | None = None
        topics = (self._topics.up("reply"),)
        self._client = Client(transport, link, clock, self._hear, topics)
        self._connected = False

    def connect(self) -> None:
        """Beforehand, for those who measure how long the answer takes. Raises ErrandError."""
        self._client.connect(CONNECT_S)
        self._connected = True

    def ask(self, payload: bytes, expiry_s: int, wait_s: float) -> Reply | None:
        """The final reply, or None if there is none in time. Raises ErrandError."""
        try:
            if not self._connected:
                self.connect()
            self._client.publish(
                WireMessage(topic=self._topics.command, payload=payload, expiry_s=expiry_s)
            )
            if not self._client.until(lambda: not self._client.unacknowledged, PUBACK_S):
                raise ErrandError("the broker does not acknowledge the command")
            if self._client.refused:
                raise ErrandError("the broker does not take the command from this hub")
            self._client.until(lambda: self.final is not None, wait_s)
        finally:
            self._client.leave()
        return self.final

    def _hear(self, message: Arrived) -> None:
        try:
            received = read_up(message.payload)
        except BadMessageError:
            return  # the hub that keeps them counts it
        reply = received.data
        if (
            not isinstance(reply, Reply)
            or reply.command != self._claims["id"]
            or received.envelope.id in self._seen
        ):
            return
        self._seen.add(received.envelope.id)
        self._show(reply)
        if reply.status in FINAL:
            self.final = reply
