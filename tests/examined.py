"""A doctor's case over a made computer, and what the doctor says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.loading import load
from drivers.clock import Clock, SystemClock
from edge.doctor.case import Case, Examine
from edge.doctor.host import Host
from edge.doctor.line import Line
from edge.doctor.running_unit import RunningUnit
from tests.e2e.unit_process import write_unit_file
from tests.sensor_tree import SensorTree

SYNCHRONISED, UNSYNCHRONISED = 0, 5  # ntp_adjtime(3): TIME_OK, TIME_ERROR


@dataclass
class Examined:
    """Change what the computer is like, then ask for lines."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    clock_state: int | None = SYNCHRONISED
    programs: dict[str, str] = field(default_factory=dict)  # by name: what it writes
    facts: dict[str, Any] | None = None  # of a running unit

    def __post_init__(self) -> None:
        self.tree = SensorTree(self.folder / "computer")
        self.proc = self.folder / "proc"
        self.proc.mkdir()

    def case(self, url: str = "mqtt://127.0.0.1:1", **sections: object) -> Case:
        unit_file = write_unit_file(self.folder, url, **sections)
        return Case(
            file=unit_file,
            loaded=load(unit_file, {}),
            host=Host(
                tree=self.tree.tree,
                proc=self.proc,
                ask=lambda *words: self.programs.get(words[0]),
                clock=self.clock,
                clock_state=self.clock_state,
            ),
            unit=None if self.facts is None else RunningUnit(self.facts),
        )

    def lines(self, examine: Examine, **sections: object) -> list[Line]:
        return list(examine(self.case(**sections)))


def states(lines: Sequence[Line]) -> dict[str, str]:
    """By name: ok, none, or the code of the fault."""
    return {line.name: line.code or line.state for line in lines}


def of(lines: Sequence[Line], name: str) -> Line:
    return next(line for line in lines if line.name == name)
