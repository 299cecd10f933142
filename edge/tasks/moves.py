"""What may be done with tasks, as moves on a page: by order, by the crew, by the clock."""

from dataclasses import replace
from typing import Any, Literal

from config.operations import TasksConfig
from edge.tasks import deadlines
from edge.tasks.life import Act, IllegalStepError
from edge.tasks.page import Page
from edge.tasks.record import Due, Offer, Place, Stamp, Task
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.places import Place as WirePlace
from telemetry.contract.tasks import Deadline, TaskAssign, TaskCancel, TaskUpdate

OPEN_TASKS = 16  # each suspends the one before; nobody can work them off, and the disk holds them
OWN_REMINDER_S = 20.0  # before the unit's own deadline for the acknowledgement


def assign(page: Page, config: TasksConfig, order: TaskAssign, command: str) -> Task:
    """Take a task on. Raises OrderRefusedError: `busy`, `wrong_state`."""
    known = page.book.find(order.task)
    if known is not None and known.command == command:
        return known  # carried out before a crash, and not yet answered then
    if known is not None:
        raise OrderRefusedError(
            "wrong_state", f"this task is known and {known.state}; change it with task.update"
        )
    current = page.book.current
    if current is not None and current.priority <= order.priority:
        raise OrderRefusedError(
            "busy", f"at work on {current.id}, of priority {current.priority} ({current.state})"
        )
    if len(page.book.tasks) >= OPEN_TASKS:
        raise OrderRefusedError("busy", f"{OPEN_TASKS} tasks wait already")
    task = _new_task(page.now, config, order, command)
    _legally(page.add, task)
    return page.step(task, "acknowledge") if config.automatic_acknowledge else task


def _new_task(now: Stamp, config: TasksConfig, order: TaskAssign, command: str) -> Task:
    return Task(
        id=order.task,
        title=order.title,
        kind=order.kind,
        priority=order.priority,
        place=_place(order.place),
        radius_m=order.radius_m or config.arrive_within_m,
        route=tuple(_place(place) for place in order.route),
        deadlines=_dues(order.deadlines, now, config),
        handover_from=order.handover_from,
        command=command,
        state="assigned",
        received=now,
    )


def _dues(given: tuple[Deadline, ...], now: Stamp, config: TasksConfig) -> tuple[Due, ...]:
    """What the hub set, and the unit's own deadline where it set none for the acknowledgement."""
    dues = tuple(
        deadlines.fresh(Due(state=d.state, at=d.at, remind_before_s=d.remind_before_s), now)
        for d in given
    )
    if any(due.state == "acknowledged" for due in dues):
        return dues
    within_s = config.acknowledge_within_s
    remind_s = min(OWN_REMINDER_S, within_s / 2)
    return (*dues, deadlines.due_in(within_s, "acknowledged", remind_s, now))


def update(page: Page, config: TasksConfig, order: TaskUpdate, command: str) -> Task:
    """Change what is given. Raises OrderRefusedError: `unknown_task`, `wrong_state`."""
    done = _done_before(page, order.task, command)
    if done is not None:
        return done
    task = open_task(page, order.task)
    task = _redrawn(task, order, page.now, config)
    page.book = page.book.with_task(task)
    page.reorder()
    if order.place is not None and task.state == "arrived":
        task = page.step(task, "leave", command=command)
    if order.handover is not None:
        task = _answered(page, task, order.handover, command)
    return task


def _redrawn(task: Task, order: TaskUpdate, now: Stamp, config: TasksConfig) -> Task:
    changes: dict[str, Any] = {
        name: getattr(order, name)
        for name in ("title", "priority", "radius_m")
        if getattr(order, name) is not None
    }
    if order.place is not None:
        changes["place"] = _place(order.place)
    if order.route is not None:
        changes |= {"route": tuple(_place(place) for place in order.route), "way_m": None}
        changes["off_route"] = False
    if order.deadlines is not None:
        changes["deadlines"] = _dues(order.deadlines, now, config)
    return replace(task, **changes)


