"""What waits in a simulated unit, in memory: live first, then the backlog, each by priority.

The outbox of a real unit does the same on its disk; here it must be small, for there are thousands.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from telemetry.contract.envelope import Draft, Sender, body_of
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7
from telemetry.contract.wire_types import TimeQuality

WINDOW = 20  # unacknowledged publishes of a unit, as delivery.window
HUB_WINDOW = 500  # sent, and the hub has not said yet that it has them
MOST_WAITING = 10_000  # per unit; more are dropped, the least urgent first
KEPT_PRIORITY = 2  # this and what is more urgent is never dropped


@dataclass(slots=True, eq=False)
class Item:
    """One message of a unit, from when it is made until the hub has it."""

    sequence: int
    leaf: Leaf
    priority: int
    id: str
    body: bytes
    historical: bool = False
    first_sent_s: float | None = None
    sent_s: float = 0.0
    token: int | None = None  # while it is on the wire


def written(
    sender: Sender, data: UpMessage, sequence: int, now: datetime, quality: TimeQuality
) -> Item:
    """A message with its envelope, ready for the queue."""
    draft, message_id = Draft.of(data, now, quality), uuid7(now)
    body = body_of(sender, draft, message_id)
    return Item(sequence, draft.kind, draft.priority, message_id, body)


class Delivery:
    """Bookkeeping only. Times are monotonic seconds."""

    def __init__(self, ack: Literal["hub", "broker"], resend_after_s: float) -> None:
        self._ack = ack
        self._resend_after_s = resend_after_s
        self._live: list[tuple[int, int, Item]] = []  # never sent; by priority, then sequence
        self._backlog: list[tuple[int, int, Item]] = []
        self._wire: dict[int, Item] = {}  # by token
        self._sent: dict[int, Item] = {}  # by sequence: sent, and not finally acknowledged
        self._ids: dict[str, Item] = {}  # the same by id
        self._order: deque[tuple[float, Item]] = deque()  # when to repeat what was sent
        self._newest: dict[Leaf, int] = {}

    @property
    def waiting(self) -> int:
        return len(self._live) + len(self._backlog)

    @property
    def unacked(self) -> int:
        return len(self._sent)

    @property
    def on_wire(self) -> int:
        return len(self._wire)

    def put(self, item: Item) -> bool:
        """False if it, or another, had to be dropped."""
        self._newest[item.leaf] = item.sequence
        if self.waiting >= MOST_WAITING and item.priority > KEPT_PRIORITY:
            return False
        heapq.heappush(self._live, (item.priority, item.sequence, item))
        return True

    def is_newest(self, item: Item) -> bool:
        """Whether no later message of its kind was made: an older one must not be retained."""
        return self._newest.get(item.leaf) == item.sequence

    def new_link(self) -> None:
        """A link began or ended: what waits is backlog, and what the broker did not acknowledge is
        due at once."""
        for item in reversed(self._wire.values()):
            item.token, item.historical = None, True
            self._order.appendleft((0.0, item))
        self._wire.clear()
        for entry in self._live:
            entry[2].historical = True
            heapq.heappush(self._backlog, entry)
        self._live.clear()

    def hub_is_new(self) -> None:
        """Whatever was on its way to the old hub is due at once."""
        self._order = deque((0.0, item) for item in self._sent.values() if item.token is None)

    def take(self, now_s: float) -> Item | None:
        """The next to send; None if nothing may be sent now."""
        if len(self._wire) >= WINDOW:
            return None
        # Repetitions come last, or the first few messages would keep all others from a slow link.
        return self._first() or self._overdue(now_s)

    def _first(self) -> Item | None:
        if len(self._sent) >= HUB_WINDOW:
            return None
        heap = self._live or self._backlog
        return heapq.heappop(heap)[2] if heap else None

    def _overdue(self, now_s: float) -> Item | None:
        while self._order and self._order[0][0] <= now_s:
            item = self._order.popleft()[1]
            if item.sequence in self._sent and item.token is None:
                return item
        return None

    def next_due_s(self) -> float | None:
        """When something must be sent again at the earliest."""
        return self._order[0][0] if self._order else None

    def sent(self, item: Item, token: int, now_s: float) -> None:
        if item.first_sent_s is None:
            item.first_sent_s = now_s
        item.token, item.sent_s = token, now_s
        self._wire[token] = item
        self._sent[item.sequence] = item
        self._ids[item.id] = item

    def broker_has(self, token: int, now_s: float) -> Item | None:
        """A PUBACK without a failure. Returns the item, if the token is one of ours."""
        item = self._wire.pop(token, None)
        if item is None:
            return None
        item.token = None
        if self._ack == "broker":
            self._forget(item)
        elif item.sequence in self._sent:
            self._order.append((now_s + self._resend_after_s, item))
        return item

    def broker_refused(self, token: int, now_s: float) -> None:
        """It is tried again later, like one that nobody acknowledged."""
        item = self._wire.pop(token, None)
        if item is not None:
            item.token = None
            self._order.append((now_s + self._resend_after_s, item))

    def hub_has(self, ids: Iterable[str], up_to: int | None) -> list[Item]:
        """The hub's acknowledgement. Returns what it was new for."""
        found = [self._ids[each] for each in ids if each in self._ids]
        if up_to is not None:
            found += [item for number, item in self._sent.items() if number <= up_to]
        done = list(dict.fromkeys(found))
        for item in done:
            self._forget(item)
        return done

    def _forget(self, item: Item) -> None:
        self._sent.pop(item.sequence, None)
        self._ids.pop(item.id, None)
