"""The durable queue between those who have something to tell and the link that comes and goes.

Any thread may `put`. One worker thread runs `work` in a loop (`Clerk`): it owns the disk. The
publisher's thread takes rows with `take` and gives them back with `acked`, `release` or `park`.
"""

from collections.abc import Iterable
from pathlib import Path

from drivers.clock import Clock
from telemetry.bell import Bell
from telemetry.contract.envelope import Draft, Sender, body_of
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.ages import Ages
from telemetry.outbox.clerk import Clerk
from telemetry.outbox.desk import GROUP_ROWS, GROUP_S, Desk
from telemetry.outbox.facts import OutboxStats, Outgoing, Receipt
from telemetry.outbox.keeper import Keeper
from telemetry.outbox.rows import PRIORITIES, NewRow, Parking

THIN_WITHIN_M = 10.0


class Outbox:
    """See the module. Making one touches no disk and cannot fail; `work` opens the file."""

    def __init__(
        self,
        path: Path,
        sender: Sender,
        clock: Clock,
        max_bytes: int,
        thin_within_m: float = THIN_WITHIN_M,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._max_bytes = max_bytes
        self._ages = Ages(clock)
        self._desk = Desk.made()
        self._keeper = Keeper(path, max_bytes, thin_within_m)  # the clerk's, but for its counts
        self._clerk = Clerk(self._desk, self._keeper, self._ages, clock, sender.unit)

    # --- for producers, any thread ---

    def put(
        self, draft: Draft, *, durable: bool, timeout_s: float = 1.0, event_id: str | None = None
    ) -> Receipt:
        """Queue a draft; with `durable`, return when it is on the disk.

        `event_id` (UUIDv7) is for whoever wrote the event down before, and tells it again after a
        crash: the repetition must be known by its id.

        Where the disk refuses, or takes longer than `timeout_s`, the receipt is not `stored` yet:
        the draft is kept in memory, and tried again for as long as the process lives.
        """
        desk = self._desk
        # A new id is of the draft's time, not the computer's clock: it may know less.
        receipt = Receipt(event_id or uuid7(draft.time))
        body = body_of(self._sender, draft, receipt.id)
        row = NewRow(draft.priority, draft.kind, receipt.id, self._ages.now_ms(), body)
        with desk.lock:
            self._admit(row, receipt)
            if durable and not self._is_settled(row, receipt):
                desk.hurried += 1
                desk.wake.notify()
                desk.settled.wait_for(lambda: self._is_settled(row, receipt), timeout_s)
                desk.hurried -= 1
        return receipt

    def _admit(self, row: NewRow, receipt: Receipt) -> None:
        desk = self._desk
        if desk.closed:
            self._drop("put_after_close", receipt)
        elif (loser := desk.waiting.add(row, receipt)) is not None:
            self._drop("memory_full", loser)
        self._expect_commit(len(desk.waiting))

    def _expect_commit(self, waiting: int) -> None:
        """See that the worker comes in time, and wake it no more often than that needs."""
        desk = self._desk
        if desk.group_ends_s is None:
            desk.group_ends_s = self._clock.mono_s() + GROUP_S
            desk.wake.notify()
        elif waiting >= GROUP_ROWS:
            desk.wake.notify()

    def _drop(self, cause: str, receipt: Receipt) -> None:
        receipt.dropped = True
        self._desk.drops[cause] += 1

    def _is_settled(self, row: NewRow, receipt: Receipt) -> bool:
        """Stored, dropped, or not to be stored for now."""
        desk = self._desk
        refused = desk.fault is not None or row.priority > desk.disk.lowest_taken
        return receipt.stored or receipt.dropped or refused

    # --- for the publisher's thread ---

    def attach(self, bell: Bell) -> None:
        """Ring this bell whenever there may be something to take."""
        desk = self._desk
        with desk.lock:
            desk.bell = bell

    def begin_session(self) -> None:
        """The link is up: what is stored now is the backlog, what comes is live.

        Rows that were taken, and neither acknowledged nor released, stay with the publisher.
        """
        desk = self._desk
        with desk.lock:
            desk.lanes = None
            desk.session_wanted = True
            desk.wake.notify()

    def end_session(self) -> None:
        """The link is down: nothing more is read ahead."""
        desk = self._desk
        with desk.lock:
            desk.lanes = None
            desk.session_wanted = False

    def take(
        self, limit: int, *, lowest: int = PRIORITIES - 1, live_only: bool = False
    ) -> list[Outgoing]:
        """The next rows to send, at most `limit`, perhaps none; see `Lanes.take`."""
        desk = self._desk
        with desk.lock:
            if desk.lanes is None or limit <= 0:
                return []
            found = desk.lanes.take(limit, lowest, live_only=live_only)
            desk.taken.update((row.sequence, row.priority) for row, _ in found)
            if desk.lanes.hungry():
                desk.wake.notify()
            newest = desk.newest
            return [
                Outgoing(row=row, live=live, newest=row.sequence >= newest.get(row.kind, 0))
                for row, live in found
            ]

    def acked(self, sequences: Iterable[int]) -> None:
        """The other side has these: they may leave the disk. Only taken rows are touched."""
        desk = self._desk
        with desk.lock:
            taken = desk.taken
            desk.acked += [(number, taken[number]) for number in sequences if number in taken]
            if desk.acked:
                self._expect_commit(len(desk.acked))

    def release(self, sequences: Iterable[int]) -> None:
        """The publisher lets go of these; they come again in the next session."""
        desk = self._desk
        with desk.lock:
            for number in sequences:
                desk.taken.pop(number, None)

    def park(self, sequences: Iterable[int], cause: str, refusals: int = 0) -> None:
        """Lay these aside, durably, so that they block nobody: they were refused so many times.

        `cause` is for a person. They come no more, until somebody calls `unpark`.
        """
        desk = self._desk
        with desk.lock:
            for number in sequences:
                desk.parking.append(
                    Parking(
                        sequence=number,
                        cause=cause,
                        refusals=refusals,
                        parked_ms=self._ages.now_ms(),
                    )
                )
            self._hurry()

    def unpark(self, sequences: Iterable[int]) -> None:
        """Give these another chance: they are sent again as part of the backlog."""
        desk = self._desk
        with desk.lock:
            desk.unparking += sequences
            self._hurry()

    @property
    def moving(self) -> bool:
        """Something is to be parked, or to come back, and is not on the disk yet."""
        desk = self._desk
        with desk.lock:
            return bool(desk.parking or desk.unparking)

    def _hurry(self) -> None:
        desk = self._desk
        desk.group_ends_s = self._clock.mono_s()
        desk.wake.notify()

    # --- for everyone ---

    def pending(self) -> int:
        """How many messages the other side does not have yet, as far as is known.

        Until the file has been looked into for the first time that is not known, and counts as one.
        Parked ones do not count.
        """
        desk = self._desk
        with desk.lock:
            waiting = len(desk.waiting) + len(desk.batch) + (not desk.looked)
            return sum(desk.disk.depth) + waiting - len(desk.acked)

    def stats(self) -> OutboxStats:
        desk = self._desk
        with desk.lock:
            disk, tally, dropped_at_s = desk.disk, self._keeper.tally, desk.dropped_at_s
            return OutboxStats(
                depth=sum(disk.depth),
                by_priority=disk.depth,
                in_memory=len(desk.waiting) + len(desk.batch),
                oldest_age_s=self._ages.age_s(*disk.oldest) if disk.oldest else None,
                size_bytes=disk.size_bytes,
                limit_bytes=self._max_bytes,
                last_sequence=disk.last_sequence,
                drops=dict(desk.drops + tally.since_start),
                drops_ever=dict(desk.drops + tally.ever),
                dropped_s=None if dropped_at_s is None else self._clock.mono_s() - dropped_at_s,
                tolerance_m=disk.tolerance_m,
                parked=disk.parked,
                other_unit=disk.other_unit,
                set_aside=disk.set_aside,
                fault=desk.fault or self._crowded(),
            )

    def _crowded(self) -> str | None:
        """Rows wait that may not use what room there is, and none can be made for them."""
        desk = self._desk
        if not desk.waiting.held or desk.disk.trimming:
            return None
        kept_for = " to ".join(map(str, sorted({0, desk.disk.lowest_taken})))
        return f"the queue is full, what room is left is kept for messages of priority {kept_for}"

    # --- for the worker's thread ---

    def work(self, timeout_s: float) -> None:
        """Do what is due, waiting at most `timeout_s` for something. Never raises for the disk."""
        self._clerk.work(timeout_s)

    def close(self) -> None:
        """Commit what was put, and close the file. Call it when no worker runs any more."""
        self._clerk.close()
