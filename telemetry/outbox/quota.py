"""Who may use how much of the file, and what is given up when that is too much.

Priorities 0 to 2 are never given up. Diagnostics go oldest first, positions by thinning their
track. All is done in steps of some milliseconds, so that whoever waits for a commit hardly notices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from telemetry.outbox.rows import DIAGNOSTICS, POSITIONS, PRIORITIES, ROW_BYTES, Change, Row
from telemetry.outbox.schema import PAGE_BYTES
from telemetry.outbox.store import Store
from telemetry.outbox.thinning import surplus, track_point

# Shares of the file. Above TRIM_AT of it in use, diagnostics and then positions are given up; so
# are those of a class that is above its own ceiling.
TRIM_AT, TRIM_TO = 0.80, 0.75
CEILINGS = {POSITIONS: 0.60, DIAGNOSTICS: 0.20}
CEILING_TO = 0.9  # of the ceiling
# A new row is taken only below this: what is left is the reserve of those more urgent.
TAKEN_BELOW = (1.0, 0.97, 0.97, 0.90, 0.90)

CHUNK = 400  # rows in one step: the worst track takes some 40 ms
MARKS_UNTIL = 6  # levels; beyond, starts, stops and changes of source are given up too
LAST_LEVEL = 22  # 10 m doubled so often is the size of the Earth


@dataclass(frozen=True, slots=True)
class Sweep:
    """How far the thinning of the stored track has come. Kept in the file, as counters.

    Rows up to `cursor` are thinned at `level`, those after it and up to `mark` at the level below,
    later ones not at all.
    """

    within_mm: int = 0  # as configured when the thinning of this track began
    level: int = 0
    cursor: int = 0
    mark: int = 0

    @classmethod
    def of(cls, counters: Mapping[str, int]) -> "Sweep":
        names = ("within_mm", "level", "cursor", "mark")
        sweep = cls(*(max(0, counters.get(f"thin.{name}", 0)) for name in names))
        return replace(sweep, level=min(sweep.level, LAST_LEVEL))

    @classmethod
    def first(cls, within_m: float) -> "Sweep":
        return cls(within_mm=round(within_m * 1000), level=1)

    @property
    def counters(self) -> dict[str, int]:
        return {f"thin.{name}": value for name, value in asdict(self).items()}

    @property
    def tolerance_m(self) -> float:
        """How far the thinned track may be from the full one: doubled with each level."""
        return self.within_mm / 1000 * 2.0 ** (self.level - 1) if self.level else 0.0

    @property
    def step_m(self) -> float:
        """What this sweep may add. Errors of successive sweeps add up at most (each is linear
        between the points that the one before has kept), so only the difference is left to it."""
        thinned_before = self.cursor < self.mark
        lower = replace(self, level=self.level - 1) if thinned_before else Sweep()
        return self.tolerance_m - lower.tolerance_m

    def next_level(self, last: int) -> "Sweep":
        return replace(self, level=self.level + 1, cursor=0, mark=last)


class Quota:
    """Decides on the figures of one open store, and gives up one chunk at a time."""

    def __init__(self, store: Store, within_m: float, counters: Mapping[str, int]) -> None:
        self._store = store
        self._within_m = within_m
        self._sweep = Sweep.of(counters)
        self._squeezed: int | None = None  # pages of the file when the disk itself was full
        self._trimming = False
        self._exhausted = False  # nothing is left that may be given up
        sizes = store.sizes()
        self._rows = [count for count, _ in sizes]
        self._row_bytes = [max(size / count if count else 0.0, 1.0) for count, size in sizes]
        self._used = 0
        self.look()

    @property
    def tolerance_m(self) -> float:
        """How far the stored track may be from the full one now; 0 where nothing was thinned."""
        return self._sweep.tolerance_m

    @property
    def lowest_taken(self) -> int:
        """Rows of this priority and more urgent ones have room."""
        share = self._used / self._store.max_pages
        return max(p for p in range(PRIORITIES) if p == 0 or share < TAKEN_BELOW[p])

    @property
    def due(self) -> bool:
        """There is something to give up, and a reason to."""
        return self._trimming and not self._exhausted

    def disk_is_full(self) -> None:
        """The file cannot grow now, whatever its limit says: make room in what it has."""
        self._squeezed = self._store.file_pages()
        self._exhausted = False
        self.look()

    def disk_has_room(self) -> None:
        self._squeezed = None

    def changed(self, rows: Sequence[int], stored: Sequence[Row]) -> None:
        """A commit was made; `rows` counts what is there now, by priority."""
        for row in stored:
            mean = self._row_bytes[row.priority]
            self._row_bytes[row.priority] = mean + (len(row.body) - mean) / 64
        self._exhausted = self._exhausted and sum(rows[POSITIONS:]) <= sum(self._rows[POSITIONS:])
        self._rows = list(rows)
        self.look()

    def look(self) -> None:
        """Take the figures anew. Trimming begins above a limit, and ends some way below it."""
        self._used = self._store.used_pages()
        level = CEILING_TO if self._trimming else 1.0
        total = TRIM_TO if self._trimming else TRIM_AT
        pages = self._squeezed or self._store.max_pages
        self._trimming = self._used > total * pages or any(
            self._share(priority) > level * ceiling for priority, ceiling in CEILINGS.items()
        )

    def _share(self, priority: int) -> float:
        taken = self._rows[priority] * (self._row_bytes[priority] + ROW_BYTES)
        return taken / (self._store.max_pages * PAGE_BYTES)

    # --- giving up ---

    def give_up(self) -> tuple[str, Change]:
        """What to give up next, and under which cause it counts; an empty change where this step
        only moved on. When it is done, call `tidy`."""
        pages = self._squeezed or self._store.max_pages
        crowded = self._used > TRIM_TO * pages
        full = crowded or self._share(DIAGNOSTICS) > CEILING_TO * CEILINGS[DIAGNOSTICS]
        if full and (oldest := self._store.oldest_sequences(DIAGNOSTICS, CHUNK)):
            return "full_diagnostics", Change(gone={DIAGNOSTICS: oldest})
        return self._thin() if self._rows[POSITIONS] > 2 else self._last_resort()

    def tidy(self, change: Change) -> None:
        """Half-empty pages are no room yet: the rows between the gaps are written anew."""
        thinned = change.gone.get(POSITIONS)
        if thinned:
            self._store.repack(POSITIONS, thinned[0] - 1, max(thinned[-1], self._sweep.cursor))
            self._store.checkpoint()

    def passed(self, oldest: tuple[int, int] | None) -> None:
        """The oldest position there is. All that was thinned has left: the next track begins
        unthinned."""
        sweep = self._sweep
        if sweep.level and (oldest is None or oldest[0] > max(sweep.cursor, sweep.mark)):
            self._sweep = Sweep()

    def _thin(self) -> tuple[str, Change]:
        if self._sweep.level == 0:
            self._sweep = Sweep.first(self._within_m)
        sweep = self._sweep
        rows = self._store.read(POSITIONS, sweep.cursor - 1, 2**62, CHUNK)
        last = rows[-1].sequence if rows else sweep.cursor
        going = self._going(rows, sweep)
        ended = len(rows) < CHUNK or last <= sweep.cursor
        if not ended:
            self._sweep = replace(sweep, cursor=last)
        elif going:
            self._sweep = replace(sweep, cursor=max(last, sweep.cursor))
        elif sweep.level < LAST_LEVEL:
            self._sweep = sweep.next_level(max(last, sweep.mark))
        else:
            return self._last_resort()
        counters = self._sweep.counters
        return "full_positions_thinned", Change(gone={POSITIONS: going}, counters=counters)

    def _going(self, rows: Sequence[Row], sweep: Sweep) -> list[int]:
        points = [track_point(row.sequence, row.body) for row in rows]
        track = [point for point in points if point is not None]
        keep_marks = sweep.level <= MARKS_UNTIL
        return surplus(track, sweep.step_m, keep_marks=keep_marks)

    def _last_resort(self) -> tuple[str, Change]:
        """What is no position cannot be thinned, although it came with their priority."""
        oldest = self._store.oldest_sequences(POSITIONS, CHUNK, but="position")
        self._exhausted = not oldest
        return "full_other", Change(gone={POSITIONS: oldest})
