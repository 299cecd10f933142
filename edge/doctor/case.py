"""What the doctor knows before it begins: the unit's file, the computer, the unit that runs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import Problem
from config.loading import Loaded
from config.models import Settings
from drivers.base import Driver
from edge.doctor.host import Host
from edge.doctor.line import Line
from edge.doctor.running_unit import RunningUnit
from edge.running.driver_loop import DriverHealth, S, run_driver

if TYPE_CHECKING:
    from edge.doctor.pictures import Pictures

TRIAL_RETRY_S = (0.5, 1.0)
HOPELESS_S = 2.5  # of a device that does not open


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One examination."""

    file: Path  # the unit's
    loaded: Loaded
    host: Host = field(default_factory=Host)
    unit: RunningUnit | None = None  # that runs now with this file's state folder
    wrong: tuple[Problem, ...] = ()  # with the file: the rest of it is used
    limit_s: float = 40.0  # for a group
    exercise: bool = False  # lights may shine, speakers may speak
    pictures: "Pictures | None" = None  # are wanted, for the page
    stop: threading.Event = field(default_factory=threading.Event)  # nobody waits any more

    @property
    def settings(self) -> Settings:
        return self.loaded.settings

    def health(self, name: str, component: str) -> DriverHealth:
        return DriverHealth(name, component, started_mono_s=self.host.clock.mono_s())

    def listen(
        self,
        health: DriverHealth,
        open_driver: Callable[[], Driver[S]],
        emit: Callable[[S], None],
        within_s: float,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Keep a device open, as the unit does, for so long, or until there is enough of it."""
        clock, stop = self.host.clock, threading.Event()
        begun_s = clock.mono_s()

        def beat() -> None:
            hopeless = bool(health.last_error) and not health.samples
            left_s = (min(within_s, HOPELESS_S) if hopeless else within_s) + begun_s
            if clock.mono_s() >= left_s or enough() or self.stop.is_set():
                stop.set()

        run_driver(health, open_driver, emit, stop, beat, clock, TRIAL_RETRY_S)


Examine = Callable[[Case], Iterator[Line]]
