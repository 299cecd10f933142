"""The store that heals itself: makes room, reopens, sets a corrupt file aside, keeps the numbering.

Used by one thread. What it cannot do now it raises as StoreError; the caller tries again later with
the very same batch.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from telemetry.contract.topics import RETAINED_LEAVES, Leaf
from telemetry.outbox.drops import DropTally
from telemetry.outbox.facts import DiskFigures
from telemetry.outbox.quota import Quota
from telemetry.outbox.rescue import (
    HighWater,
    aside,
    folder_errors,
    put_in_place,
    rescue,
    set_aside,
)
from telemetry.outbox.reserve import Reserve
from telemetry.outbox.rows import OTHER_UNIT, POSITIONS, PRIORITIES, Change, Done, NewRow, Row
from telemetry.outbox.schema import StoreCorruptError, StoreError, StoreFullError
from telemetry.outbox.store import Store

PARKED_ROWS = 1000  # of positions and diagnostics; the urgent ones are kept all


class Keeper:
    """Owns the file. `depth`, `parked` and `quota` may be read between calls, the counters of
    `tally` at any time by any thread."""

    def __init__(self, path: Path, max_bytes: int, thin_within_m: float) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._within_m = thin_within_m
        self._new = path.with_name(path.name + ".new")
        self._high_water = HighWater(path.with_name(path.name + ".sequence"))
        self._reserve_file = Reserve(path.with_name(path.name + ".reserve"))
        self._squeezed = False  # the disk is full, and the reserve given up
        self._store: Store | None = None
        self._quota: Quota | None = None
        self._uncertain: int | None = None  # first sequence of a commit that failed half-way
        self._condemned = False  # damage was seen while the file was open
        self._set_aside = 0
        self.depth = [0] * PRIORITIES
        self.parked, self.other_unit = [0] * PRIORITIES, 0
        self.tally = DropTally()

    @property
    def is_open(self) -> bool:
        return self._store is not None

    @property
    def last_sequence(self) -> int:
        return self._store.last_sequence if self._store else 0

    @property
    def quota(self) -> Quota:
        if self._quota is None:
            raise StoreError("the file is not open")
        return self._quota

    def open(self) -> None:
        """Open the file; a corrupt one is set aside, and what is readable in it taken over.

        Raises StoreError where there is no usable folder or disk.
        """
        with folder_errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.is_dir():
                set_aside(self._path)
            fresh = not self._path.exists()
            if fresh and self._new.exists():  # the power was cut before the last step of a rescue
                put_in_place(self._new, self._path)
        try:
            self._adopt(self._sound_store(), fresh=fresh)
        except StoreCorruptError:
            self._begin_anew()

    def _sound_store(self) -> Store:
        if self._condemned:
            raise StoreCorruptError("damage was seen while it was open")
        return Store.open(self._path, self._max_bytes)

    def condemn(self) -> None:
        """Damage was seen: close the file; the next `open` sets it aside. Never raises."""
        self._condemned = True
        self._uncertain = None
        self.close()

    def commit(self, change: Change) -> Done:
        """Make the change, on the disk when it returns.

        After a StoreError the caller comes back with the same rows: should the failed commit have
        reached the disk after all, they are not stored twice.
        """
        store = self._opened()
        self._breathe(store)
        self._high_water.ensure(store.last_sequence + len(change.put))
        found = self._found_after_all(store, change.put)
        try:
            done = self._commit(store, change) if found is None else self._ensure(found, change)
        except (StoreFullError, StoreCorruptError):
            self._uncertain = None
            raise  # full: rolled back, the file is as sound as before
        except StoreError:
            # After a failed sync nothing in this connection's memory can be trusted.
            if found is None:
                self._uncertain = store.last_sequence + 1 if change.put else None
            self.close()
            raise
        self._uncertain = None
        if done.parked or done.unparked:
            self.other_unit = store.parked_for(OTHER_UNIT)
            self._bound_parked(store)
        return done

    def trim(self) -> None:
        """Give up one chunk of what may be given up, if there is a reason to."""
        store = self._opened()
        if not self.quota.due:
            return
        try:
            self._give_up(store)
        except (StoreFullError, StoreCorruptError):
            raise
        except StoreError:
            self.close()
            raise

    def _give_up(self, store: Store) -> None:
        self._bound_parked(store)
        cause, change = self.quota.give_up()
        if change:
            counters = {**change.counters, **self.tally.unwritten()}
            done = self._apply(store, replace(change, counters=counters))
            self.tally.count({cause: sum(done.deleted.values())})
        self.quota.tidy(change)
        self.quota.look()

    def read(self, priority: int, after: int, up_to: int, limit: int) -> list[Row]:
        return self._opened().read(priority, after, up_to, limit)

    def newest(self) -> dict[Leaf, int]:
        """The sequence of the newest row ever stored, for each retained kind."""
        counters = self._opened().counters()
        return {kind: counters.get(f"newest.{kind}", 0) for kind in RETAINED_LEAVES}

    def figures(self) -> DiskFigures:
        """How the disk is doing now."""
        store, quota = self._opened(), self.quota
        oldest = store.oldest()
        quota.passed(oldest[POSITIONS])
        return DiskFigures(
            depth=tuple(self.depth),
            parked=sum(self.parked),
            other_unit=self.other_unit,
            tolerance_m=quota.tolerance_m,
            size_bytes=store.file_bytes(),
            last_sequence=store.last_sequence,
            oldest=min((each for each in oldest if each is not None), default=None),
            set_aside=self._set_aside,
            lowest_taken=quota.lowest_taken,
            trimming=quota.due,
        )

    def close(self) -> None:
        """Never raises."""
        if self._store is not None:
            if counters := self.tally.unwritten():
                with suppress(StoreError):
                    self._store.commit(Change(counters=counters))
            self._store.close()
            self._store = self._quota = None

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreError("the file is not open")
        return self._store

    # --- opening ---

    def _begin_anew(self) -> None:
        """Save what can be read into a new file; it takes the old one's place when it is whole."""
        saved, left = rescue(self._path, self._new, self._max_bytes, self._reserve_file.release)
        with folder_errors():
            set_aside(self._path)
            put_in_place(self._new, self._path)
        if (lost := max(sum(self.depth) - saved, left)) > 0:
            self.tally.count({"corrupt_file": lost})
        self._adopt(Store.open(self._path, self._max_bytes), fresh=True)
        self._condemned = False

    def _adopt(self, store: Store, *, fresh: bool) -> None:
        try:
            reserved = self._high_water.read()
            if fresh and reserved > store.last_sequence:
                store.start_after(reserved)
            elif (given_out := self._high_water.last()) > store.last_sequence:
                # Later commits stood in the log, and its end is lost.
                self.tally.count({"log_lost": given_out - store.last_sequence})
                store.start_after(given_out)
            counters = store.counters()
            self.depth = [count for count, _ in store.sizes()]
            self.parked = store.parked_counts()
            self.other_unit = store.parked_for(OTHER_UNIT)
            self._set_aside = len(aside(self._path))
            self._quota = Quota(store, self._within_m, counters)
            self.tally.opened(counters)
            self._squeezed = False
            self._reserve_file.take()
        except StoreError:
            store.close()
            raise
        self._store = store

    def _found_after_all(self, store: Store, batch: Sequence[NewRow]) -> list[Row] | None:
        """The rows of a commit that was in doubt, where it had reached the file."""
        first = self._uncertain
        if first is None or not batch or store.id_at(first) != batch[0].id:
            return None
        return [
            Row(sequence, row.priority, row.kind, row.id, row.body)
            for sequence, row in enumerate(batch, first)
        ]

    def _ensure(self, found: Sequence[Row], change: Change) -> Done:
        """Make a commit that was in doubt certain, and do what came to the change since.

        It stands in the log, which a sync has failed on: the kernel may believe that its pages are
        written, and they are not. What the emptying moves to the table is written and synced anew.
        """
        store = self._opened()
        store.empty_log()
        self.quota.changed(self.depth, found)
        try:
            return replace(self._commit(store, replace(change, put=())), stored=found)
        except StoreFullError as error:
            raise StoreError(str(error)) from error  # not as if the rows had found no room

    # --- changing ---

    def _commit(self, store: Store, change: Change) -> Done:
        change = replace(change, counters={**change.counters, **self.tally.unwritten()})
        try:
            done = self._apply(store, change)
        except StoreFullError:
            if store.file_pages() < store.max_pages:
                self._squeeze(store)
            # Deletes need no room in the table, but the log does: give it back its own pages.
            with suppress(StoreFullError):
                store.checkpoint()
            first = self._apply(store, replace(change, put=(), unparked=()))
            then = self._apply(store, Change(put=change.put, unparked=change.unparked))
            done = replace(then, deleted=first.deleted, parked=first.parked)
        return done

    def _squeeze(self, store: Store) -> None:
        """The disk itself is full: go on within the pages that the file has."""
        self._reserve_file.release()
        store.limit(store.file_pages())
        self.quota.disk_is_full()
        self._squeezed = True

    def _breathe(self, store: Store) -> None:
        """Where the disk was full: is there room again?"""
        if self._squeezed and self._reserve_file.take():
            store.limit(store.max_pages)
            self.quota.disk_has_room()
            self._squeezed = False

    def _apply(self, store: Store, change: Change) -> Done:
        done = store.commit(change)
        if change.put:
            self._high_water.note(store.last_sequence)
        self.tally.written(change.counters)
        for row in done.stored:
            self.depth[row.priority] += 1
        self._move(done.deleted, depth=-1)
        self._move(done.parked, depth=-1, parked=1)
        self._move(done.unparked, depth=1, parked=-1)
        self.quota.changed(self.depth, done.stored)
        return done

    def _bound_parked(self, store: Store) -> None:
        """Refused positions and diagnostics must not fill the disk; another unit's: a full one."""
        kept = PARKED_ROWS if self.quota.due else PARKED_ROWS + self.other_unit
        if (surplus := sum(self.parked[POSITIONS:]) - kept) > 0:
            self.tally.count({"parked_full": store.drop_parked(surplus)})
            self.parked = store.parked_counts()
            self.other_unit = store.parked_for(OTHER_UNIT)

    def _move(self, counts: Mapping[int, int], *, depth: int, parked: int = 0) -> None:
        for priority, count in counts.items():
            self.depth[priority] += depth * count
            self.parked[priority] += parked * count
