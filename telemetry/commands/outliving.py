"""Orders that go on when their handler has returned, and end later, perhaps in the next run.

A flash ends when its trial does, which the unit begins by starting anew. The row of such an order
stays open; what became of it is asked of whoever keeps it on the disk. So its last reply comes
once, wherever the power goes.
"""

import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

from telemetry.commands.answers import Answers, members_of
from telemetry.commands.handling import End, Fates, UnderWay
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.store import CommandStore, Stored

LOST = End(status="failed", code="interrupted", text="nothing is known of it any more")


class Outliving:
    """`take` from the thread of the long orders, the rest from the one that takes commands."""

    def __init__(
        self, store: CommandStore, journal: Journal, answers: Answers, fates: Fates
    ) -> None:
        self._store = store
        self._journal = journal
        self._answers = answers
        self._fates = fates
        self._lock = threading.Lock()
        self._rows: dict[str, Stored] = {}
        self._steps: dict[str, dict[str, Any]] = {}  # the last reply of each

    def take(self, row: Stored, step: dict[str, Any] | None) -> None:
        """Its handler says that it goes on. `step`: the last reply."""
        with self._lock:
            self._rows[row.id] = row
            self._steps[row.id] = step or {"status": "accepted"}

    def adopt(self, row: Stored) -> bool:
        """Whether something is known of an order that an earlier run left open."""
        if self._fates(row.name, row.id) is None:
            return False
        with self._lock:
            self._rows.setdefault(row.id, row)
            self._steps.setdefault(row.id, {"status": "accepted"})
        return True

    def step_of(self, command: str) -> dict[str, Any] | None:
        """The last reply of one that is not over."""
        with self._lock:
            return self._steps.get(command)

    def tend(self) -> None:
        """Tell how they get on, and what has ended. Raises StoreError."""
        with self._lock:
            rows = list(self._rows.values())
        for row in rows:
            self._settle(row)

    def _settle(self, row: Stored) -> None:
        if not row.final:
            fate = self._fates(row.name, row.id) or LOST
            if isinstance(fate, UnderWay):
                self._tell(row, fate)
                return
            row = self._ended(row, fate)
        self._store.put(row)
        with self._lock:
            del self._rows[row.id]
            self._steps.pop(row.id, None)
        self._answers.final(row.id, row.name, row.reply)

    def _tell(self, row: Stored, fate: UnderWay) -> None:
        """The step, if it differs from the last one."""
        members = members_of("running", words=fate.text) | {"progress": fate.percent}
        with self._lock:
            if self._steps.get(row.id) == members:
                return
            self._steps[row.id] = members
        self._answers.step(row.id, row.name, **members)

    def _ended(self, row: Stored, end: End) -> Stored:
        head = None
        with suppress(JournalError):
            head = self._journal.write(
                end.status, id=row.id, name=row.name, code=end.code, text=end.text or None
            )
        members = members_of(end.status, end.code, end.text, end.result, head)
        row = replace(row, final=True, told=False, reply=members)
        with self._lock:  # kept, should the disk refuse it: the journal has it once
            self._rows[row.id] = row
        return row
