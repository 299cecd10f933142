"""The unit's boards: each kept open by a thread of its own, with all that it tells."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from config.boards import BoardConfig
from drivers.base import Driver, DriverError
from drivers.clock import Clock
from drivers.samples import Ambient, Identity
from edge.reporting.board_findings import board_findings, lent_finding, twin_findings
from edge.reporting.device_findings import device_findings
from edge.reporting.finding import Finding
from edge.running.asking import Asked, Requests
from edge.running.driver_loop import DriverHealth, run_driver
from edge.running.worker import Beat, WorkOf
from firmware_bridge.runtime.greeting import BoardRefusedError
from firmware_bridge.runtime.link import BoardLink, LinkFigures
from firmware_bridge.runtime.orders import BoardIncident, BoardRequest, BoardSample, BoardState

# A board that was pulled and put back is there again within 3 s, with the time to open it.
RETRY_S = (0.2, 0.5, 1.0, 1.0, 1.5)
REMEMBERED = 64  # incidents that might be told again by a board whose port was opened again
SAME_INCIDENT_S = 1.0  # by the board's uptime, seen through a line that may be slow
FIGURES_EVERY_S = 1.0

Hear = Callable[[str, BoardIncident], None]
Open = Callable[[], Driver[BoardSample]]
Borrower = Callable[[str], str | None]
OpenerOf = Callable[[str, Open], Open]  # of a board's name and what opens it


@dataclass(slots=True)
class UnitBoard:
    """One board as it fares. Its own thread writes, anybody reads: each value is replaced whole."""

    name: str
    config: BoardConfig
    health: DriverHealth
    requests: Requests[BoardRequest] = field(default_factory=Requests)
    identity: Identity | None = None
    state: BoardState | None = None  # None: it is not there
    refusal: BoardRefusedError | None = None  # why what is there is not worked with
    figures: LinkFigures | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    _told: deque[BoardIncident] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def note_state(self, state: BoardState | None) -> None:
        with self.changed:
            self.state = state
            self.changed.notify_all()

    def is_news(self, incident: BoardIncident) -> bool:
        """Whether it was not told before, on a line that broke before the board knew.

        The time is asked, too: a board may count its starts badly, and a call for help must not be
        taken for an old one.
        """
        for told in self._told:
            same = (told.boot, told.number) == (incident.boot, incident.number)
            if same and abs(told.mono_s - incident.mono_s) < SAME_INCIDENT_S:
                return False
        self._told.append(incident)
        return True


class Boards:
    """Made before anything runs; `hear` before the workers start."""

    def __init__(self, configs: dict[str, BoardConfig], clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[Hear] = []
        self._opener_of: OpenerOf = lambda _name, opens: opens
        self._borrower: Borrower = lambda _name: None
        self.all = {
            name: UnitBoard(
                name, config, DriverHealth(name, "board", started_mono_s=clock.mono_s())
            )
            for name, config in configs.items()
        }

    def hear(self, listener: Hear) -> None:
        """Called in the board's thread with each incident. Once it returns, the board forgets the
        incident; and while it does not, the board hears nothing from the unit."""
        self._listeners.append(listener)

    def open_through(self, opener_of: OpenerOf, borrower: Borrower = lambda _name: None) -> None:
        """Whoever may keep a board from being opened for a while, and have it closed; and who has
        it then."""
        self._opener_of = opener_of
        self._borrower = borrower

    # --- who works ---

    def works(self) -> dict[str, WorkOf]:
        return {f"board.{name}": partial(self._run, board) for name, board in self.all.items()}

    def _run(self, board: UnitBoard, beat: Beat, stop: threading.Event) -> None:
        emit = partial(self._note, board)
        opener = self._opener_of(board.name, partial(self._open, board))
        run_driver(board.health, opener, emit, stop, beat, self._clock, RETRY_S)
        board.note_state(None)

    def _open(self, board: UnitBoard) -> Driver[BoardSample]:
        """The refusal of the last time stands until it is known how this time went: else its fault
        would come and go with each try."""
        board.note_state(None)
        try:
            link = BoardLink.open(board.name, board.config, self._clock)
        except DriverError as error:
            board.refusal = error if isinstance(error, BoardRefusedError) else None
            raise
        board.refusal = None
        return _Watched(link, board, self._clock)

    def _note(self, board: UnitBoard, sample: BoardSample) -> None:
        match sample:
            case BoardState():
                board.note_state(sample)
            case Identity():
                board.identity = sample
            case BoardIncident() if board.is_news(sample):
                for listener in self._listeners:
                    listener(board.name, sample)
            case _:
                pass

    # --- how they fare ---

    def devices(self) -> Iterator[DriverHealth]:
        for board in self.all.values():
            yield board.health

    def identities(self) -> tuple[Identity, ...]:
        """Of those that were ever there."""
        return tuple(one.identity for one in self.all.values() if one.identity is not None)

    def ambient(self) -> tuple[Ambient, ...]:
        """What they measure inside themselves."""
        return tuple(
            Ambient(mono_s=state.mono_s, name=f"{name}.{part}", celsius=celsius)
            for name, board in self.all.items()
            if (state := board.state) is not None
            for part, celsius in state.celsius.items()
        )

    def round_trips(self) -> dict[str, LinkFigures]:
        """By the names of their rates in the health report."""
        return {
            f"board.{name}": board.figures
            for name, board in self.all.items()
            if board.figures is not None
        }

    def findings(self, now_mono_s: float) -> list[Finding]:
        found = twin_findings([one.identity for one in self.all.values() if one.health.open])
        for board in self.all.values():
            borrower = self._borrower(board.name)
            if borrower is not None:
                found.append(lent_finding(board.name, borrower))
                continue
            missing = device_findings(board.health, board.config.silent_after_s, now_mono_s)
            found += board_findings(board.name, missing, board.refusal, board.state, board.figures)
        return found


class _Watched:
    """A link that keeps the board's figures up to date."""

    def __init__(self, link: BoardLink, board: UnitBoard, clock: Clock) -> None:
        self._link = link
        self._asked = Asked[BoardSample, BoardRequest](link, board.requests)
        self._board = board
        self._clock = clock
        self._figures_s = float("-inf")

    def read(self) -> BoardSample | None:
        now_s = self._clock.mono_s()
        if now_s - self._figures_s >= FIGURES_EVERY_S:
            self._figures_s, self._board.figures = now_s, self._link.figures()
        return self._asked.read()

    def close(self) -> None:
        self._asked.close()
        self._board.note_state(None)

    def counters(self) -> dict[str, int]:
        return self._asked.counters()
