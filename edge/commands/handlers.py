"""The orders that concern the commanding itself: ping, rebirth, and to stop a long one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from drivers.clock import Clock
from edge.timebase import Timebase
from telemetry.commands.handling import Order, OrderRefusedError, Progress, Result
from telemetry.contract.commands import CommandCancel
from telemetry.contract.wire_types import rfc3339_ms


@dataclass(frozen=True, slots=True)
class Quick:
    """An order that is one call."""

    do: Callable[[Order], Result]
    long_running: bool = False

    def check(self, order: Order) -> None:
        """Always possible."""

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self.do(order)


def pong(timebase: Timebase, clock: Clock, started_mono_s: float) -> Quick:
    """What the hub needs to tell the way's share of the time from the unit's."""

    def answer(order: Order) -> dict[str, Any]:
        now, quality = timebase.now()
        return {
            "received": rfc3339_ms(order.received),
            "answered": rfc3339_ms(now),
            "time_quality": quality,
            "uptime_s": round(clock.mono_s() - started_mono_s, 1),
        }

    return Quick(answer)


def stopper(cancel: Callable[[str], bool]) -> Quick:
    """Stops a long-running order."""

    def stop(order: Order) -> Result:
        wanted = cast(CommandCancel, order.args).command
        if not cancel(wanted):
            raise OrderRefusedError("wrong_state", "no order of this id runs or waits")
        return {"command": wanted}

    return Quick(stop)
