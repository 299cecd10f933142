"""The outbox's worker: commits in groups, deletes what was acknowledged, reads ahead, trims."""

from collections import Counter
from dataclasses import replace

from drivers.clock import Clock
from telemetry.contract.envelope import unit_of
from telemetry.outbox.ages import Ages
from telemetry.outbox.desk import GROUP_ROWS, Desk
from telemetry.outbox.keeper import Keeper
from telemetry.outbox.lanes import Lanes
from telemetry.outbox.rows import OTHER_UNIT, Change, Done, Parking, Row, by_priority
from telemetry.outbox.schema import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreUnreadError,
)
from telemetry.outbox.waiting import BATCH_ROWS, MEMORY_ROWS

RETRY_S = 1.0
READ_TRIES = 5  # in a row, a page cannot be read: then it is damage


class Clerk:
    """One thread's. Between the desk, where all others leave and fetch, and the keeper's file."""

    def __init__(self, desk: Desk, keeper: Keeper, ages: Ages, clock: Clock, unit: str) -> None:
        self._desk = desk
        self._keeper = keeper
        self._ages = ages
        self._clock = clock
        self._unit = unit
        self._retry_at_s = 0.0
        self._failed = False  # the last step did not come to its end
        self._unread = 0  # steps in a row that failed on reading

    def work(self, timeout_s: float) -> None:
        """See `Outbox.work`."""
        desk = self._desk
        until_s = self._clock.mono_s() + timeout_s
        with desk.lock:
            while not self._is_due() and (left_s := self._patience_s(until_s)) > 0:
                if not desk.wake.wait(left_s):
                    break
        self._step()

    def close(self) -> None:
        """See `Outbox.close`."""
        desk = self._desk
        with desk.lock:
            desk.closed = True
        for _ in range(2 + 2 * MEMORY_ROWS // BATCH_ROWS):
            self._retry_at_s = 0.0
            self._step()
            if desk.fault or not (desk.waiting.ready or desk.batch or desk.acked):
                break
        self._keeper.close()
        with desk.lock:
            desk.fault = "closed"
            desk.settled.notify_all()

    def _is_due(self) -> bool:
        desk = self._desk
        if self._failed:
            return False  # the next try comes by the clock, not with each draft
        # A full disk takes no drafts, but it still gives rows, and deletes make room.
        waiting = len(desk.acked) + (desk.waiting.ready if desk.fault is None else 0)
        hungry = desk.lanes is not None and bool(desk.lanes.hungry())
        opening = not self._keeper.is_open or desk.session_wanted
        hurried = desk.hurried and desk.fault is None
        return bool(hurried or waiting >= GROUP_ROWS or hungry or opening or desk.disk.trimming)

    def _patience_s(self, until_s: float) -> float:
        desk = self._desk
        ends_s = self._retry_at_s if desk.fault is not None else desk.group_ends_s
        return (until_s if ends_s is None else min(until_s, ends_s)) - self._clock.mono_s()

    def _step(self) -> None:
        desk = self._desk
        resting = desk.fault is not None and self._clock.mono_s() < self._retry_at_s
        if resting and self._failed:
            return
        drops = self._keeper.tally.since_start
        try:
            self._do_all(resting)
            self._failed, self._unread = False, 0
        except StoreCorruptError as error:
            self._fail(f"the queue's file is damaged, a new one is begun: {error}")
            self._keeper.condemn()
        except StoreError as error:
            self._fail(f"the disk refuses: {error}")
            self._unread = self._unread + 1 if isinstance(error, StoreUnreadError) else 0
            if self._unread >= READ_TRIES:
                self._keeper.condemn()
        if self._keeper.tally.since_start != drops:
            with desk.lock:
                desk.dropped_at_s = self._clock.mono_s()

    def _do_all(self, resting: bool) -> None:
        desk = self._desk
        if not self._keeper.is_open:
            self._open()
        if not resting or desk.acked or desk.parking or desk.session_wanted:
            self._commit()
        self._read_ahead()  # what is sent makes room too, where none can be made otherwise
        self._trim()

    def _fail(self, text: str) -> None:
        desk = self._desk
        self._failed = True
        self._retry_at_s = self._clock.mono_s() + RETRY_S
        with desk.lock:
            desk.fault = text
            desk.settled.notify_all()

    def _open(self) -> None:
        desk = self._desk
        self._keeper.open()
        newest = self._keeper.newest()
        with desk.lock:
            if self._ages.earlier is None:
                self._ages.earlier = self._keeper.last_sequence
            desk.newest = newest
            self._begin_again()  # the file may have been replaced under a standing connection

    def _begin_again(self) -> None:
        """Where a session stands: what is on the disk is looked at anew."""
        desk = self._desk
        if desk.lanes is not None:
            desk.lanes = None
            desk.session_wanted = True

    def _commit(self) -> None:
        desk = self._desk
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
        with desk.lock:
            desk.disk, desk.fault, desk.looked = figures, fault, True
            if fault is not None:
                desk.waiting.put_back(desk.batch)
                desk.batch = []
            self._settle(change, done)

    def _gather(self) -> Change:
        """What the next commit is to do."""
        desk = self._desk
        with desk.lock:
            if not desk.batch:  # else it is the one that failed, to be tried again as it was
                desk.batch = desk.waiting.batch(self._keeper.quota.lowest_taken)
            drops, desk.drops = desk.drops, Counter()
            desk.group_ends_s = None
            self._keeper.tally.count(drops)
            return Change(
                put=[row for row, _ in desk.batch],
                gone=by_priority(desk.acked),
                parked=tuple(desk.parking),
                unparked=tuple(desk.unparking),
            )

    def _settle(self, change: Change, done: Done) -> None:
        desk = self._desk
        for row, (_, receipt) in zip(done.stored, desk.batch, strict=True):
            receipt.sequence = row.sequence
            desk.newest[row.kind] = row.sequence
        desk.batch = []
        gone = [number for numbers in change.gone.values() for number in numbers]
        del desk.acked[: len(gone)]
        for number in (*gone, *(parking.sequence for parking in change.parked)):
            desk.taken.pop(number, None)
        del desk.parking[: len(change.parked)]
        del desk.unparking[: len(change.unparked)]
        if done.parked or done.unparked:
            self._begin_again()
        if desk.session_wanted:
            # What this commit stored counts as live where it was put after the connection stood.
            desk.lanes = Lanes(desk.disk.last_sequence - len(done.stored))
            desk.session_wanted = False
        if desk.lanes is not None:
            desk.lanes.stored(done.stored)
        desk.settled.notify_all()  # first those who wait, then the publisher
        self._ring()

    def _trim(self) -> None:
        """Give up one chunk of what may be given up, if there must be room."""
        desk = self._desk
        if not self._keeper.quota.due:
            return
        self._keeper.trim()
        figures = self._keeper.figures()
        with desk.lock:
            desk.disk = figures
            if not figures.trimming:
                self._retry_at_s = 0.0  # there is room now, or there will be none

    def _read_ahead(self) -> None:
        """Fill the lanes. Only this thread reads; only rows that nobody has taken go in."""
        desk = self._desk
        with desk.lock:
            lanes = desk.lanes
            wanted = (
                [(lane, lane.cursor, lane.end, lane.wants) for lane in lanes.hungry()]
                if lanes
                else []
            )
        for lane, cursor, end, limit in wanted:
            rows = self._keeper.read(lane.priority, cursor, end, limit)
            with desk.lock:
                ours = self._without_others(rows)
                lane.rows.extend(row for row in ours if row.sequence not in desk.taken)
                lane.cursor = rows[-1].sequence if len(rows) == limit else max(end, lane.cursor)
                self._ring()

    def _without_others(self, rows: list[Row]) -> list[Row]:
        """A unit that was renamed keeps what it stored under its old name. No hub takes that from
        the new one, so it is laid aside."""
        desk, ours = self._desk, []
        for row in rows:
            name = unit_of(row.body)
            if name in (None, self._unit):
                ours.append(row)
                continue
            cause = f"{OTHER_UNIT}: it was stored as {name}"
            now_ms = self._ages.now_ms()
            desk.parking.append(
                Parking(sequence=row.sequence, cause=cause, refusals=0, parked_ms=now_ms)
            )
            desk.group_ends_s = self._clock.mono_s()
        return ours

    def _ring(self) -> None:
        desk = self._desk
        if desk.bell is not None and desk.lanes is not None and not desk.lanes.empty:
            desk.bell.set()
