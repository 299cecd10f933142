"""Hands written-down events to the outbox until each is on its disk: after a crash, once more.

The event was saved with the change that it tells of. So there is no moment at which one is on the
disk without the other. After a crash the queue is asked what it has. Only an event that had left it
already, within the milliseconds before the crash, is repeated: with the same id.
"""

from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import structlog
from pydantic import ValidationError

from edge.tasks.record import Untold
from telemetry.contract.envelope import Draft
from telemetry.contract.registry import BY_TYPE
from telemetry.outbox.facts import Receipt
from telemetry.outbox.look import Look, LookError
from telemetry.outbox.outbox import Outbox

LEAST_URGENT = 1  # of the events that are written down
WAIT_S = 0.3  # for the outbox's disk; what takes longer is kept there in memory, and by us


class Teller:
    """Used under its owner's lock."""

    def __init__(self, outbox: Outbox, queue: Path | None = None) -> None:
        """`queue`: the outbox's file, to be looked into before it works."""
        self._outbox = outbox
        self._queue = queue
        self._given: dict[str, Receipt] = {}

    def resume(self, events: tuple[Untold, ...]) -> tuple[Untold, ...]:
        """What an earlier run left untold, and the queue does not have."""
        there = _stored_ids(self._queue) if events and self._queue is not None else set()
        return tuple(event for event in tellable(events) if event.id not in there)

    def tell(self, events: Iterable[Untold]) -> None:
        """All that are not crossed out: those are put that this process has not put, or lost."""
        given = {}
        for event in events:
            receipt = self._given.get(event.id)
            if receipt is None or receipt.dropped:
                receipt = self._outbox.put(
                    draft_of(event), durable=True, timeout_s=WAIT_S, event_id=event.id
                )
            given[event.id] = receipt
        self._given = given

    def settled(self, events: Iterable[Untold]) -> tuple[Untold, ...]:
        """Those of the events that are not on the outbox's disk yet."""
        return tuple(event for event in events if not self._stored(event))

    def _stored(self, event: Untold) -> bool:
        receipt = self._given.get(event.id)
        return receipt is not None and receipt.stored


def _stored_ids(queue: Path) -> set[str]:
    """Of the urgent messages that wait on the disk, whole. None where it cannot be looked into:
    then the outbox has something to say of it, and an event too many does no harm."""
    try:
        with Look.open(queue) as look:
            urgent = takewhile(lambda seen: seen.priority <= LEAST_URGENT, look.waiting())
            return {seen.id for seen in urgent if seen.message() is not None}
    except LookError:
        return set()


def tellable(events: Iterable[Untold]) -> tuple[Untold, ...]:
    """Those of another version's events that this one's contract still knows; logged if not."""
    found = []
    for event in events:
        try:
            draft_of(event)
        except (KeyError, ValidationError) as error:
            cause = type(error).__name__
            structlog.get_logger().error("not_told", id=event.id, type=event.type, cause=cause)
        else:
            found.append(event)
    return tuple(found)


def draft_of(event: Untold) -> Draft:
    return Draft(
        data=BY_TYPE[event.type].model_validate(event.data),
        time=event.time,
        time_quality=event.quality,
        priority=event.priority,
    )
