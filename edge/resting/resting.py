"""The worker that minds the ignition: tells what is switched, sends the unit to sleep, wakes it."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from config.sleep import SleepConfig
from drivers.clock import Clock
from edge.body.carrier import Carrier
from edge.reporting.finding import Finding
from edge.reporting.rest_findings import rest_findings
from edge.resting.bedtime import Bedtime
from edge.resting.nap import Nap
from edge.resting.power import Run, command_of, run
from edge.resting.switches import Switches
from edge.running.worker import Beat
from edge.seeing.witness import Witness
from telemetry.contract.events import BodyEvent
from telemetry.contract.wire_types import short, text

LOOK_EVERY_S = 0.5
TRY_AGAIN_S = 600.0  # after a suspend or power-off that was refused

Pending = Callable[[], int]  # messages that wait in the queue
Busy = Callable[[], str]  # why the unit must not sleep now; empty: it may


@dataclass(slots=True)
class Resting:
    """`work` is one worker's; any thread may ask the rest."""

    config: SleepConfig
    carriers: Iterable[Carrier]
    witness: Witness
    clock: Clock
    pending: Pending
    busy: Busy
    run: Run = run
    nap: Nap = field(init=False)
    switches: Switches = field(init=False)
    _bedtime: Bedtime = field(init=False)
    _act_at_s: float | None = None  # the last thing is done then
    _slept_s: float = 0.0
    _fault: str = ""

    def __post_init__(self) -> None:
        self.nap = Nap(self.clock)
        self.switches = Switches(self.carriers)
        self._bedtime = Bedtime(self.config)

    @property
    def in_a_hurry(self) -> bool:
        """Its blue lights are on: where it is, is told as on the way to a task."""
        return self.switches.light_bar is True

    # --- its worker ---

    def work(self, beat: Beat, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            beat()
            self.look()

    def look(self) -> None:
        now_s = self.clock.mono_s()
        for what, carrier in self.switches.look(now_s):
            self._tell(what, carrier)
        step = self._bedtime.look(
            now_s,
            ignition=self.switches.ignition,
            voltage_v=self.switches.voltage_v,
            busy=self.busy(),
        )
        if step == "asleep":
            self._sleep(now_s)
        elif self.nap.resting:
            self._wake()

    def _sleep(self, now_s: float) -> None:
        if not self.nap.resting:
            self.nap.begin()
            why = "its starter battery is low" if self._bedtime.low else "the ignition is off"
            self._tell("asleep", "unit", why)
            self._act_at_s, self._slept_s = now_s, now_s
        if self._act_at_s is None or now_s < self._act_at_s:
            return
        if self.pending() and now_s - self._slept_s < self.config.flush_s:
            return  # what was told last shall be out
        command = command_of(self.config)
        self._act_at_s = None
        if command:
            structlog.get_logger().warning("unit_sleeps", action=self.config.action)
            self._fault = self.run(command)
            if self._fault:
                structlog.get_logger().error("sleep_failed", error=self._fault)
                self._act_at_s = now_s + TRY_AGAIN_S

    def _wake(self) -> None:
        self.nap.end()
        self._act_at_s, self._fault = None, ""
        self._tell("awake", "unit")

    def _tell(self, what: str, component: str, words: str = "") -> None:
        structlog.get_logger().info(what, component=component)
        now_s = self.clock.mono_s()
        pose = self.witness.pose_at(now_s)[0]
        event = BodyEvent(what=what, component=short(component), text=text(words), pose=pose)
        self.witness.tell(event, None)

    # --- how it fares ---

    def findings(self) -> list[Finding]:
        return rest_findings(self._bedtime.held, self.config.action, self._fault)
