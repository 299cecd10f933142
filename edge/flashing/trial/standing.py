"""The slots as the running unit has them, and how this run came about."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from config.language import said
from config.slots import SlotsError, SlotsFile, SlotsStep, read_slots, slots_folder, write_slots
from edge.booting.ledger import Ledger, read_ledger, write_ledger
from edge.running.anew import Anew
from edge.slots.mending import remember
from telemetry.commands.files import one_at_a_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How this run came about."""

    unit_file: Path | None = None  # None: there is none, as in tests
    safe: str | None = None  # why it runs in safe mode
    wrong: tuple[str, ...] = ()  # what is wrong with the configuration, a line each


@dataclass(slots=True)
class Slots:
    """Any thread may ask and change; a change is on the disk when it returns."""

    state_dir: Path
    start: Start = field(default_factory=Start)
    anew: Anew = field(default_factory=Anew)
    fault: str | None = None  # why what is in use cannot be read or written
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def folder(self) -> Path:
        return slots_folder(self.state_dir)

    def read(self) -> SlotsFile:
        """Of a file that cannot be read: as if nothing had been flashed; `fault` says why."""
        try:
            slots = read_slots(self.folder)
        except (SlotsError, OSError) as error:
            self.fault = said(error)
            return SlotsFile()
        self.fault = None
        return slots

    def change(self, step: SlotsStep) -> SlotsFile | None:
        """What `step` makes of it, once that is on the disk. None where it makes no sense.

        Raises SlotsError, OSError: nothing has changed then.
        """
        with self._lock, one_at_a_time(self.folder):  # whoever flashes writes there, too
            after = step(read_slots(self.folder))
            if after is not None:
                write_slots(self.folder, after)
                remember(self.state_dir, after)
            return after

    # --- the launcher's count ---

    def ledger(self) -> Ledger:
        return read_ledger(self.state_dir)

    def note_ledger(self, step: Callable[[Ledger], Ledger]) -> None:
        """Of a start that nobody counts there is nothing to note."""
        with self._lock:
            before = self.ledger()
            after = step(before)
            if after != before and not write_ledger(self.state_dir, after):
                structlog.get_logger().warning("starts_not_noted", folder=str(self.state_dir))
