"""Drafts in memory, on their way to the disk."""

from collections import deque

from telemetry.outbox.facts import Receipt
from telemetry.outbox.rows import PRIORITIES, NewRow

MEMORY_ROWS = 20_000  # put but not yet on the disk; so many only while the disk refuses
BATCH_ROWS = 500  # at most, in one commit
BATCH_BYTES = 128 * 1024  # of bodies, after which no further row joins a commit
TIGHT_ROWS = 16


class Waiting:
    """First in, first out, bounded. Not safe for threads: its owner has the lock."""

    def __init__(self) -> None:
        self._rows: deque[tuple[NewRow, Receipt]] = deque()
        self.held = 0  # of them, those for whom the disk has no room now
        self._tight = False  # a commit did not fit: go on in small steps, the most urgent first

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ready(self) -> int:
        """How many can be committed, as far as is known."""
        return len(self._rows) - self.held

    def add(self, row: NewRow, receipt: Receipt) -> Receipt | None:
        """Take a draft in. Returns the receipt of the one that had to give way, perhaps its own."""
        loser = None
        if len(self._rows) >= MEMORY_ROWS:
            loser = self._least_urgent(row.priority)
            if loser is None:
                return receipt
        self._rows.append((row, receipt))
        return loser

    def _least_urgent(self, priority: int) -> Receipt | None:
        """Take out the oldest draft that is less urgent than this priority."""
        lowest = max(row.priority for row, _ in self._rows)
        if lowest <= priority:
            return None
        index = next(n for n, (row, _) in enumerate(self._rows) if row.priority == lowest)
        loser = self._rows[index][1]
        del self._rows[index]
        self.held = min(self.held, len(self._rows))
        return loser

    def batch(self, lowest_taken: int) -> list[tuple[NewRow, Receipt]]:
        """Take out the next rows to commit, none less urgent than `lowest_taken`."""
        if lowest_taken >= PRIORITIES - 1 and not self._tight:
            self.held = 0
            return self._next_ones(self._rows, BATCH_ROWS)
        fitting = deque(each for each in self._rows if each[0].priority <= lowest_taken)
        self.held = len(self._rows) - len(fitting)
        if self._tight:
            self._tight = False
            fitting = deque(sorted(fitting, key=lambda each: each[0].priority))
            found = self._next_ones(fitting, TIGHT_ROWS)
        else:
            found = self._next_ones(fitting, BATCH_ROWS)
        chosen = {id(row) for row, _ in found}
        self._rows = deque(each for each in self._rows if id(each[0]) not in chosen)
        return found

    def put_back(self, batch: list[tuple[NewRow, Receipt]]) -> None:
        """The disk has no room for these: the next batch is a small one, the most urgent first."""
        self._rows.extendleft(reversed(batch))
        self._tight = True

    @staticmethod
    def _next_ones(
        rows: "deque[tuple[NewRow, Receipt]]", limit: int
    ) -> list[tuple[NewRow, Receipt]]:
        found: list[tuple[NewRow, Receipt]] = []
        size = 0
        while rows and len(found) < limit and size < BATCH_BYTES:
            found.append(rows.popleft())
            size += len(found[-1][0].body)
        return found
