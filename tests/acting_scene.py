"""A desk for actuators, its devices, and their threads' work done by hand; with a clock by hand."""

from collections import deque
from pathlib import Path
from typing import Any

from config.actuators import ActingConfig, ActuatorConfig, LightConfig, SirenConfig
from drivers.actuators.actuator import ActuatorReport, ActuatorRequest, Output
from drivers.base import DeviceLostError
from drivers.samples import Done
from edge.acting.claims import Ended, Level, Wish
from edge.acting.conditions import Conditions
from edge.acting.desk import Desk
from edge.acting.outlet import Outlet
from edge.acting.record import ActingBook
from edge.running.asking import Asked
from edge.tasks.memory import Memory
from tests.fakes import ManualClock

ON = Output(level=1.0)
HERE: dict[str, Any] = {"kind": "simulated"}


class Lamp:
    """A device that does what it is told, at once, unless it is broken."""

    def __init__(self) -> None:
        self.told: list[ActuatorRequest] = []
        self.refuses = self.stuck = self.gone = False
        self.level = 0.0
        self.celsius: float | None = None
        self._answers: deque[Done] = deque()

    def ask(self, token: int, request: ActuatorRequest) -> None:
        if self.gone:
            raise DeviceLostError("pulled")
        self.told.append(request)
        if isinstance(request, Output) and not self.stuck and not self.refuses:
            self.level = request.level
        self._answers.append(Done(token=token, ok=not self.refuses, text="burnt out"))

    def read(self) -> ActuatorReport | Done | None:
        if self.gone:
            raise DeviceLostError("pulled")
        if self._answers:
            return self._answers.popleft()
        return ActuatorReport(mono_s=0.0, level=self.level, celsius=self.celsius, measured=True)

    def close(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return {}


class ActingScene:
    """A desk, its actuators, and their threads' work done by hand."""

    def __init__(self, folder: Path, clock: ManualClock | None = None, boot: str = "b1") -> None:
        self.clock = clock or ManualClock()
        self.folder = folder
        configs: dict[str, ActuatorConfig] = {
            "lamp": LightConfig(kind="light", via=HERE, battery_min_percent=20, max_on_s=100),
            "horn": SirenConfig(kind="siren", via=HERE),
        }
        self.battery: float | None = None
        config = ActingConfig(quiet_hours=("02:00-03:00",), utc_offset_h=0)
        self.conditions = Conditions(config, configs, self.clock.utc, lambda: self.battery)
        self.conditions.hub_heard_s = self.clock.mono_s()
        self.outlets = {
            name: Outlet(name, each, self.clock, lambda: None) for name, each in configs.items()
        }
        self.devices = {name: Lamp() for name in configs}
        self.threads: dict[str, Asked[ActuatorReport, ActuatorRequest]] = {}
        for name in configs:
            self.plug(name)
        self.ended: list[tuple[str, str]] = []
        self.desk = Desk(
            self.outlets, (), self.conditions, Memory(folder / "acting.json", ActingBook),
            self.clock, self._note, boot,
        )  # fmt: skip

    def _note(self, ended: Ended) -> None:
        self.ended.append((ended.claim.fitting, ended.cause))

    def plug(self, name: str) -> None:
        outlet = self.outlets[name]
        self.threads[name] = outlet.opened(self.devices[name])
        self.run(name)

    def unplug(self, name: str) -> None:
        self.threads.pop(name).close()
        self.devices[name] = Lamp()

    def run(self, *names: str) -> None:
        """A few rounds of their threads."""
        for name in names or list(self.threads):
            for _ in range(4):
                report = self.threads[name].read()
                if report is not None:
                    self.outlets[name].note(report)

    def wish(self, name: str = "lamp", **more: Any) -> Wish:
        content: dict[str, Any] = {"level": Level.OPERATOR, "wanted": ON, "for_s": 30.0}
        return Wish(fitting=name, **(content | more))

    def ask(self, name: str = "lamp", **more: Any) -> str | None:
        """The code of the refusal."""
        refusal = self.desk.act([self.wish(name, **more)])[0].refusal
        self.run()
        return None if refusal is None else refusal.code

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.desk.look()
        self.run()

    def on(self) -> set[str]:
        return {name for name, device in self.devices.items() if device.level > 0}
