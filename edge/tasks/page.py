"""One change of the book, with the events that tell of it. Pure: nothing is written here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from edge.tasks import duty as duties
from edge.tasks.life import Act, after
from edge.tasks.record import Book, Place, Stamp, Task, Untold
from telemetry.contract.events import Pose
from telemetry.contract.tasks import (
    OTHER_KINDS_PRIORITY,
    PRIORITY_OF_KIND,
    DutyEvent,
    Motion,
    Ring,
    TaskEvent,
    TaskEventKind,
    TaskState,
)
from telemetry.contract.up_message import Duty, UpMessage
from telemetry.contract.uuid7 import uuid7

ENDED_KEPT = 20

_STAMPS: dict[TaskState, str] = {
    "acknowledged": "acknowledged",
    "arrived": "arrived",
    "closed": "cleared",
    "handed_over": "cleared",
    "refused": "cleared",
    "cancelled": "cleared",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the unit sees of its way to a task. None: not known."""

    pose: Pose | None = None
    place: Place | None = None
    remaining_m: float | None = None
    eta_s: float | None = None
    ring: Ring | None = None
    motion: Motion | None = None


class Page:
    """A move is made on a page. It is then written whole, or thrown away."""

    def __init__(
        self, book: Book, now: Stamp, signs: Callable[[Task], Signs] = lambda _: Signs()
    ) -> None:
        self.book = book
        self.now = now
        self.events: list[Untold] = []
        self._signs = signs

    def signs(self, task: Task) -> Signs:
        return self._signs(task)

    # --- tasks ---

    def add(self, task: Task) -> None:
        """A new task, to be worked on from now. Raises IllegalStepError."""
        duties.with_task(self.book.duty, task.state)  # whether the unit is on duty at all
        current = self.book.current
        if current is not None:
            self.tell(current, "suspended", reason=f"{task.id} is more urgent")
        else:
            post = self.book.post
            if self.book.duty == "standby":
                post = self.signs(task).place
            self.book = replace(self.book, duty_before=self.book.duty, post=post)
        self.book = replace(self.book, tasks=(*self.book.tasks, task))
        self.tell(task, "transition", command=task.command)
        self._follow_with_duty(task)

    def step(
        self,
        task: Task,
        act: Act,
        *,
        at: Stamp | None = None,
        command: str | None = None,
        **changes: Any,
    ) -> Task:
        """Take a task one step on, with whatever else changes. Raises IllegalStepError.

        `at`: when it happened, where that was before now.
        """
        reached = _reached(after(task.state, act), act, at or self.now)
        stamped = replace(task, **changes, **reached, last_command=command)
        self.book = self.book.with_task(stamped)
        self.tell(stamped, "transition", at=at, previous=task.state, command=command)
        if stamped.over:
            self._put_away(stamped)
        else:
            self._follow_with_duty(stamped)
        return stamped

    def note(self, task: Task, kind: TaskEventKind, **more: Any) -> None:
        """Keep the task as it is now, and tell something about it that is no step."""
        self.book = self.book.with_task(task)
        self.tell(task, kind, **more)

    def _put_away(self, task: Task) -> None:
        left = tuple(one for one in self.book.tasks if one.id != task.id)
        short = replace(task, route=(), deadlines=(), offer=None)
        was_current = self.book.current is not None and self.book.current.id == task.id
        ended = (*self.book.ended, short)[-ENDED_KEPT:]
        self.book = replace(self.book, tasks=left, ended=ended)
        if left and was_current:
            self.tell(left[-1], "resumed", reason=f"{task.id} is over")
        self._follow_with_duty(task)

    def reorder(self) -> None:
        """After a change of priority: the most urgent task is worked on, the others wait."""
        tasks = tuple(sorted(self.book.tasks, key=lambda task: -task.priority))
        before, now = self.book.current, tasks[-1] if tasks else None
        self.book = replace(self.book, tasks=tasks)
        if before is not None and now is not None and now.id != before.id:
            self.tell(before, "suspended", reason=f"{now.id} is more urgent")
            self.tell(now, "resumed", reason=f"more urgent than {before.id}")
            self._follow_with_duty(now)

    # --- duty ---

    def set_duty(self, wanted: Duty, cause: Literal["command", "local", "task", "start"]) -> bool:
        """By hand. Whether it changed. Raises IllegalStepError."""
        return self._change_duty(duties.set_by_hand(self.book.duty, wanted), cause, None)

    def _follow_with_duty(self, task: Task) -> None:
        current, before = self.book.current, self.book.duty_before
        if current is not None:
            wanted = duties.with_task(self.book.duty, current.state)
        else:
            had_gone = task.moving is not None or task.arrived is not None
            wanted = duties.after_task(before) if had_gone else before
        self._change_duty(wanted, "task", (current or task).id)

    def _change_duty(
        self,
        wanted: Duty,
        cause: Literal["command", "local", "task", "start"],
        task_id: str | None,
    ) -> bool:
        previous = self.book.duty
        if wanted == previous and cause != "start":
            return False
        self.book = replace(self.book, duty=wanted)
        event = DutyEvent(duty=wanted, previous=previous, cause=cause, task=task_id)
        self._write(event, self.now, event.PRIORITY)
        return True

    def start_anew(self) -> None:
        """The book was lost: say what the unit is on, so that nobody counts on the old one."""
        self._change_duty(self.book.duty, "start", None)

    # --- events ---

    def tell(
        self, task: Task, kind: TaskEventKind, *, at: Stamp | None = None, **more: Any
    ) -> None:
        self._write(self.event(task, kind, **more), at or self.now, _priority(kind))

    def event(self, task: Task, kind: TaskEventKind, **more: Any) -> TaskEvent:
        """The task as it is now, in an event."""
        signs = self._signs(task)
        values: dict[str, Any] = {
            "reason": task.reason if task.over else "",
            "off_route": task.off_route if task.route else None,
            "handover_to": task.offer.to if task.offer else task.handed_to,
        }
        return TaskEvent(
            task=task.id,
            kind=kind,
            state=task.state,
            times=task.times(),
            remaining_m=signs.remaining_m if task.ahead else None,
            eta_s=signs.eta_s if task.ahead else None,
            ring=signs.ring if task.ahead else None,
            motion=signs.motion if task.ahead else None,
            disposition=task.disposition,
            pose=signs.pose,
            **(values | more),
        )

    def _write(self, event: UpMessage, at: Stamp, priority: int) -> None:
        self.events.append(
            Untold(
                id=uuid7(at.utc),
                type=event.TYPE,
                time=at.utc,
                quality=at.quality,
                priority=priority,
                data=event.model_dump(mode="json", exclude_none=True),
            )
        )


def _reached(state: TaskState, act: Act, stamp: Stamp) -> dict[str, Any]:
    """What changes in a task with the step: T1 to T4 with the state."""
    if act == "leave":
        return {"state": state, "arrived": None}
    if act == "set_out":
        return {"state": state, "moving": stamp}
    return {"state": state} | ({_STAMPS[state]: stamp} if state in _STAMPS else {})


def _priority(kind: TaskEventKind) -> int:
    return PRIORITY_OF_KIND.get(kind, OTHER_KINDS_PRIORITY)
