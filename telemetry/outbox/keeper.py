"""The store that heals itself: makes room, reopens, sets a corrupt file aside, keeps the numbering.

Used by one thread. What it cannot do now it raises as StoreError; the caller tries again later with
the very same batch.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from telemetry.contract.topics import Leaf
from telemetry.outbox.rescue import HighWater, aside, folder_errors, salvage, set_aside
from telemetry.outbox.store import (
    PRIORITIES,
    NewRow,
    Row,
    Store,
    StoreCorruptError,
    StoreError,
    StoreFullError,
)

POSITIONS, DIAGNOSTICS = 3, 4  # the only priorities that are ever given up for room
TRIM_AT, TRIM_TO = 0.80, 0.75  # of the limit; above it only priorities 0 to 2 may grow
CHUNK = 1000


class Keeper:
    """Owns the file. `depth` may be read between calls, `drops` at any time by any thread."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._high_water = HighWater(path.with_name(path.name + ".sequence"))
        self._reserved = 0
        self._store: Store | None = None
        self._uncertain: int | None = None  # first sequence of a commit that failed half-way
        self._condemned = False  # damage was seen while the file was open
        self.depth = [0] * PRIORITIES
        self.drops: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        return self._store is not None

    @property
    def last_sequence(self) -> int:
        return self._store.last_sequence if self._store else 0

    def open(self) -> None:
        """Open the file; a corrupt one is set aside, and what is readable in it taken over.

        Raises StoreError where there is no usable folder or disk.
        """
        with folder_errors():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.is_dir():
                set_aside(self._path)
            fresh = not self._path.exists()
        if self._condemned:
            self._begin_anew()
            return
        try:
            store = Store.open(self._path, self._max_bytes)
        except StoreCorruptError:
            self._begin_anew()
            return
        self._adopt(store, fresh=fresh)

    def condemn(self) -> None:
        """Damage was seen: close the file; the next `open` sets it aside. Never raises."""
        self._condemned = True
        self._uncertain = None
        self.close()

    def commit(self, batch: Sequence[NewRow], acked: Sequence[int]) -> list[Row]:
        """Store and delete, on the disk when it returns. Makes room if there is none.

        After a StoreError the caller comes back with the same batch: should the failed commit have
        reached the disk after all, it is not stored twice.
        """
        store = self._opened()
        self._reserve(store.last_sequence + len(batch))
        try:
            stored = self._found_after_all(store, batch) or self._append(store, batch, acked)
        except (StoreFullError, StoreCorruptError):
            raise  # full: rolled back, the file is as sound as before
        except StoreError:
            # After a failed sync nothing in this connection's memory can be trusted.
            self._uncertain = store.last_sequence + 1 if batch else None
            self.close()
            raise
        self._uncertain = None
        if store.used_pages() > TRIM_AT * store.max_pages:
            self._trim(store)
        return stored

    def read(self, priority: int, after: int, up_to: int, limit: int) -> list[Row]:
        return self._opened().read(priority, after, up_to, limit)

    def newest(self) -> dict[Leaf, int]:
        return self._opened().newest()

    def oldest(self) -> tuple[int, int] | None:
        return self._opened().oldest()

    def file_bytes(self) -> int:
        return self._opened().file_bytes()

    def set_aside_count(self) -> int:
        return len(aside(self._path))

    def close(self) -> None:
        """Never raises."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreError("the file is not open")
        return self._store

    def _begin_anew(self) -> None:
        with folder_errors():
            old = set_aside(self._path)
        store = Store.open(self._path, self._max_bytes)
        saved = sum(store.take_over(n, salvage(old, n)) for n in range(PRIORITIES))
        if (lost := sum(self.depth) - saved) > 0:
            self._count_drops("corrupt_file", lost)
        self._adopt(store, fresh=True)
        self._condemned = False

    def _adopt(self, store: Store, *, fresh: bool) -> None:
        try:
            self._reserved = self._high_water.read()
            if fresh and self._reserved > store.last_sequence:
                store.start_after(self._reserved)
            self.depth = store.counts()
        except StoreError:
            store.close()
            raise
        self._store = store

    def _reserve(self, sequence: int) -> None:
        if sequence <= self._reserved:
            return
        target = sequence + self._high_water.step
        # Without the side file all goes on; only a lost database would then start at 1.
        with suppress(OSError):
            self._high_water.write(target)
        self._reserved = target

    def _found_after_all(self, store: Store, batch: Sequence[NewRow]) -> list[Row]:
        first = self._uncertain
        if first is None or not batch or store.id_at(first) != batch[0].id:
            return []
        return [
            Row(sequence, row.priority, row.kind, row.id, row.body)
            for sequence, row in enumerate(batch, first)
        ]

    def _append(self, store: Store, batch: Sequence[NewRow], acked: Sequence[int]) -> list[Row]:
        try:
            stored, deleted = store.append(batch, acked)
        except StoreFullError:
            # Deletes need no room in the table, but the log does: give it back its own pages.
            store.checkpoint()
            self._delete(store, acked)
            self._trim(store)
            stored, deleted = store.append(batch, ())
        for row in stored:
            self.depth[row.priority] += 1
        self._forget(deleted)
        return stored

    def _trim(self, store: Store) -> None:
        """Give up diagnostics, oldest first, then every second position; never anything else."""
        target = TRIM_TO * store.max_pages
        while store.used_pages() > target:
            oldest = store.sequences(DIAGNOSTICS, CHUNK)
            if not oldest:
                break
            self._count_drops("full_diagnostics", self._delete(store, oldest))
        while store.used_pages() > target and self._thin(store):
            store.checkpoint()

    def _thin(self, store: Store) -> int:
        """Give up an eighth of the positions, where they are densest. Returns how many."""
        track = store.sequences(POSITIONS, None)
        surplus = thinned(track, max(len(track) // 8, 100))
        self._count_drops("full_positions_thinned", self._delete(store, surplus))
        if surplus:
            # Half-empty pages are no room yet: the rows between the gaps are written anew.
            for start in range(0, len(track), CHUNK):
                chunk = track[start : start + CHUNK]
                if chunk[-1] >= surplus[0]:
                    store.repack(POSITIONS, chunk[0], chunk[-1])
        return len(surplus)

    def _count_drops(self, cause: str, count: int) -> None:
        self.drops = self.drops + Counter({cause: count})  # replaced: others read it meanwhile

    def _delete(self, store: Store, sequences: Sequence[int]) -> int:
        _, deleted = store.append((), sequences)
        self._forget(deleted)
        return sum(deleted.values())

    def _forget(self, deleted: Counter[int]) -> None:
        for priority, count in deleted.items():
            self.depth[priority] -= count


def thinned(track: Sequence[int], wanted: int) -> list[int]:
    """Which of these to leave out so that about `wanted` go and no large hole opens.

    The first and the last stay. Where rows are densest they go first: the distance that a gap may
    reach doubles only when the track is nowhere denser.
    """
    reach = 2
    while len(track) > 2:
        surplus: list[int] = []
        kept = track[0]
        for here, after in pairwise(track[1:]):
            if after - kept <= reach and len(surplus) < wanted:
                surplus.append(here)
            else:
                kept = here
        if len(surplus) >= wanted or reach > track[-1] - track[0]:
            return surplus
        reach *= 2
    return []
