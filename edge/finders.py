"""The optional searches of a unit under one roof: for plates of a list, and for a description."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from config.models import Settings
from drivers.clock import Clock
from edge.plates.parts import Plates
from edge.running.worker import Beat
from edge.search.desk import SearchDesk
from edge.search.orders import search_controls, search_handlers
from edge.search.record import SearchBook
from edge.seeing.look import Observer
from edge.seeing.witness import Witness
from edge.tasks.local import Control
from edge.tasks.memory import Memory
from telemetry.commands.handling import Handler

SEARCH_FILE = "search.json"


@dataclass(frozen=True, slots=True)
class Finders:
    """Each is None where it is off: then it takes no command, and nothing of it is on the disk."""

    plates: Plates | None = None
    search: SearchDesk | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Clock,
        witness: Witness,
        allowed: Callable[[], bool] = lambda: True,
    ) -> "Finders":
        """`allowed`: false while the unit saves its strength, and leaves out what is optional."""
        search, memory = None, Memory(settings.state_dir / SEARCH_FILE, SearchBook)
        if settings.search.enabled:
            search = SearchDesk(settings.search, memory, witness, clock, allowed)
        else:
            memory.remove()  # of an earlier run: whom it was for, and where
        return cls(Plates.open(settings, clock, witness, allowed), search)

    def observers(self) -> list[Observer]:
        found: list[Observer] = [] if self.plates is None else [self.plates.watch]
        return found if self.search is None else [*found, self.search]

    def handlers(self) -> dict[str, Handler]:
        """For the orders of the hub, by their names in the contract."""
        found = {} if self.plates is None else self.plates.office.handlers()
        return found if self.search is None else found | search_handlers(self.search)

    def controls(self) -> dict[str, Control]:
        """For the crew, over the local control socket."""
        found = {} if self.plates is None else self.plates.office.controls()
        return found if self.search is None else found | search_controls(self.search)

    def works(self) -> dict[str, Callable[[Beat, threading.Event], None]]:
        """Their workers, by name."""
        found: dict[str, Callable[[Beat, threading.Event], None]] = {}
        if self.plates is not None:
            found["plates"] = self.plates.watch.work
        if self.search is not None:
            found["search"] = self.search.work
        return found

    def drops(self) -> dict[str, int]:
        """What was not looked at, by where and why, since the start."""
        found = {} if self.plates is None else dict(self.plates.watch.tally.drops)
        more = {} if self.search is None else dict(self.search.drops)
        return {f"plates.{cause}": count for cause, count in found.items()} | {
            f"search.{cause}": count for cause, count in more.items()
        }
