"""Dispatch and duty: what a hub asks, and each step of a task as a durable event with its times."""

from typing import ClassVar, Literal

from pydantic import Field

from telemetry.contract.events import Pose
from telemetry.contract.places import Place
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import Duty, UpMessage
from telemetry.contract.wire_types import (
    Code,
    Distance,
    Message,
    Seconds,
    Short,
    Text,
    UtcTime,
    Uuid,
)

TaskState = Literal[
    "assigned",
    "acknowledged",
    "en_route",
    "arrived",
    "handling",
    "closed",
    "handed_over",
    "refused",
    "cancelled",
]
Ring = Literal["1", "3", "5", "none"]  # minutes to the place of the task
TaskEventKind = Literal[
    "transition",
    "progress",
    "reminder",
    "overdue",
    "off_route",
    "back_on_route",
    "handover_offered",
    "handover_declined",
    "handover_expired",
    "suspended",
    "resumed",
]
Motion = Literal["moving", "idle", "blocked"]  # idle: standing as at a light; blocked: for longer


class TaskTimes(Message):
    """When each step was reached; T0 to T4. Response time is the hub's to compute from these."""

    received: UtcTime = Field(description="T0, the unit has the order")
    acknowledged: UtcTime | None = Field(None, description="T1")
    moving: UtcTime | None = Field(None, description="T2")
    arrived: UtcTime | None = Field(None, description="T3: near, slow, and staying")
    cleared: UtcTime | None = Field(
        None, description="T4: closed, handed over, refused or cancelled"
    )
    acknowledged_after_s: Seconds | None = Field(
        None, description="T1 - T0 by a clock that nobody sets; absent over a reboot"
    )
    moving_after_s: Seconds | None = Field(None, description="T2 - T0, likewise")
    arrived_after_s: Seconds | None = Field(None, description="T3 - T0, likewise")
    cleared_after_s: Seconds | None = Field(None, description="T4 - T0, likewise")


class TaskEvent(UpMessage):
    """A step of a task, or something about it that the hub must know now.

    A unit whose power was cut may tell a step again: word for word, under the same `id`.
    """

    TYPE: ClassVar[str] = "patrol.event.task.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 0

    task: Uuid
    kind: TaskEventKind
    state: TaskState
    previous: TaskState | None = Field(None, description="in a transition")
    command: Uuid | None = Field(None, description="the command that caused it, if one did")
    times: TaskTimes
    remaining_m: Distance | None = Field(None, description="along the route, if one was given")
    eta_s: Seconds | None = Field(
        None, description="until arrival, from `time` on; absent where it cannot be told (blocked)"
    )
    motion: Motion | None = Field(None, description="of the unit on its way")
    ring: Ring | None = Field(None, description="the 1, 3 or 5 minute ring the unit is in")
    off_route: bool | None = None
    step: TaskState | None = Field(None, description="reminder, overdue: the state that was due")
    deadline: UtcTime | None = Field(None, description="reminder, overdue: when it was due")
    disposition: Code | None = Field(None, description="how it was closed")
    handover_to: Short | None = Field(None, description="the unit that takes it over")
    reason: Text = ""
    pose: Pose | None = None


class DutyEvent(UpMessage):
    """The unit's duty changed. Each change is told once."""

    TYPE: ClassVar[str] = "patrol.event.duty.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    duty: Duty
    previous: Duty
    cause: Literal["command", "local", "task", "start"]
    task: Uuid | None = None


# What is no step of a task may be less urgent than one; of progress only the newest counts.
PRIORITY_OF_KIND: dict[TaskEventKind, int] = {
    "transition": 0,
    "handover_offered": 0,
    "progress": 3,
}
OTHER_KINDS_PRIORITY = 1

# Where each state may lead. The crew that is there already when the order comes arrives without
# setting out; once there, a unit closes the task or hands it over, and cannot refuse it.
NEXT_STATES: dict[TaskState, frozenset[TaskState]] = {
    "assigned": frozenset({"acknowledged", "refused", "cancelled"}),
    "acknowledged": frozenset({"en_route", "arrived", "handed_over", "refused", "cancelled"}),
    "en_route": frozenset({"arrived", "handed_over", "refused", "cancelled"}),
    "arrived": frozenset({"handling", "en_route", "closed", "handed_over", "cancelled"}),
    "handling": frozenset({"closed", "handed_over", "cancelled"}),
    "closed": frozenset(),
    "handed_over": frozenset(),
    "refused": frozenset(),
    "cancelled": frozenset(),
}


class Deadline(Message):
    """By when a state shall be reached; a reminder comes before it, `overdue` at it."""

    state: TaskState
    at: UtcTime
    remind_before_s: Seconds = Field(60.0, description="0: no reminder")


class TaskAssign(Message):
    """Go there. Refused with `busy` while a task of the same or a higher priority is on."""

    task: Uuid
    title: Text = ""
    kind: Code = Field("incident", description="incident, check, escort, ...; the hub's own codes")
    priority: int = Field(2, ge=0, le=4, description="0 is the most urgent")
    place: Place
    radius_m: float | None = Field(
        None, gt=0, le=5000, description="default: tasks.arrive_within_m"
    )
    route: tuple[Place, ...] = Field((), max_length=5000, description="a polyline to follow")
    deadlines: tuple[Deadline, ...] = Field((), max_length=8)
    handover_from: Short | None = Field(None, description="the unit that has the task now")


class TaskUpdate(Message):
    """Change what is given; what is absent stays as it is."""

    task: Uuid
    title: Text | None = None
    priority: int | None = Field(None, ge=0, le=4)
    place: Place | None = None
    radius_m: float | None = Field(None, gt=0, le=5000)
    route: tuple[Place, ...] | None = Field(None, max_length=5000)
    deadlines: tuple[Deadline, ...] | None = Field(None, max_length=8)
    handover: Literal["accepted", "declined"] | None = Field(
        None, description="what the other unit says to this unit's offer"
    )


class TaskCancel(Message):
    task: Uuid
    reason: Text = ""
