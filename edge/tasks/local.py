"""What the crew may ask for on the spot, by name, over the local control socket."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from pydantic import ValidationError

from config.operations import TasksConfig
from edge.tasks import moves
from edge.tasks.desk import Desk
from edge.tasks.life import Act
from edge.tasks.modes import Tuning
from edge.tasks.orders import answer_of, set_duty
from edge.tasks.page import Page
from edge.tasks.record import Task
from edge.tasks.sos import SosDesk
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.events import SosCause
from telemetry.contract.up_message import Duty
from telemetry.contract.wire_types import Code, Message, Short, Text, Uuid, rfc3339_ms, short, text

M = TypeVar("M", bound=Message)
Answer = dict[str, Any]


class Asked(Protocol):
    """A request as the socket hands it over."""

    @property
    def args(self) -> dict[str, Any]: ...

    @property
    def issuer(self) -> str: ...


Control = Callable[[Asked], Answer]


class TaskAct(Message):
    """What the crew does with a task; without `task`, with the one that is worked on."""

    act: Literal["acknowledge", "refuse", "set_out", "arrive", "handle", "close"]
    task: Uuid | None = None
    disposition: Code | None = None
    reason: Text = ""


class TaskOffer(Message):
    to: Short
    task: Uuid | None = None


class DutyWish(Message):
    duty: Duty


class SosCry(Message):
    cause: SosCause = "operator"
    text: Text = ""


class SosEnd(Message):
    episode: Uuid | None = None
    reason: Text = ""


def controls(desk: Desk, sos: SosDesk, tuning: Tuning, config: TasksConfig) -> dict[str, Control]:
    """By the names under which they are asked for."""

    def act(asked: Asked) -> Answer:
        return desk.do(lambda page: _act(page, read(TaskAct, asked)))

    def offer(asked: Asked) -> Answer:
        return desk.do(lambda page: _offer(page, config, read(TaskOffer, asked)))

    def duty(asked: Asked) -> Answer:
        return desk.do(lambda page: set_duty(page, read(DutyWish, asked).duty, "local"))

    def cry(asked: Asked) -> Answer:
        wanted = read(SosCry, asked)
        call = sos.call(wanted.cause, asked.issuer, wanted.text)
        return {"episode": call.episode, "cause": call.cause, "begun": rfc3339_ms(call.begun.utc)}

    def end(asked: Asked) -> Answer:
        wanted = read(SosEnd, asked)
        return {"episode": sos.cancel(wanted.episode, asked.issuer, wanted.reason).episode}

    return {
        "task.list": lambda _asked: tasks_told(desk),
        "task.act": act,
        "task.offer": offer,
        "duty.show": lambda _asked: duty_told(desk, sos, tuning),
        "duty.set": duty,
        "sos.call": cry,
        "sos.cancel": end,
    }


def read(model: type[M], asked: Asked) -> M:
    try:
        return model.model_validate(asked.args)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OrderRefusedError("invalid_arguments", f"{where}: {first['msg']}") from error


def _act(page: Page, asked: TaskAct) -> Answer:
    changes: dict[str, Any] = {"reason": asked.reason} if asked.reason else {}
    if asked.act == "close":
        if asked.disposition is None:
            raise OrderRefusedError("invalid_arguments", "say how it was closed: a disposition")
        changes["disposition"] = asked.disposition
    what: Act = asked.act
    return answer_of(page, moves.act(page, asked.task, what, **changes))


def _offer(page: Page, config: TasksConfig, asked: TaskOffer) -> Answer:
    task = moves.offer(page, config, asked.task, asked.to)
    within_s = config.handover_within_s
    return answer_of(page, task) | {"offered_to": asked.to, "within_s": within_s}


def tasks_told(desk: Desk) -> Answer:
    """All tasks: the one worked on first, then those that wait for it, then the last that ended."""
    book = desk.book
    return {
        "open": [_told(desk, task) for task in reversed(book.tasks)],
        "ended": [_told(desk, task) for task in reversed(book.ended)],
    }


def _told(desk: Desk, task: Task) -> Answer:
    answer: Answer = {
        "task": task.id,
        "title": text(task.title),  # words of others, on a terminal
        "kind": task.kind,
        "priority": task.priority,
        "state": task.state,
        "place": {"lat_deg": task.place[0], "lon_deg": task.place[1]},
        "radius_m": task.radius_m,
        "times": task.times().model_dump(mode="json", exclude_none=True),
        "deadlines": [
            {"state": due.state, "at": rfc3339_ms(due.at), "overdue": due.overdue}
            for due in task.deadlines
        ],
        "off_route": task.off_route,
    }
    more = {
        "disposition": task.disposition,
        "reason": text(task.reason) or None,
        "handover_from": task.handover_from and short(task.handover_from),
        "handover_to": task.offer.to if task.offer else task.handed_to,
    }
    answer |= {name: value for name, value in more.items() if value is not None}
    return answer | _outlook(desk, task) if task.ahead else answer


def _outlook(desk: Desk, task: Task) -> Answer:
    signs = desk.signs(task)
    outlook = {
        "remaining_m": signs.remaining_m,
        "eta_s": signs.eta_s,
        "ring": signs.ring,
        "motion": signs.motion,
    }
    return {name: value for name, value in outlook.items() if value is not None}


def duty_told(desk: Desk, sos: SosDesk, tuning: Tuning) -> Answer:
    book, call = desk.book, sos.book.call
    answer: Answer = {"duty": book.duty, "mode": tuning.now.mode}
    if book.current is not None:
        answer |= {"task": book.current.id, "task_state": book.current.state}
    if call is not None:
        answer |= {"sos": call.episode, "sos_begun": rfc3339_ms(call.begun.utc)}
    return answer
