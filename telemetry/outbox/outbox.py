"""The durable queue between those who have something to tell and the link that comes and goes.

Any thread may `put`. One worker thread runs `work` in a loop and owns the disk: it commits what was
put, in groups, deletes what was acknowledged, and reads ahead what is to be sent. The publisher's
thread takes rows with `take` and gives them back with `acked` or `release`.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drivers.clock import Clock
from telemetry.bell import Bell
from telemetry.contract.envelope import Draft, Sender, body_of
from telemetry.contract.topics import Leaf
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.facts import DiskFigures, OutboxStats, Outgoing, Receipt
from telemetry.outbox.keeper import Keeper
from telemetry.outbox.lanes import Lanes
from telemetry.outbox.store import NewRow, Row, StoreCorruptError, StoreError, StoreFullError

GROUP_S = 0.2  # contract G1: positions and health are on the disk within this time
GROUP_ROWS = 100  # commit at once when so many wait
BATCH_ROWS = 500  # at most, in one commit
MEMORY_ROWS = 20_000  # put but not yet on the disk; so many only while the disk refuses
RETRY_S = 1.0
EARLIER_LONGEST_MS = 366 * 86_400_000  # rows that seem older were stored by a clock not yet set
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Outbox:
    """See the module. Making one touches no disk and cannot fail; `work` opens the file."""

    def __init__(self, path: Path, sender: Sender, clock: Clock, max_bytes: int) -> None:
        self._sender = sender
        self._clock = clock
        self._max_bytes = max_bytes
        # Ages must not jump when somebody sets the clock: the date is read once, here.
        self._begun_mono_s = clock.mono_s()
        self._begun_ms = (clock.utc() - _EPOCH) // _MS
        self._earlier: int | None = None  # last sequence of earlier runs, once known
        # Touched by the worker only:
        self._keeper = Keeper(path, max_bytes)
        self._retry_at_s = 0.0
        # Shared, under the lock:
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # the worker waits on it
        self._settled = threading.Condition(self._lock)  # those who put durably wait on it
        self._waiting: deque[tuple[NewRow, Receipt]] = deque()
        self._batch: list[tuple[NewRow, Receipt]] = []  # being committed, or to be tried again
        self._group_ends_s: float | None = None
        self._hurried = 0  # callers that wait for the commit
        self._acked: list[int] = []
        self._taken: set[int] = set()  # with the publisher, or acked and not yet deleted
        self._lanes: Lanes | None = None
        self._session_wanted = False
        self._bell: Bell | None = None
        self._newest: dict[Leaf, int] = {}
        self._drops: Counter[str] = Counter()
        self._fault: str | None = None
        self._disk = DiskFigures()
        self._looked = False
        self._closed = False

    # --- for producers, any thread ---

    def put(self, draft: Draft, *, durable: bool, timeout_s: float = 1.0) -> Receipt:
        """Queue a draft; with `durable`, return when it is on the disk.

        Where the disk refuses, or takes longer than `timeout_s`, the receipt is not `stored` yet:
        the draft is kept in memory, and tried again for as long as the process lives.
        """
        receipt = Receipt(uuid7(draft.time))  # not the computer's clock: it may know less
        body = body_of(self._sender, draft, receipt.id)
        row = NewRow(draft.priority, draft.kind, receipt.id, self._now_ms(), body)
        with self._lock:
            self._admit(row, receipt)
            if durable and not receipt.dropped and self._fault is None:
                self._hurried += 1
                self._wake.notify()
                self._settled.wait_for(lambda: self._is_settled(receipt), timeout_s)
                self._hurried -= 1
        return receipt

    def _admit(self, row: NewRow, receipt: Receipt) -> None:
        if self._closed or (
            len(self._waiting) >= MEMORY_ROWS and not self._make_room(row.priority)
        ):
            self._drop("put_after_close" if self._closed else "memory_full", receipt)
            return
        self._waiting.append((row, receipt))
        if self._group_ends_s is None:
            self._group_ends_s = self._clock.mono_s() + GROUP_S
            self._wake.notify()
        elif len(self._waiting) >= GROUP_ROWS:
            self._wake.notify()

    def _make_room(self, priority: int) -> bool:
        """Drop the oldest draft in memory that is less urgent than this one."""
        lowest = max(row.priority for row, _ in self._waiting)
        if lowest <= priority:
            return False
        index = next(n for n, (row, _) in enumerate(self._waiting) if row.priority == lowest)
        self._drop("memory_full", self._waiting[index][1])
        del self._waiting[index]
        return True

    def _drop(self, cause: str, receipt: Receipt) -> None:
        receipt.dropped = True
        self._drops[cause] += 1

    def _is_settled(self, receipt: Receipt) -> bool:
        return receipt.stored or receipt.dropped or self._fault is not None

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

    def take(self, limit: int) -> list[Outgoing]:
        """The next rows to send, at most `limit`, perhaps none."""
        with self._lock:
            if self._lanes is None or limit <= 0:
                return []
            found = self._lanes.take(limit)
            self._taken.update(row.sequence for row, _ in found)
            if self._lanes.hungry():
                self._wake.notify()
            return [
                Outgoing(row=row, live=live, newest=row.sequence >= self._newest.get(row.kind, 0))
                for row, live in found
            ]

    def acked(self, sequences: Iterable[int]) -> None:
        """The other side has these: they may leave the disk. Only taken rows are touched."""
        with self._lock:
            self._acked += [number for number in sequences if number in self._taken]
            if self._group_ends_s is None:
                self._group_ends_s = self._clock.mono_s() + GROUP_S
                self._wake.notify()
            elif len(self._acked) >= GROUP_ROWS:
                self._wake.notify()

    def release(self, sequences: Iterable[int]) -> None:
        """The publisher lets go of these; they come again in the next session."""
        with self._lock:
            self._taken.difference_update(sequences)

    # --- for everyone ---

    def pending(self) -> int:
        """How many messages the other side does not have yet, as far as is known.

        Until the file has been looked into for the first time that is not known, and counts as one.
        """
        with self._lock:
            waiting = len(self._waiting) + len(self._batch) + (not self._looked)
            return sum(self._disk.depth) + waiting - len(self._acked)

    def stats(self) -> OutboxStats:
        with self._lock:
            disk = self._disk
            return OutboxStats(
                depth=sum(disk.depth),
                by_priority=disk.depth,
                in_memory=len(self._waiting) + len(self._batch),
                oldest_age_s=self._age_s(*disk.oldest) if disk.oldest else None,
                size_bytes=disk.size_bytes,
                limit_bytes=self._max_bytes,
                last_sequence=disk.last_sequence,
                drops=dict(self._drops + self._keeper.drops),
                set_aside=disk.set_aside,
                fault=self._fault,
            )

    def _now_ms(self) -> int:
        return self._begun_ms + self._run_ms()

    def _run_ms(self) -> int:
        return round((self._clock.mono_s() - self._begun_mono_s) * 1000)

    def _age_s(self, sequence: int, put_ms: int) -> float:
        """Exact for rows of this run. One of an earlier run is at least as old as this run; what
        the clock says on top is believed if no clock can have been set in between."""
        if self._earlier is None or sequence > self._earlier:
            return max(0, self._now_ms() - put_ms) / 1000
        age_ms = (self._clock.utc() - _EPOCH) // _MS - put_ms
        return max(self._run_ms(), age_ms if age_ms < EARLIER_LONGEST_MS else 0) / 1000

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
        for _ in range(2 + MEMORY_ROWS // BATCH_ROWS):
            self._retry_at_s = 0.0
            self._step()
            if self._fault or not (self._waiting or self._batch or self._acked):
                break
        self._keeper.close()
        with self._lock:
            self._fault = "closed"
            self._settled.notify_all()

    def _is_due(self) -> bool:
        if self._fault is not None and not self._keeper.is_open:
            return False  # the next try comes by the clock, not with each draft
        # A full disk takes no drafts, but it still gives rows, and deletes make room.
        waiting = len(self._acked) + (len(self._waiting) if self._fault is None else 0)
        hungry = self._lanes is not None and bool(self._lanes.hungry())
        opening = not self._keeper.is_open or self._session_wanted
        return bool(self._hurried or waiting >= GROUP_ROWS or hungry or opening)

    def _patience_s(self, until_s: float) -> float:
        ends_s = self._retry_at_s if self._fault is not None else self._group_ends_s
        return (until_s if ends_s is None else min(until_s, ends_s)) - self._clock.mono_s()

    def _step(self) -> None:
        resting = self._fault is not None and self._clock.mono_s() < self._retry_at_s
        try:
            if not self._keeper.is_open:
                if resting:
                    return
                self._open()
            if not resting or self._acked or self._session_wanted:
                self._commit()
            self._read_ahead()
        except StoreCorruptError as error:
            self._fail(f"the queue's file is damaged, a new one is begun: {error}")
            self._keeper.condemn()
        except StoreError as error:
            self._fail(f"the disk refuses: {error}")

    def _fail(self, text: str) -> None:
        self._retry_at_s = self._clock.mono_s() + RETRY_S
        with self._lock:
            self._fault = text
            self._settled.notify_all()

    def _open(self) -> None:
        self._keeper.open()
        newest = self._keeper.newest()
        with self._lock:
            if self._earlier is None:
                self._earlier = self._keeper.last_sequence
            self._newest = newest
            if self._lanes is not None:  # the file was replaced under a standing connection
                self._lanes = None
                self._session_wanted = True

    def _commit(self) -> None:
        with self._lock:
            if not self._batch:  # else it is the one that failed, to be tried again as it was
                count = min(BATCH_ROWS, len(self._waiting))
                self._batch = [self._waiting.popleft() for _ in range(count)]
            batch, acked = self._batch, self._acked[:]
            self._group_ends_s = None
        stored: list[Row] = []
        fault: str | None = None
        try:
            if batch or acked:
                stored = self._keeper.commit([row for row, _ in batch], acked)
        except StoreFullError as error:
            self._keeper.commit((), acked)
            self._retry_at_s = self._clock.mono_s() + RETRY_S
            fault = f"the queue is full, new messages wait in memory: {error}"
        snapshot = DiskFigures(
            depth=tuple(self._keeper.depth),
            size_bytes=self._keeper.file_bytes(),
            last_sequence=self._keeper.last_sequence,
            oldest=self._keeper.oldest(),
            set_aside=self._keeper.set_aside_count(),
        )
        with self._lock:
            self._disk, self._fault, self._looked = snapshot, fault, True
            self._settle(stored, acked)

    def _settle(self, stored: list[Row], acked: list[int]) -> None:
        if self._fault is None:
            for row, (_, receipt) in zip(stored, self._batch, strict=True):
                receipt.sequence = row.sequence
                self._newest[row.kind] = row.sequence
            self._batch = []
        del self._acked[: len(acked)]
        self._taken.difference_update(acked)
        if self._session_wanted:
            # What this commit stored counts as live where it was put after the connection stood.
            self._lanes = Lanes(self._disk.last_sequence - len(stored))
            self._session_wanted = False
        if self._lanes is not None:
            self._lanes.stored(stored)
            self._ring()
        if stored or self._fault is not None:
            self._settled.notify_all()

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
