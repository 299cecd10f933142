"""All groups, looked at together where that is safe, each within its time."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from drivers.clock import Clock
from edge.doctor import (
    actuators,
    boards,
    broker,
    cameras,
    clock,
    disk,
    keys,
    microphones,
    model,
    modules,
    platforms,
    power,
    processor,
    receivers,
    sensors,
    service,
    unit_file,
)
from edge.doctor.case import Case, Examine
from edge.doctor.line import Line, fault, none
from edge.running.worker import Beat, Worker, WorkerState

GROUPS: Mapping[str, Examine] = {
    "power": power.examine,
    "clock": clock.examine,
    "disk": disk.examine,
    "computer": processor.examine,
    "gnss": receivers.examine,
    "cameras": cameras.examine,
    "microphones": microphones.examine,
    "sensors": sensors.examine,
    "boards": boards.examine,
    "platforms": platforms.examine,
    "actuators": actuators.examine,
    "model": model.examine,
    "broker": broker.examine,
    "keys": keys.examine,
    "config": unit_file.examine,
    "service": service.examine,
    "modules": modules.examine,
}
ALONE = ("model", "disk")  # they measure the computer, which the others would load meanwhile
UNIT = "unit"
LOOK_EVERY_S = 0.05
Waiting = Callable[[Sequence[str]], None]  # told whom the doctor still waits for


@dataclass(slots=True)
class _Look:
    """One group under way."""

    name: str
    worker: Worker
    ends_mono_s: float
    lines: list[Line] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.worker.state in (WorkerState.DONE, WorkerState.FAILED)


def examine(
    case: Case, groups: Sequence[str], limit_s: float, waiting: Waiting = lambda _names: None
) -> Iterator[Line]:
    """The lines, group after group in the order of GROUPS, each as soon as it is known."""
    wanted = [name for name in GROUPS if name in groups]
    together = [name for name in wanted if name not in ALONE]
    looks = {name: _begun(case, name, limit_s) for name in together}
    for name in wanted:
        if name in ALONE:
            _wait_for_all(list(looks.values()), case.host.clock, waiting)
            looks[name] = _begun(case, name, limit_s)
        yield from _told(case, looks[name], list(looks.values()), limit_s, waiting)
    if case.unit is not None and set(groups) == set(GROUPS):
        left = list(case.unit.left())
        yield from (replace(line, group=UNIT) for line in left)
        if not left:
            yield replace(none("other faults", "the running unit tells of none"), group=UNIT)


def _begun(case: Case, name: str, limit_s: float) -> _Look:
    lines: list[Line] = []

    def work(_beat: Beat) -> None:
        for line in GROUPS[name](case):
            lines.append(replace(line, group=name))

    clock_ = case.host.clock
    worker = Worker(f"doctor.{name}", work, threading.Event(), clock_, essential=True)
    look = _Look(name, worker, clock_.mono_s() + limit_s, lines)
    worker.start()
    return look


def _told(
    case: Case, look: _Look, all_: list[_Look], limit_s: float, waiting: Waiting
) -> Iterator[Line]:
    while not look.over and case.host.clock.mono_s() < look.ends_mono_s:
        waiting([each.name for each in all_ if not each.over])
        threading.Event().wait(LOOK_EVERY_S)
    yield from list(look.lines)
    if look.worker.state is WorkerState.FAILED:
        text = f"the doctor itself failed: {look.worker.last_error}"
        cure = "the rest goes on; report it with the lines above it on stderr"
        yield replace(fault("doctor_failed", look.name, text, cure), group=look.name)
    elif not look.over:
        text = f"no answer within {limit_s:.0f} s"
        cure = "unplug the part and plug it in again; --limit gives it more time"
        yield replace(fault("doctor_no_answer", look.name, text, cure), group=look.name)


def _wait_for_all(looks: list[_Look], clock_: Clock, waiting: Waiting) -> None:
    while left := [one for one in looks if not one.over and clock_.mono_s() < one.ends_mono_s]:
        waiting([one.name for one in left])
        threading.Event().wait(LOOK_EVERY_S)
