"""What commanding needs besides commands: a file that is ready, its memory, the time, the keys."""

from contextlib import suppress
from dataclasses import replace

from drivers.clock import Clock
from telemetry.commands.answers import Answers, members_of
from telemetry.commands.control_state import ControlState
from telemetry.commands.journal import Journal, JournalError
from telemetry.commands.judging import Judge
from telemetry.commands.outliving import Outliving
from telemetry.commands.store import CommandStore, Stored
from telemetry.commands.trusted_time import BACK_S, ClockUnsetError
from telemetry.outbox.schema import StoreError

FORGET_S = 600.0
REMEMBER_S = 60.0  # how often the latest trusted time goes to the disk


class Upkeep:
    """One thread."""

    def __init__(
        self,
        judge: Judge,
        store: CommandStore,
        journal: Journal,
        answers: Answers,
        control: ControlState,
        clock: Clock,
        outliving: Outliving,
    ) -> None:
        self.ready = False  # whether the file is open, and what was open in it is told
        self.fault: str | None = None  # why nothing can be stored now
        self._judge = judge
        self._store = store
        self._journal = journal
        self._answers = answers
        self._control = control
        self._clock = clock
        self._outliving = outliving
        self._floor_ms: int | None = None
        self._keys: dict[str, str] = {}  # as journaled
        self._broken_told = False
        self._forgot_s = self._remembered_s = float("-inf")

    def tend(self, now_s: float) -> None:
        """About once a second. Raises nothing."""
        self._judge.time.note()
        self._tend_journal()
        try:
            self.ready_from()
            self._outliving.tend()
            self.fault = None
            self._forget(now_s)
        except StoreError as error:
            self.fault = str(error)
        self._remember(now_s)

    def close(self) -> None:
        """Never raises."""
        self._remembered_s = float("-inf")
        self._remember(self._clock.mono_s())

    def ready_from(self) -> int | None:
        """See that commands can be stored. Returns up to when nothing issued is taken (Unix, ms);
        None as long as that is not known. Raises StoreError."""
        self._make_ready()
        self._set_floor()
        return self._floor_ms

    def _tend_journal(self) -> None:
        self._journal.tend()
        if self._journal.broken is not None and not self._broken_told:
            self._broken_told = True
            self._answers.tamper("journal_broken", self._journal.broken, 1)
        # Whose commands are obeyed from now on is a record too.
        keys = {
            entry.kid: "revoked" if entry.revoked_at is not None else "+".join(entry.roles)
            for entry in self._judge.keyring.entries()
        }
        if keys != self._keys:
            with suppress(JournalError):
                self._journal.write("keys", keys=keys)
                self._keys = keys

    def _make_ready(self) -> None:
        """Open the file, and tell the end of what an earlier run left open."""
        if self.ready:
            return
        self._store.open()
        if self._store.catch_up(self._journal.begun):
            with suppress(JournalError):
                self._journal.write("memory_behind")  # and nothing issued up to now is taken
        for row in self._store.open_ends():
            if row.final:
                self._answers.final(row.id, row.name, row.reply)
            elif not self._outliving.adopt(row):
                self.interrupted(row)
        self.ready = True

    def interrupted(self, row: Stored) -> None:
        """Tell that this one has no end that is known. Raises StoreError."""
        words = "its end is not known: the unit stopped, or its disk failed; it is not done again"
        head = None
        with suppress(JournalError):
            head = self._journal.write("interrupted", id=row.id, name=row.name)
        members = members_of("failed", "interrupted", words, head=head)
        self._store.put(replace(row, final=True, told=False, reply=members))
        self._answers.final(row.id, row.name, members)

    def _set_floor(self) -> None:
        """A file that was lost cannot tell what was done: nothing older than the new one is taken.

        A unit that has not lived yet has lost nothing; the journal knows whether it has.
        """
        floor = self._store.fact("floor_ms")
        if floor is None:
            if self._journal.head.n == 0:
                raise StoreError(f"the command journal is not open: {self._journal.fault}")
            lived = self._floor_ms is not None or not self._journal.new
            with suppress(ClockUnsetError):
                floor = str(self._newest_possible_ms() if lived else 0)
                self._store.set_fact("floor_ms", floor)
        self._floor_ms = None if floor is None else int(floor)

    def _newest_possible_ms(self) -> int:
        """No command that was ever taken was issued later, whatever the clock may have lost."""
        time = self._judge.time
        now = time.at(self._clock.mono_s())
        latest = now if time.mark is None else max(now, time.mark)
        margin_s = self._judge.security.clock_skew_s + BACK_S + REMEMBER_S
        return int((latest.timestamp() + margin_s) * 1000)

    def _forget(self, now_s: float) -> None:
        if now_s - self._forgot_s < FORGET_S:
            return
        self._forgot_s = now_s
        with suppress(ClockUnsetError):
            now = self._judge.time.at(now_s)
            self._store.forget(int(now.timestamp() * 1000))

    def _remember(self, now_s: float) -> None:
        mark = self._judge.time.mark
        if mark is None or mark == self._control.now.latest:
            return
        if now_s - self._remembered_s >= REMEMBER_S:
            self._remembered_s = now_s
            with suppress(OSError):
                self._control.remember(mark)