def _answered(
    page: Page, task: Task, answer: Literal["accepted", "declined"], command: str
) -> Task:
    """The other side's word on this unit's offer: only both together hand a task over."""
    if task.offer is None:
        raise OrderRefusedError("wrong_state", "this unit offers the task to nobody (any more)")
    to = task.offer.to
    if answer == "accepted":
        return page.step(task, "hand_over", command=command, offer=None, handed_to=to)
    kept = replace(task, offer=None)
    page.note(kept, "handover_declined", command=command, handover_to=to)
    return kept


def cancel(page: Page, order: TaskCancel, command: str) -> Task:
    """The hub forgets a task. Raises OrderRefusedError: `unknown_task`, `wrong_state`."""
    done = _done_before(page, order.task, command)
    if done is not None:
        return done
    task = open_task(page, order.task)
    return page.step(task, "cancel", command=command, reason=order.reason)


def act(page: Page, task_id: str | None, what: Act, **changes: Any) -> Task:
    """What the crew says it does, or the motion shows. Raises OrderRefusedError."""
    task = open_task(page, task_id)
    current = page.book.current
    if what in ("set_out", "arrive", "leave", "handle") and task is not current:
        raise OrderRefusedError("wrong_state", "it waits until the more urgent task is over")
    try:
        return page.step(task, what, **changes)
    except IllegalStepError as error:
        raise OrderRefusedError("wrong_state", str(error)) from error


def offer(page: Page, config: TasksConfig, task_id: str | None, to: str) -> Task:
    """Offer a task to another unit, for a while. Raises OrderRefusedError."""
    task = open_task(page, task_id)
    if task.state == "assigned":
        raise OrderRefusedError(
            "wrong_state", "a task that is not acknowledged is refused, not handed over"
        )
    if task.offer is not None:
        raise OrderRefusedError("busy", f"it is offered to {task.offer.to} already")
    expires = deadlines.due_in(config.handover_within_s, "handed_over", 0.0, page.now)
    offered = replace(task, offer=Offer(to=to, at=page.now, expires=expires))
    page.note(offered, "handover_offered")
    return offered


def keep_time(page: Page) -> None:
    """Say what is due, each once; end the offers that nobody has accepted."""
    for task in page.book.tasks:
        dues = tuple(deadlines.reckoned(due, page.now) for due in task.deadlines)
        if dues != task.deadlines:
            page.book = page.book.with_task(replace(task, deadlines=dues))
    for task in page.book.tasks:
        _tell_due(page, task)
    for task in page.book.tasks:
        if task.offer is not None and _expired(task.offer.expires, page.now):
            kept = replace(task, offer=None)
            page.note(kept, "handover_expired", handover_to=task.offer.to)


def _tell_due(page: Page, task: Task) -> None:
    for word, number in deadlines.to_tell(task, page.now):
        due = task.deadlines[number]
        task = deadlines.told(task, number, word)
        page.note(task, word, step=due.state, deadline=due.at)


def _expired(due: Due, now: Stamp) -> bool:
    """After a reboot an offer is too old, whatever the time of day."""
    left_s = deadlines.left_s(due, now)
    return left_s is None or left_s <= 0


def _done_before(page: Page, task_id: str, command: str) -> Task | None:
    """The task, if this very order took its last step: before a crash, and not answered then."""
    task = page.book.find(task_id)
    return task if task is not None and task.last_command == command else None


def open_task(page: Page, task_id: str | None) -> Task:
    """The task of this id, or the one worked on. Raises OrderRefusedError."""
    if task_id is None:
        if page.book.current is None:
            raise OrderRefusedError("unknown_task", "the unit has no task")
        return page.book.current
    task = page.book.find(task_id)
    if task is None:
        raise OrderRefusedError("unknown_task", "the unit does not know this task")
    if task.over:
        raise OrderRefusedError("wrong_state", f"the task is over: {task.state}")
    return task


def _legally(add: Any, task: Task) -> None:
    try:
        add(task)
    except IllegalStepError as error:
        raise OrderRefusedError("wrong_state", str(error)) from error


def _place(place: WirePlace) -> Place:
    return place.lat_deg, place.lon_deg
