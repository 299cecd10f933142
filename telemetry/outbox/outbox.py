"""The durable queue between those who have something to tell and the link that comes and goes.

Any thread may `put`. One worker thread runs `work` in a loop and owns the disk: it commits what was
put, in groups, deletes what was acknowledged, and reads ahead what is to be sent. The publisher's
thread takes rows with `take` and gives them back with `acked`, `release` or `park`.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from drivers.clock import Clock
from telemetry.bell import Bell
from telemetry.contract.envelope import Draft, Sender, body_of
from telemetry.contract.topics import Leaf
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.ages import Ages
from telemetry.outbox.facts import DiskFigures, OutboxStats, Outgoing, Receipt
from telemetry.outbox.keeper import Keeper
from telemetry.outbox.lanes import Lanes
from telemetry.outbox.rows import PRIORITIES, Change, Done, NewRow, Parking, by_priority
from telemetry.outbox.schema import StoreCorruptError, StoreError, StoreFullError
from telemetry.outbox.waiting import BATCH_ROWS, MEMORY_ROWS, Waiting

GROUP_S = 0.2  # contract G1: positions and health are on the disk within this time
GROUP_ROWS = 100  # commit at once when so many wait
RETRY_S = 1.0
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
        # Touched by the worker only:
        self._keeper = Keeper(path, max_bytes, thin_within_m)
        self._retry_at_s = 0.0
        # Shared, under the lock:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # the worker waits on it
        self._settled = threading.Condition(self._lock)  # those who put durably wait on it
        self._waiting = Waiting()
        self._batch: list[tuple[NewRow, Receipt]] = []  # being committed, or to be tried again
        self._group_ends_s: float | None = None
        self._hurried = 0  # callers that wait for the commit
        self._acked: list[tuple[int, int]] = []  # sequence and priority
        self._parking: list[Parking] = []
        self._unparking: list[int] = []
        self._taken: dict[int, int] = {}  # with the publisher, or acked and not yet deleted
        self._lanes: Lanes | None = None
        self._session_wanted = False
        self._bell: Bell | None = None
        self._newest: dict[Leaf, int] = {}
        self._drops: Counter[str] = Counter()  # in memory, not yet told to the keeper
        self._dropped_at_s: float | None = None
        self._fault: str | None = None
        self._disk = DiskFigures()
        self._looked = False
        self._closed = False

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
        # A new id is of the draft's time, not the computer's clock: it may know less.
        receipt = Receipt(event_id or uuid7(draft.time))
        body = body_of(self._sender, draft, receipt.id)
        row = NewRow(draft.priority, draft.kind, receipt.id, self._ages.now_ms(), body)
        with self._lock:
            self._admit(row, receipt)
            if durable and not self._is_settled(row, receipt):
                self._hurried += 1
                self._wake.notify()
                self._settled.wait_for(lambda: self._is_settled(row, receipt), timeout_s)
                self._hurried -= 1
        return receipt

    def _admit(self, row: NewRow, receipt: Receipt) -> None:
        if self._closed:
            self._drop("put_after_close", receipt)
        elif (loser := self._waiting.add(row, receipt)) is not None:
            self._drop("memory_full", loser)
        self._expect_commit(len(self._waiting))

    def _expect_commit(self, waiting: int) -> None:
        """See that the worker comes in time, and wake it no more often than that needs."""
        if self._group_ends_s is None:
            self._group_ends_s = self._clock.mono_s() + GROUP_S
            self._wake.notify()
        elif waiting >= GROUP_ROWS:
            self._wake.notify()

    def _drop(self, cause: str, receipt: Receipt) -> None:
        receipt.dropped = True
        self._drops[cause] += 1

    def _is_settled(self, row: NewRow, receipt: Receipt) -> bool:
        """Stored, dropped, or not to be stored for now."""
        refused = self._fault is not None or row.priority > self._disk.lowest_taken
        return receipt.stored or receipt.dropped or refused

    # --- for the publisher's thread ---

    def attach(self, bell: Bell) -> None:
        """Ring this bell whenever there may be something to take."""
        with self._lock:
            self._bell = bell

    def begin_session(self) -> None:
        """The link is up: what is stored now is the backlog, what comes is live.

        Rows that were taken, and neither acknowledged nor released, stay with the publisher.
        """
        with self._lock:
            self._lanes = None
            self._session_wanted = True
            self._wake.notify()

    def end_session(self) -> None:
        """The link is down: nothing more is read ahead."""
        with self._lock:
            self._lanes = None
            self._session_wanted = False

    def take(
        self, limit: int, *, lowest: int = PRIORITIES - 1, live_only: bool = False
    ) -> list[Outgoing]:
        """The next rows to send, at most `limit`, perhaps none; see `Lanes.take`."""
        with self._lock:
            if self._lanes is None or limit <= 0:
                return []
            found = self._lanes.take(limit, lowest, live_only=live_only)
            self._taken.update((row.sequence, row.priority) for row, _ in found)
            if self._lanes.hungry():
                self._wake.notify()
            newest = self._newest
            return [
                Outgoing(row=row, live=live, newest=row.sequence >= newest.get(row.kind, 0))
                for row, live in found
            ]

    def acked(self, sequences: Iterable[int]) -> None:
        """The other side has these: they may leave the disk. Only taken rows are touched."""
        with self._lock:
            taken = self._taken
            self._acked += [(number, taken[number]) for number in sequences if number in taken]
            if self._acked:
                self._expect_commit(len(self._acked))

    def release(self, sequences: Iterable[int]) -> None:
        """The publisher lets go of these; they come again in the next session."""
        with self._lock:
            for number in sequences:
                self._taken.pop(number, None)

    def park(self, sequences: Iterable[int], cause: str, refusals: int = 0) -> None:
        """Lay these aside, durably, so that they block nobody: they were refused so many times.

        `cause` is for a person. They come no more, until somebody calls `unpark`.
        """
        with self._lock:
            for number in sequences:
                self._taken.pop(number, None)
                self._parking.append(
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
        with self._lock:
            self._unparking += sequences
            self._hurry()

    @property
    def moving(self) -> bool:
        """Something is to be parked, or to come back, and is not on the disk yet."""
        with self._lock:
            return bool(self._parking or self._unparking)

    def _hurry(self) -> None:
        self._group_ends_s = self._clock.mono_s()
        self._wake.notify()

    # --- for everyone ---

    def pending(self) -> int:
        """How many messages the other side does not have yet, as far as is known.

        Until the file has been looked into for the first time that is not known, and counts as one.
        Parked ones do not count.
        """
        with self._lock:
            waiting = len(self._waiting) + len(self._batch) + (not self._looked)
            return sum(self._disk.depth) + waiting - len(self._acked)

    def stats(self) -> OutboxStats:
        with self._lock:
            disk, keeper, dropped_at_s = self._disk, self._keeper, self._dropped_at_s
            return OutboxStats(
                depth=sum(disk.depth),
                by_priority=disk.depth,
                in_memory=len(self._waiting) + len(self._batch),
                oldest_age_s=self._ages.age_s(*disk.oldest) if disk.oldest else None,
                size_bytes=disk.size_bytes,
                limit_bytes=self._max_bytes,
                last_sequence=disk.last_sequence,
                drops=dict(self._drops + keeper.drops),
                drops_ever=dict(self._drops + keeper.drops_ever),
                dropped_s=None if dropped_at_s is None else self._clock.mono_s() - dropped_at_s,
                tolerance_m=disk.tolerance_m,
                parked=disk.parked,
                set_aside=disk.set_aside,
                fault=self._fault or self._crowded(),
            )

    def _crowded(self) -> str | None:
        """Rows wait that may not use what room there is, and none can be made for them."""
        if not self._waiting.held or self._disk.trimming:
            return None
        kept_for = " to ".join(map(str, sorted({0, self._disk.lowest_taken})))
        return f"the queue is full, what room is left is kept for messages of priority {kept_for}"

    # --- for the worker's thread ---

    def work(self, timeout_s: float) -> None:
        """Do what is due, waiting at most `timeout_s` for something. Never raises for the disk."""
        until_s = self._clock.mono_s() + timeout_s
        with self._lock:
            while not self._is_due() and (left_s := self._patience_s(until_s)) > 0:
                if not self._wake.wait(left_s):
                    break
        self._step()

    def close(self) -> None:
        """Commit what was put, and close the file. Call it when no worker runs any more."""
        with self._lock:
            self._closed = True
        for _ in range(2 + 2 * MEMORY_ROWS // BATCH_ROWS):
            self._retry_at_s = 0.0
            self._step()
            if self._fault or not (self._waiting.ready or self._batch or self._acked):
                break
        self._keeper.close()
        with self._lock:
            self._fault = "closed"
            self._settled.notify_all()

    def _is_due(self) -> bool:
        if self._fault is not None and not self._keeper.is_open:
            return False  # the next try comes by the clock, not with each draft
        # A full disk takes no drafts, but it still gives rows, and deletes make room.
        waiting = len(self._acked) + (self._waiting.ready if self._fault is None else 0)
        hungry = self._lanes is not None and bool(self._lanes.hungry())
        opening = not self._keeper.is_open or self._session_wanted
        hurried = self._hurried and self._fault is None
        return bool(hurried or waiting >= GROUP_ROWS or hungry or opening or self._disk.trimming)

    def _patience_s(self, until_s: float) -> float:
        ends_s = self._retry_at_s if self._fault is not None else self._group_ends_s
        return (until_s if ends_s is None else min(until_s, ends_s)) - self._clock.mono_s()

    def _step(self) -> None:
        resting = self._fault is not None and self._clock.mono_s() < self._retry_at_s
        drops = self._keeper.drops
        try:
            if not self._keeper.is_open:
                if resting:
                    return
                self._open()
            if not resting or self._acked or self._parking or self._session_wanted:
                self._commit()
            self._trim()
            self._read_ahead()
        except StoreCorruptError as error:
            self._fail(f"the queue's file is damaged, a new one is begun: {error}")
            self._keeper.condemn()
        except StoreError as error:
            self._fail(f"the disk refuses: {error}")
        if self._keeper.drops != drops:
            self._dropped_at_s = self._clock.mono_s()

    def _fail(self, text: str) -> None:
        self._retry_at_s = self._clock.mono_s() + RETRY_S
        with self._lock:
            self._fault = text
            self._settled.notify_all()

    def _open(self) -> None:
        self._keeper.open()
        newest = self._keeper.newest()
        with self._lock:
            if self._ages.earlier is None:
                self._ages.earlier = self._keeper.last_sequence
            self._newest = newest
            self._begin_again()  # the file may have been replaced under a standing connection

    def _begin_again(self) -> None:
        """Where a session stands: what is on the disk is looked at anew."""
        if self._lanes is not None:
            self._lanes = None
            self._session_wanted = True

    def _commit(self) -> None:
        change = self._gather()
        done, fault = Done(), None
        try:
            if change:
                done = self._keeper.commit(change)
        except StoreFullError as error:
            self._keeper.commit(replace(change, put=()))
            self._retry_at_s = self._clock.mono_s() + RETRY_S
            fault = f"the queue is full, new messages wait in memory: {error}"
        figures = self._keeper.figures()
        with self._lock:
            self._disk, self._fault, self._looked = figures, fault, True
            if fault is not None:
                self._waiting.put_back(self._batch)
                self._batch = []
            self._settle(change, done)

    def _gather(self) -> Change:
        """What the next commit is to do."""
        with self._lock:
            if not self._batch:  # else it is the one that failed, to be tried again as it was
                self._batch = self._waiting.batch(self._keeper.quota.lowest_taken)
            drops, self._drops = self._drops, Counter()
            self._group_ends_s = None
            self._keeper.count_drops(drops)
            return Change(
                put=[row for row, _ in self._batch],
                gone=by_priority(self._acked),
                parked=tuple(self._parking),
                unparked=tuple(self._unparking),
            )

    def _settle(self, change: Change, done: Done) -> None:
        for row, (_, receipt) in zip(done.stored, self._batch, strict=True):
            receipt.sequence = row.sequence
            self._newest[row.kind] = row.sequence
        self._batch = []
        gone = [number for numbers in change.gone.values() for number in numbers]
        del self._acked[: len(gone)]
        for number in gone:
            self._taken.pop(number, None)
        del self._parking[: len(change.parked)]
        del self._unparking[: len(change.unparked)]
        if done.parked or done.unparked:
            self._begin_again()
        if self._session_wanted:
            # What this commit stored counts as live where it was put after the connection stood.
            self._lanes = Lanes(self._disk.last_sequence - len(done.stored))
            self._session_wanted = False
        if self._lanes is not None:
            self._lanes.stored(done.stored)
            self._ring()
        self._settled.notify_all()

    def _trim(self) -> None:
        """Give up one chunk of what may be given up, if there must be room."""
        if not self._keeper.quota.due:
            return
        self._keeper.trim()
        figures = self._keeper.figures()
        with self._lock:
            self._disk = figures
            if not figures.trimming:
                self._retry_at_s = 0.0  # there is room now, or there will be none

    def _read_ahead(self) -> None:
        """Fill the lanes. Only this thread reads; only rows that nobody has taken go in."""
        with self._lock:
            lanes = self._lanes
            wanted = (
                [(lane, lane.cursor, lane.end, lane.wants) for lane in lanes.hungry()]
                if lanes
                else []
            )
        for lane, cursor, end, limit in wanted:
            rows = self._keeper.read(lane.priority, cursor, end, limit)
            with self._lock:
                lane.rows.extend(row for row in rows if row.sequence not in self._taken)
                lane.cursor = rows[-1].sequence if len(rows) == limit else max(end, lane.cursor)
                self._ring()

    def _ring(self) -> None:
        if self._bell is not None and self._lanes is not None and not self._lanes.empty:
            self._bell.set()
