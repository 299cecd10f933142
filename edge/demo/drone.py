"""The drone: a recorded flight through the drone's profile, then a live autopilot and a fence.

The flight is recorded by the simulated autopilot when the scene begins, as a ground station would
write it (.tlog). What the unit orders can only be shown on one that obeys: so a pilot flies the
simulated drone out of the fence, and the unit brings it back.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.panel import Panel
from rich.table import Table

from drivers.platforms.mavlink.plan import Plan
from drivers.platforms.orders import LoadMission, Waypoint
from drivers.simulated.mavlink.autopilot import SimulatedAutopilot
from drivers.simulated.mavlink.bench import record
from drivers.simulated.mavlink.flight import moved
from edge.app import App
from edge.demo.scene import Stage, simulated
from telemetry.contract.body import Vehicle
from telemetry.contract.events import BodyEvent
from telemetry.contract.unit import Position

UNIT, NAME = "demo-drone-01", "drone"
FLIGHT_S = 6.0
WAIT_S = 14.0
AWAY_S = 2.5  # after so long a pilot flies it out


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that the scene shows."""

    told: str
    figure: str
    good: bool


class Drone:
    title = (
        "drone: recorded flight (.tlog) → position, battery, mission; then a fence on a live one"
    )

    def play(self, stage: Stage) -> list[str]:
        shown = self._from_the_log(stage)
        if not stage.interrupted:
            shown += self._at_the_fence(stage)
        stage.console.print(_summary(shown))
        return [f"drone: {each.told}" for each in shown if not each.good]

    # --- a recorded flight ---

    def _from_the_log(self, stage: Stage) -> list[Shown]:
        log = stage.folder / "flight.tlog"
        messages = record_flight(log, FLIGHT_S)
        items: set[int] = set()
        charges: set[float] = set()

        def over() -> bool:
            vehicle, unit = _vehicle(stage), stage.unit(UNIT)
            if vehicle is not None and vehicle.mission_item is not None:
                items.add(vehicle.mission_item)
            batteries = unit.health.batteries if unit and unit.health else ()
            charges.update(each.percent for each in batteries if each.percent is not None)
            return vehicle is not None and vehicle.mission_state == "done"

        with _running(stage, PATROL_EDGE__PLATFORMS__DRONE__PATH=str(log)):
            done = stage.until(over, WAIT_S)
        unit = stage.unit(UNIT)
        positions = unit.types.get(Position.TYPE, 0) if unit else 0
        return [
            Shown("positions of the recording at the hub", f"{positions}", positions > 3),
            Shown("its battery", f"{min(charges, default=0):.0f} %", bool(charges)),
            Shown(
                "mission followed to its end",
                f"points {sorted(item + 1 for item in items)}",
                done and len(items) > 1,
            ),
            Shown("messages in the recording", f"{messages}", messages > 100),
        ]

    # --- a fence ---

    def _at_the_fence(self, stage: Stage) -> list[Shown]:
        link = stage.folder / "autopilot"
        words = ("autopilot", "--takeoff", "30", "--at", f"{AWAY_S:g}", "stick 12 0")
        heard = _events(stage)
        with ExitStack() as stack:
            stack.enter_context(simulated(words, link))
            app = stack.enter_context(
                _running(stage, PATROL_EDGE__PLATFORMS__DRONE__PORT=str(link))
            )
            limits = app.parts.moving.limits
            breached = stage.until(lambda: bool(limits.breaches()), WAIT_S)
            returns = stage.until(lambda: any(one.obeyed for _, one in limits.breaches()), WAIT_S)
            passed_s = max((one.answered_s or 0 for _, one in limits.breaches()), default=0.0)
            told = stage.until(
                lambda: _events(stage) >= heard + 2 and _mode(stage) == "RTL", WAIT_S
            )
        return [
            Shown("a pilot flies it out of its fence", "breach", breached),
            Shown(
                "the unit orders it home, and it obeys", f"after {1e3 * passed_s:.0f} ms", returns
            ),
            Shown("the hub hears of both", f"{_events(stage) - heard} events", told),
        ]


def record_flight(log: Path, seconds: float) -> int:
    """A short mission, flown and written down. The number of messages."""
    autopilot = SimulatedAutopilot(unix_s=time.time(), talkative=True)
    autopilot.take_off(30)
    autopilot.battery.used_mah = 1800
    spots = [moved(autopilot.home, north, east) for north, east in ((0, 5), (5, 5), (5, 0))]
    points = tuple(
        Waypoint(lat_deg=spot.lat_deg, lon_deg=spot.lon_deg, height_m=30) for spot in spots
    )
    plan = Plan.of(LoadMission(points=points, on_end="home"), autopilot.vehicle)
    autopilot.missions.load(list(plan.items[:-1]))  # it hovers at its end
    autopilot.set_mode(autopilot.vehicle.mission_mode)
    return record(autopilot, log, seconds)


class _running:  # noqa: N801 - reads like the context managers of contextlib
    """A unit of the drone's profile, up while the context lasts."""

    def __init__(self, stage: Stage, **environment: str) -> None:
        loaded = stage.load("demo_drone", **environment)
        stage.obeyed_by(loaded)
        self._app = App(loaded)

    def __enter__(self) -> App:
        self._app.start()
        return self._app

    def __exit__(self, *_: object) -> None:
        self._app.stop()


def _vehicle(stage: Stage) -> Vehicle | None:
    unit = stage.unit(UNIT)
    vehicles = unit.state.vehicles if unit and unit.state else ()
    return next((each for each in vehicles if each.name == NAME), None)


def _mode(stage: Stage) -> str | None:
    vehicle = _vehicle(stage)
    return None if vehicle is None else vehicle.mode


def _events(stage: Stage) -> int:
    unit = stage.unit(UNIT)
    return unit.types.get(BodyEvent.TYPE, 0) if unit else 0


def _summary(shown: list[Shown]) -> Panel:
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column()
    for one in shown:
        table.add_row("[green]✓[/]" if one.good else "[red]✗[/]", one.told, one.figure)
    return Panel(table, title="drone", title_align="left", border_style="cyan")
