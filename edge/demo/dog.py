"""The robot dog: what it says and shines, commanded by the hub, through a simulated board.

Each order is signed, and followed until the hub's own picture of the unit shows what came of it.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from rich.panel import Panel
from rich.table import Table

from config.speech import SpeechConfig
from drivers.actuators.speech import Speech
from edge.app import App
from edge.demo.scene import Stage, simulated
from telemetry.contract.body import Actuator
from telemetry.hub.client import ErrandError

UNIT = "demo-dog-01"
READY_S = 10.0
SHOWN_S = 2.0
PAUSE_S = 0.6  # between two orders, for those who watch

Seen = Callable[[dict[str, Actuator]], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """One order, how it shall be answered, and what the hub shall see then."""

    name: str
    args: dict[str, Any]
    answer: str  # succeeded, or the code of a refusal
    told: str
    seen: Seen = field(default=lambda _now: True)


def on(name: str) -> Seen:
    return lambda now: name in now and now[name].on


def dark_and_silent(now: dict[str, Actuator]) -> bool:
    return bool(now) and not any(actuator.on for actuator in now.values())


STEPS = (
    Step("light", {"on": True, "level": 0.5, "max_on_s": 30}, "succeeded",
         "searchlight on, half as bright", on("searchlight")),
    Step("beacon", {"on": True, "pattern": "patrol", "max_on_s": 30}, "succeeded",
         "warning lights on", on("beacon")),
    Step("speak", {"text": "Please keep the gate clear.", "language": "en"}, "succeeded",
         "a text is spoken", on("horn")),
    Step("siren", {"on": True, "max_on_s": 20}, "succeeded", "siren on", on("siren")),
    Step("mode.set", {"mode": "stealth", "reason": "approach unseen"}, "succeeded",
         "stealth: dark and silent at once", dark_and_silent),
    Step("siren", {"on": True, "max_on_s": 5}, "interlock", "siren refused in stealth",
         dark_and_silent),
    Step("light", {"on": True}, "interlock", "searchlight refused in stealth", dark_and_silent),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    step: Step
    answer: str
    shown_ms: float | None  # from the order to the hub's picture; None: it never showed

    @property
    def good(self) -> bool:
        return self.answer == self.step.answer and self.shown_ms is not None


class Dog:
    title = "robot dog: simulated board → light, siren, loudspeaker; signed orders of the hub"

    def play(self, stage: Stage) -> list[str]:
        with ExitStack() as stack:
            port = stack.enter_context(simulated(("board",), stage.folder / "board"))
            loaded = stage.load("demo_dog", PATROL_EDGE__BOARDS__PAYLOAD__PORT=str(port))
            stage.obeyed_by(loaded)
            app = App(loaded)
            app.start()
            stack.callback(app.stop)
            if not stage.until(lambda: _ready(stage), READY_S):
                return ["the dog's board, or the dog itself, did not come up"]
            outcomes = self._steps(stage)
        stage.console.print(_summary(outcomes))
        return [f"{one.step.told}: {one.answer}" for one in outcomes if not one.good]

    def _steps(self, stage: Stage) -> list[Outcome]:
        outcomes = []
        for step in _possible(stage):
            outcomes.append(_one(stage, step))
            stage.until(lambda: False, PAUSE_S)
            if stage.interrupted:
                break
        return outcomes


def _possible(stage: Stage) -> list[Step]:
    """All but the spoken text, where this computer has no program that speaks."""
    missing = Speech(SpeechConfig()).missing()
    if missing is not None:
        stage.console.print(f"nothing is spoken: {missing}", style="yellow", highlight=False)
    return [step for step in STEPS if missing is None or step.name != "speak"]


def _one(stage: Stage, step: Step) -> Outcome:
    try:
        answer = stage.order(UNIT, step.name, step.args)
    except ErrandError as error:
        return Outcome(step, str(error), None)
    shown_ms = None
    if stage.until(lambda: step.seen(_actuators(stage)), SHOWN_S):
        shown_ms = 1e3 * (time.monotonic() - answer.sent_s)
    reply = answer.reply
    return Outcome(step, "no answer" if reply is None else reply.code or reply.status, shown_ms)


def _actuators(stage: Stage) -> dict[str, Actuator]:
    unit = stage.unit(UNIT)
    if unit is None or unit.state is None:
        return {}
    return {actuator.name: actuator for actuator in unit.state.actuators}


def _ready(stage: Stage) -> bool:
    unit, now = stage.unit(UNIT), _actuators(stage)
    if unit is None or unit.state is None or not now:
        return False
    there = {component.name for component in unit.state.components if component.state == "ok"}
    return set(now) <= there


def _summary(outcomes: list[Outcome]) -> Panel:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column()
    for one in outcomes:
        mark = "[green]✓[/]" if one.good else "[red]✗[/]"
        shown = "-" if one.shown_ms is None else f"{one.shown_ms:.0f} ms"
        table.add_row(mark, one.step.told, one.answer, f"[dim]at the hub after {shown}[/]")
    return Panel(table, title="robot dog", title_align="left", border_style="cyan")
