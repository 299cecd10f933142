"""Boards that the running unit lets go of for a while, so that somebody else can have their port.

A loan ends when it is given back, or by itself when nobody renews it: a technician's tool that was
killed must not keep a board from its unit.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from config.language import tell
from drivers.base import DeviceLostError, DeviceUnavailableError, Driver
from drivers.clock import Clock
from edge.local.control import Call, LocalHandler
from edge.running.watched import Watched
from telemetry.commands.handling import OrderRefusedError

S = TypeVar("S")
LONGEST_S = 600.0
LET_GO_WITHIN_S = 3.0  # a read of the board's worker, and its goodbye
OPEN_AGAIN_WITHIN_S = 8.0  # what its worker waits at most, and what opening takes
WhyActive = Callable[[], str | None]  # why the unit cannot do without its boards now


@dataclass(slots=True)
class _Loan:
    by: str
    ends_mono_s: float


class Lending:
    """Any thread lends; each board's own worker lets go of it."""

    def __init__(self, boards: Iterable[str], clock: Clock, why_active: WhyActive) -> None:
        self._boards = frozenset(boards)
        self._clock = clock
        self._why_active = why_active
        self._changed = threading.Condition()
        self._loans: dict[str, _Loan] = {}
        self._returned: dict[str, _Loan] = {}  # until they should be open again
        self._open: set[str] = set()

    # --- any thread ---

    def lend(self, board: str, by: str, for_s: float) -> None:
        """The port is free when this returns. Again by the same: renewed.

        Raises OrderRefusedError: no such board, lent already, the unit is active.
        """
        self._check(board, by)
        with self._changed:
            ends_s = self._clock.mono_s() + min(for_s, LONGEST_S)
            self._loans[board] = _Loan(by, ends_s)
            free = self._changed.wait_for(lambda: board not in self._open, LET_GO_WITHIN_S)
            if not free:
                del self._loans[board]
        if not free:
            raise OrderRefusedError("busy", f"{board} is not let go of by its worker")

    def take_back(self, board: str, by: str) -> None:
        """From whoever has it; nothing happens if it is another."""
        with self._changed:
            loan = self._loans.get(board)
            if loan is not None and loan.by == by:
                del self._loans[board]
                self._returned[board] = _Loan(by, self._clock.mono_s() + OPEN_AGAIN_WITHIN_S)

    def borrower(self, board: str) -> str | None:
        """Who has it now; None: the unit."""
        with self._changed:
            loan = self._loans.get(board)
            if loan is not None and self._clock.mono_s() >= loan.ends_mono_s:
                del self._loans[board]
                loan = None
            return loan.by if loan is not None else None

    def lent(self) -> str | None:
        """One that somebody has now; None: the unit has all."""
        return next((each for each in sorted(self._boards) if self.borrower(each)), None)

    def away_with(self, board: str) -> str | None:
        """Who has it, or has just given it back, so that it is not open again yet; else None."""
        with self._changed:
            back = self._returned.get(board)
            on_its_way = back is not None and board not in self._open
            if back is not None and on_its_way and self._clock.mono_s() < back.ends_mono_s:
                return back.by
        return self.borrower(board)

    def _check(self, board: str, by: str) -> None:
        if board not in self._boards:
            known = ", ".join(sorted(self._boards)) or "none"
            told = tell("no board {board} here; there is: {known}", board=board, known=known)
            raise OrderRefusedError("invalid_arguments", told)
        borrower = self.borrower(board)
        if borrower is not None and borrower != by:
            told = tell("{who} has {board} now", who=borrower, board=board)
            raise OrderRefusedError("busy", told)
        why = self._why_active() if borrower is None else None
        if why is not None:
            raise OrderRefusedError("busy", tell("the unit is active: {why}", why=why))

    # --- the board's worker ---

    def opener(self, board: str, open_driver: Callable[[], Driver[S]]) -> Callable[[], Driver[S]]:
        """Opens the board only while the unit has it, and loses it when it is lent."""

        def lost_when_lent() -> None:
            borrower = self.borrower(board)
            if borrower is not None:
                raise DeviceLostError(f"lent to {borrower}, for its firmware")

        def opened() -> Driver[S]:
            borrower = self.borrower(board)
            if borrower is not None:
                raise DeviceUnavailableError(f"lent to {borrower}, for its firmware")
            with self._changed:
                self._open.add(board)
            try:
                return Watched(open_driver(), self._closer(board), lost_when_lent)
            except BaseException:
                self._closer(board)()
                raise

        return opened

    def _closer(self, board: str) -> Callable[[], None]:
        def closed() -> None:
            with self._changed:
                self._open.discard(board)
                self._changed.notify_all()

        return closed

    # --- on the spot ---

    def controls(self) -> dict[str, LocalHandler]:
        """For the technician's commands, over the local control socket."""

        def release(call: Call) -> dict[str, Any]:
            board, for_s = call.args.get("board"), call.args.get("for_s")
            if not isinstance(board, str) or not isinstance(for_s, int | float) or not for_s > 0:
                raise OrderRefusedError("invalid_arguments", "board, and for_s above 0")
            self.lend(board, call.issuer, float(for_s))
            return {"board": board}

        def take(call: Call) -> dict[str, Any]:
            self.take_back(str(call.args.get("board")), call.issuer)
            return {}

        return {"board.release": release, "board.take": take}
