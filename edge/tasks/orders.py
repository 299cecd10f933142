"""Which orders of the hub this part of the unit carries out, and how each is answered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from config.operations import TasksConfig
from drivers.clock import Clock
from edge.tasks import moves
from edge.tasks.desk import Desk
from edge.tasks.life import IllegalStepError
from edge.tasks.modes import Tuning
from edge.tasks.page import Page
from edge.tasks.record import Task
from edge.tasks.sos import SosDesk
from telemetry.commands.handling import Handler, Order, OrderRefusedError, Progress, Result
from telemetry.contract.commands import DutySet, ModeSet, RateSet, SosCancel
from telemetry.contract.tasks import TaskAssign, TaskCancel, TaskUpdate
from telemetry.contract.up_message import Duty
from telemetry.contract.wire_types import rfc3339_ms

Answer = dict[str, Any]
Move = Callable[[Page, Order], Answer]


class DeskOrder:
    """An order that is one move at the desk: checked by making it and throwing it away."""

    long_running = False

    def __init__(self, desk: Desk, move: Move) -> None:
        self._desk = desk
        self._move = move

    def check(self, order: Order) -> None:
        self._desk.would(lambda page: self._move(page, order))

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self._desk.do(lambda page: self._move(page, order))


class ModeOrder:
    """`mode.set`: every parameter or none, and what changed in the answer."""

    long_running = False

    def __init__(self, desk: Desk, tuning: Tuning) -> None:
        self._desk = desk
        self._tuning = tuning

    def check(self, order: Order) -> None:
        self._tuning.check(cast(ModeSet, order.args).mode)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return set_mode(self._desk, self._tuning, cast(ModeSet, order.args).mode)


class RateOrder:
    """`rate.set`: the position more often, for a while. Forgotten over a restart, as it should."""

    long_running = False

    def __init__(self, tuning: Tuning, clock: Clock) -> None:
        self._tuning = tuning
        self._clock = clock

    def check(self, order: Order) -> None:
        """Whatever the contract allows can be."""

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        wanted = cast(RateSet, order.args)
        self._tuning.set_rate(wanted.position_every_s, self._clock.mono_s() + wanted.for_s)
        until = order.received + timedelta(seconds=wanted.for_s)
        return {"position_every_s": wanted.position_every_s, "until": rfc3339_ms(until)}


class SosOrder:
    """`sos.cancel`."""

    long_running = False

    def __init__(self, sos: SosDesk) -> None:
        self._sos = sos

    def check(self, order: Order) -> None:
        self._sos.check_cancel(cast(SosCancel, order.args).episode)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        wanted = cast(SosCancel, order.args)
        call = self._sos.cancel(wanted.episode, order.issuer, wanted.reason)
        return {"episode": call.episode}


def handlers(
    desk: Desk, tuning: Tuning, sos: SosDesk, config: TasksConfig, clock: Clock
) -> dict[str, Handler]:
    """By the names of the contract."""
    return {
        "task.assign": DeskOrder(desk, lambda page, order: _assign(page, order, config)),
        "task.update": DeskOrder(desk, lambda page, order: _update(page, order, config)),
        "task.cancel": DeskOrder(desk, _cancel),
        "duty.set": DeskOrder(desk, _set_duty),
        "mode.set": ModeOrder(desk, tuning),
        "rate.set": RateOrder(tuning, clock),
        "sos.cancel": SosOrder(sos),
    }


def set_mode(desk: Desk, tuning: Tuning, mode: str) -> Answer:
    """Switch, and remember. Raises OrderRefusedError; then nothing has changed."""
    changed = tuning.switch(mode)
    desk.do(lambda page: _remember_mode(page, mode))
    return {"mode": mode, "changed": changed}


def _remember_mode(page: Page, mode: str) -> None:
    page.book = page.book.in_mode(mode)


def set_duty(page: Page, wanted: Duty, cause: Any) -> Answer:
    """Raises OrderRefusedError."""
    previous = page.book.duty
    try:
        page.set_duty(wanted, cause)
    except IllegalStepError as error:
        raise OrderRefusedError("wrong_state", str(error)) from error
    return {"duty": page.book.duty, "previous": previous}


def _set_duty(page: Page, order: Order) -> Answer:
    return set_duty(page, cast(DutySet, order.args).duty, "command")


def _assign(page: Page, order: Order, config: TasksConfig) -> Answer:
    return answer_of(page, moves.assign(page, config, cast(TaskAssign, order.args), order.id))


def _update(page: Page, order: Order, config: TasksConfig) -> Answer:
    return answer_of(page, moves.update(page, config, cast(TaskUpdate, order.args), order.id))


def _cancel(page: Page, order: Order) -> Answer:
    return answer_of(page, moves.cancel(page, cast(TaskCancel, order.args), order.id))


def answer_of(page: Page, task: Task) -> Answer:
    """What the asker wants to know at once: the state, and how long the unit will take."""
    signs = page.signs(task)
    answer: Answer = {"task": task.id, "state": task.state}
    if task.ahead and signs.remaining_m is not None:
        answer["remaining_m"] = round(signs.remaining_m, 1)
    if task.ahead and signs.eta_s is not None:
        answer |= {"eta_s": round(signs.eta_s, 1), "ring": signs.ring}
    return answer
