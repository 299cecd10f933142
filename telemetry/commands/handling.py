"""The seam between command intake and whoever carries a command out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from telemetry.contract.commands import Role
from telemetry.contract.wire_types import Message

Origin = Literal["hub", "local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command that was verified: whoever carries it out need not doubt it."""

    id: str  # UUIDv7
    name: str  # of contract.commands.COMMANDS
    args: Message  # its arguments, of the type that COMMANDS names
    issuer: str
    role: Role
    origin: Origin
    received: datetime  # UTC
    expires_mono_s: float  # not begun by then: expired. Immune to clocks that are set


class OrderRefusedError(Exception):
    """The order is not carried out. `code` is one of contract.replies.RefusalCode."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OrderFailedError(Exception):
    """It was begun, and did not succeed. `code` is a `Code` of the wire."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OrderGoesOnError(Exception):
    """It is begun, and ends by itself later, perhaps in the unit's next run: see `Fates`."""


Progress = Callable[[int, str], None]  # percent 0..100, what is being done
Result = dict[str, Any] | None  # JSON values; None where there is nothing to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an order ended that went on without its handler."""

    status: Literal["succeeded", "failed"]
    code: str | None = None  # of a failure
    text: str = ""
    result: Result = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """It is not over yet."""

    percent: int
    text: str


# What became of an order whose handler raised OrderGoesOnError, by its name and id, also in a later
# run. None: nobody knows it. Quick, raises nothing, any thread.
Fates = Callable[[str, str], End | UnderWay | None]


def no_fates(_name: str, _order: str) -> End | UnderWay | None:
    """Of a unit on which no order outlives its handler."""
    return None


class Handler(Protocol):
    """Carries out one kind of order."""

    def check(self, order: Order) -> None:
        """Raise OrderRefusedError if it cannot be done now (busy, interlock). Changes nothing."""

    def carry_out(self, order: Order, progress: Progress) -> Result:
        """Do it. Raises OrderRefusedError, OrderFailedError or OrderGoesOnError.

        Where it may take more than a tenth of a second, `long_running` is true, and `progress` is
        called now and then: it raises OrderFailedError("cancelled") when the order was cancelled.
        """

    @property
    def long_running(self) -> bool:
        """True: runs beside the others, one at a time, and tells its progress."""
