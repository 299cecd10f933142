"""A record once more: judged anew, or published again for load tests and demonstrations."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from drivers.clock import Clock
from telemetry.hub.client import Client
from telemetry.hub.ledger import Arrival, HubLedger
from telemetry.hub.record import Entry, Unreadable
from telemetry.link.transport import LinkOptions, Transport, WireMessage

CONNECT_S = 10.0
WINDOW = 100  # on the way to the broker
STUCK_S = 30.0


@dataclass(slots=True)
class Judgement:
    """What a ledger makes of a record, beside what the hub made of it then."""

    ledger: HubLedger
    heard: int = 0
    differing: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)

    def take(self, each: Entry | Unreadable) -> Arrival | None:
        """The verdict on a message that the hub heard; None for all else."""
        if isinstance(each, Unreadable):
            self.unreadable[each.cause] += 1
            return None
        if each.direction != "in" or each.topic == f"{self.ledger.root}/hub/state":
            return None
        self.heard += 1
        arrival = self.ledger.receive(
            each.topic, each.payload, retained=each.retained, properties=each.user_properties
        )
        self.differing += each.verdict not in (None, arrival.verdict)
        return arrival


def paced(entries: Iterable[Entry], speed: float | None) -> Iterator[tuple[float, Entry]]:
    """Each entry with the seconds since the one before, divided by `speed`; None: no waiting."""
    before_s: float | None = None
    for entry in entries:
        gap_s = 0.0 if before_s is None else max(0.0, entry.mono_s - before_s)
        before_s = entry.mono_s
        yield (0.0 if speed is None else gap_s / speed), entry


def publish_again(
    entries: Iterable[Entry],
    transport: Transport,
    link: LinkOptions,
    clock: Clock,
    *,
    speed: float | None,
    tell: Callable[[int], None] = lambda _count: None,
) -> tuple[int, int]:
    """What units had said, as they said it. Returns how many were sent, and how many of them the
    broker refused. Raises ErrandError."""
    client = Client(transport, link, clock)
    sent = 0
    try:
        client.connect(CONNECT_S)
        for gap_s, entry in paced((e for e in entries if e.direction == "in"), speed):
            if gap_s > 0:
                client.until(lambda: False, gap_s)
            client.until(lambda: client.unacknowledged < WINDOW, STUCK_S)
            client.publish(
                WireMessage(
                    topic=entry.topic,
                    payload=entry.payload,
                    retain=entry.retained or entry.topic.endswith(("/status", "/state", "/health")),
                    content_type=entry.content_type,
                    user_properties=entry.user_properties,
                )
            )
            sent += 1
            tell(sent)
        client.until(lambda: not client.unacknowledged, STUCK_S)
    finally:
        client.leave()
    return sent, client.refused
