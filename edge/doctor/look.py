"""Looking at one thing in a thread of its own: one that hangs or fails costs the others nothing."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from config.language import tell
from edge.doctor.case import Case
from edge.doctor.exhibit import Exhibit
from edge.doctor.line import NOT_CONFIGURED, Line, fault, none
from edge.doctor.running_unit import RunningUnit
from edge.running.worker import Beat, Worker, WorkerState

LOOK_EVERY_S = 0.05
SPARE_S = 2.0  # a group has its say so long before its own time is over

Job = Callable[[], Iterable[Line]]


def _nothing() -> None:
    """Nobody wants to know that it is still waited for."""


@dataclass(slots=True)
class Look:
    """One under way. Its lines can be had at any time."""

    name: str
    within_s: float
    worker: Worker
    ends_mono_s: float
    lines: list[Line] = field(default_factory=list)

    @classmethod
    def begin(cls, case: Case, name: str, job: Job, within_s: float) -> "Look":
        lines: list[Line] = []
        clock = case.host.clock

        def work(_beat: Beat) -> None:
            for line in job():  # one by one: what it said before it fails is kept
                lines.append(line)

        worker = Worker(f"doctor.{name}", work, threading.Event(), clock, essential=True)
        look = cls(name, within_s, worker, clock.mono_s() + within_s, lines)
        worker.start()
        return look

    @property
    def over(self) -> bool:
        return self.worker.state in (WorkerState.DONE, WorkerState.FAILED)

    def told(self, case: Case, waiting: Callable[[], None] = _nothing) -> Iterator[Line]:
        """Its lines, once it is over or its time is."""
        while not self.over and case.host.clock.mono_s() < self.ends_mono_s:
            waiting()
            case.stop.wait(LOOK_EVERY_S)
        yield from list(self.lines)
        if self.worker.state is WorkerState.FAILED:
            text = tell("the doctor itself failed: {why}", why=self.worker.last_error)
            cure = tell("the rest goes on; report it with the lines above it on stderr")
            yield fault("doctor_failed", self.name, text, cure)
        elif not self.over:
            text = tell("no answer within {limit_s:.0f} s", limit_s=self.within_s)
            cure = tell("unplug the part and plug it in again; --limit gives it more time")
            yield fault("doctor_no_answer", self.name, text, cure)


def of_each(
    case: Case,
    kind: str,
    group: str,
    jobs: Mapping[str, Job],
    exhibit: Callable[[RunningUnit, str], Exhibit | None] = lambda _unit, _name: None,
) -> Iterator[Line]:
    """Parts of one kind, by name: asked of the unit that runs, or each looked at by its job.

    `exhibit`: what the running unit has to show of one.
    """
    if not jobs:
        yield none(group, NOT_CONFIGURED)
    elif case.unit is None:
        yield from side_by_side(case, jobs)
    else:
        for name in jobs:
            first, *more = case.unit.device(kind, name)
            yield replace(first, exhibit=exhibit(case.unit, name))
            yield from more


def side_by_side(case: Case, jobs: Mapping[str, Job]) -> Iterator[Line]:
    """Several devices at once, told in their order."""
    within_s = max(1.0, case.limit_s - SPARE_S)
    looks = [Look.begin(case, name, job, within_s) for name, job in jobs.items()]
    for look in looks:
        yield from look.told(case)
