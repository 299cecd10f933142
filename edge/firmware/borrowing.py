"""A board's port for a command of this computer: asked of the running unit, and given back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.language import said, tell
from edge.local.asking import NoUnitError, ask
from edge.running.state_lock import is_in_use
from telemetry.commands.handling import OrderRefusedError

LOAN_S = 180.0  # longer than a board takes to start anew
RENEW_EVERY_S = 30.0
ASK_AGAIN_S = 3.0


class NotLentError(Exception):
    """The unit keeps the board; the text says why, `cure` what to do. `busy`: it may end."""

    def __init__(self, text: str, cure: str, *, busy: bool = False) -> None:
        super().__init__(text)
        self.cure = cure
        self.busy = busy


@dataclass(slots=True)
class Loan:
    """One board for as long as it is needed. `renew` it now and then."""

    state_dir: Path
    board: str
    mono_s: Callable[[], float] = time.monotonic
    lent: bool = False  # false: no unit runs, so the port is anybody's
    _asked_s: float = field(default=float("-inf"), repr=False)

    def renew(self) -> None:
        """Cheap: asks only when it is due. Raises NotLentError."""
        if not self.lent or self.mono_s() - self._asked_s < RENEW_EVERY_S:
            return
        self.take()

    def take(self) -> None:
        """Raises NotLentError."""
        try:
            ask(self.state_dir, "board.release", {"board": self.board, "for_s": LOAN_S})
        except NoUnitError as error:
            self._nobody(error)
        except OrderRefusedError as error:
            if error.code == "unsupported":
                raise NotLentError(
                    tell("the running unit does not lend boards"),
                    tell("stop it: systemctl stop patrol-edge"),
                ) from error
            cure = tell("--when-idle waits for it; or let the crew end what it does")
            raise NotLentError(said(error), cure, busy=error.code == "busy") from error
        else:
            self.lent = True
        self._asked_s = self.mono_s()

    def _nobody(self, error: NoUnitError) -> None:
        """Nobody answers. Raises NotLentError if a unit runs all the same."""
        if is_in_use(self.state_dir):
            raise NotLentError(
                tell("a unit runs, and cannot be asked: {why}", why=error),
                "sudo systemctl stop patrol-edge",
            ) from error
        self.lent = False

    def give_back(self) -> None:
        """Never raises: the loan ends by itself, too."""
        if self.lent:
            with suppress(NoUnitError, OrderRefusedError):
                ask(self.state_dir, "board.take", {"board": self.board})


@contextmanager
def borrowed(
    state_dir: Path,
    board: str,
    wait_s: float = 0.0,
    waiting: Callable[[str], None] = lambda _why: None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Loan]:
    """The board, within so long. `waiting` is told why it is not lent yet. Raises NotLentError."""
    loan = Loan(state_dir, board)
    ends_s = loan.mono_s() + wait_s
    while True:
        try:
            loan.take()
            break
        except NotLentError as error:
            if not error.busy or loan.mono_s() + ASK_AGAIN_S > ends_s:
                raise
            waiting(said(error))
            pause(ASK_AGAIN_S)
    try:
        yield loan
    finally:
        loan.give_back()
