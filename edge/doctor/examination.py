"""All groups, looked at together where that is safe, each within its time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from config.language import tell
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
    permissions,
    platforms,
    power,
    processor,
    receivers,
    sensors,
    service,
    slots,
    unit_file,
)
from edge.doctor.case import Case, Examine
from edge.doctor.line import Line, none
from edge.doctor.look import Look

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
    "slots": slots.examine,
    "permissions": permissions.examine,
    "service": service.examine,
    "modules": modules.examine,
}
HEADINGS: Mapping[str, str] = {
    "power": tell("power"),
    "clock": tell("clock"),
    "disk": tell("disk"),
    "computer": tell("computer"),
    "gnss": "gnss",
    "cameras": tell("cameras"),
    "microphones": tell("microphones"),
    "sensors": tell("sensors"),
    "boards": tell("boards"),
    "platforms": tell("platforms"),
    "actuators": tell("actuators"),
    "model": tell("model"),
    "broker": tell("broker"),
    "keys": tell("keys"),
    "config": tell("config"),
    "slots": tell("slots"),
    "permissions": tell("permissions"),
    "service": tell("service"),
    "modules": tell("modules"),
    "unit": tell("unit"),
}
ALONE = ("model", "disk")  # they measure the computer, which the others would load meanwhile
UNIT = "unit"
Waiting = Callable[[Sequence[str]], None]  # told whom the doctor still waits for


def examine(
    case: Case, groups: Sequence[str], waiting: Waiting = lambda _names: None
) -> Iterator[Line]:
    """The lines, group after group in the order of GROUPS, each as soon as it is known."""
    wanted = [name for name in GROUPS if name in groups]
    looks = {name: _begun(case, name) for name in wanted if name not in ALONE}

    def say() -> None:
        waiting([look.name for look in looks.values() if not look.over])

    for name in wanted:
        if name in ALONE:
            for look in looks.values():
                list(look.told(case, say))  # it is over, or will never be
            looks[name] = _begun(case, name)
        yield from (replace(line, group=name) for line in looks[name].told(case, say))
    if case.unit is not None and set(groups) == set(GROUPS):
        left = list(case.unit.left())
        yield from (replace(line, group=UNIT) for line in left)
        if not left:
            yield replace(none("other faults", tell("the running unit tells of none")), group=UNIT)


def _begun(case: Case, name: str) -> Look:
    return Look.begin(case, name, partial(GROUPS[name], case), case.limit_s)
