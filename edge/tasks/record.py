"""What a unit remembers of its orders: tasks, duty, mode, and the events not yet told."""

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import AwareDatetime

from edge.tasks.life import ENDS
from telemetry.contract.tasks import TaskState, TaskTimes
from telemetry.contract.up_message import Duty
from telemetry.contract.wire_types import TimeQuality

Place = tuple[float, float]  # lat, lon in degrees, WGS 84


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One moment, by both clocks."""

    utc: AwareDatetime
    quality: TimeQuality
    mono_s: float
    boot: str  # of the computer: `mono_s` of different boots cannot be compared

    def since_s(self, earlier: "Stamp") -> float | None:
        """Seconds by the clock that nobody sets; None over a reboot."""
        return max(0.0, self.mono_s - earlier.mono_s) if self.boot == earlier.boot else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A deadline, and what was told of it. `mono_s` is when, by the clock of this boot."""

    state: TaskState
    at: AwareDatetime
    remind_before_s: float
    mono_s: float | None = None
    boot: str = ""
    quality: TimeQuality = "none"  # of the time by which `mono_s` was reckoned
    reminded: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """This unit offers its task to another; nothing changes until that one accepts."""

    to: str
    at: Stamp
    expires: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as the unit has it."""

    id: str
    title: str
    kind: str
    priority: int
    place: Place
    radius_m: float
    route: tuple[Place, ...]
    deadlines: tuple[Due, ...]
    handover_from: str | None
    command: str  # the id of the order that brought it
    last_command: str | None = None  # of the order that took the last step, if one did
    state: TaskState
    received: Stamp
    acknowledged: Stamp | None = None
    moving: Stamp | None = None
    arrived: Stamp | None = None
    cleared: Stamp | None = None
    offer: Offer | None = None
    handed_to: str | None = None
    disposition: str | None = None
    reason: str = ""
    way_m: float | None = None  # progress on the route
    off_route: bool = False

    @property
    def over(self) -> bool:
        return self.state in ENDS

    @property
    def ahead(self) -> bool:
        """Whether the unit has yet to get there."""
        return self.state in ("assigned", "acknowledged", "en_route")

    def times(self) -> TaskTimes:
        """T0 to T4, as the hub reads them."""
        later = (self.acknowledged, self.moving, self.arrived, self.cleared)
        names = ("acknowledged", "moving", "arrived", "cleared")
        utc = {name: stamp.utc for name, stamp in zip(names, later, strict=True) if stamp}
        since = {
            f"{name}_after_s": stamp.since_s(self.received)
            for name, stamp in zip(names, later, strict=True)
            if stamp
        }
        return TaskTimes.model_validate({"received": self.received.utc, **utc, **since})


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """An event that is written down with the change it tells of, until the outbox has it."""

    id: str  # UUIDv7; the same however often it is told
    type: str
    time: AwareDatetime
    quality: TimeQuality
    priority: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the unit gets on, stops included."""

    speed_mps: float
    seconds: float  # of motion that it was learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All of it. A change and the events that tell of it are written as one."""

    tasks: tuple[Task, ...] = ()  # open; the last one is worked on, the others wait for it
    ended: tuple[Task, ...] = ()  # the newest last
    duty: Duty = "on_patrol"
    duty_before: Duty = "on_patrol"  # the first of the open tasks
    post: Place | None = None  # where a unit that stood by goes back to
    mode: str = "routine"
    paces: dict[str, Pace] = field(default_factory=dict)
    untold: tuple[Untold, ...] = ()

    @property
    def current(self) -> Task | None:
        return self.tasks[-1] if self.tasks else None

    def find(self, task_id: str) -> Task | None:
        """The task of this id, open or ended."""
        return next((task for task in (*self.tasks, *self.ended) if task.id == task_id), None)

    def in_mode(self, mode: str) -> "Book":
        return replace(self, mode=mode)

    def with_task(self, task: Task) -> "Book":
        """The same with this task in the place of the open one of its id."""
        return replace(self, tasks=tuple(task if one.id == task.id else one for one in self.tasks))
