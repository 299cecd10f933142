"""In which order stored messages are sent: live ones first, then the backlog, each by priority.

The disk is the queue. Here lie only the next few rows of each lane, read from it ahead of need.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from telemetry.outbox.rows import PRIORITIES, Row

READ_AHEAD = 128


@dataclass(slots=True)
class Lane:
    """The rows of one priority with `cursor` < sequence <= `end` are still on the disk only."""

    priority: int
    live: bool
    cursor: int = 0
    end: int = 0
    rows: deque[Row] = field(default_factory=deque)

    @property
    def wants(self) -> int:
        """How many rows should be read from the disk now."""
        if self.cursor >= self.end or len(self.rows) > READ_AHEAD // 2:
            return 0
        return READ_AHEAD - len(self.rows)


class Lanes:
    """What a connected publisher is to send next. Not safe for threads: its owner has the lock."""

    def __init__(self, boundary: int) -> None:
        """Rows up to `boundary` were stored before the connection: they are the backlog."""
        self._live = [Lane(n, live=True, cursor=boundary, end=boundary) for n in range(PRIORITIES)]
        self._backlog = [Lane(n, live=False, end=boundary) for n in range(PRIORITIES)]

    def stored(self, rows: Iterable[Row]) -> None:
        """These rows have just been committed."""
        for row in rows:
            lane = self._live[row.priority]
            # A lane that has rows on the disk only must take this one from there too, in order.
            if lane.cursor == lane.end and len(lane.rows) < READ_AHEAD:
                lane.rows.append(row)
                lane.cursor = row.sequence
            lane.end = row.sequence

    def take(
        self, limit: int, lowest: int = PRIORITIES - 1, *, live_only: bool = False
    ) -> list[tuple[Row, bool]]:
        """The next rows, and whether each is live; `lowest` is the least urgent priority wanted.

        Nothing passes a more urgent row of the same lanes, even if that is still on the disk only.
        """
        taken: list[tuple[Row, bool]] = []
        for lane in self._live if live_only else (*self._live, *self._backlog):
            if lane.priority > lowest:
                continue
            while lane.rows and len(taken) < limit:
                taken.append((lane.rows.popleft(), lane.live))
            if len(taken) >= limit or lane.cursor < lane.end:
                break
        return taken

    def hungry(self) -> list[Lane]:
        """The lanes that should be filled from the disk, the most urgent first."""
        return [lane for lane in (*self._live, *self._backlog) if lane.wants]

    @property
    def empty(self) -> bool:
        """Nothing can be taken now; there may be more on the disk."""
        return not any(lane.rows for lane in (*self._live, *self._backlog))
