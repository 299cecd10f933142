"""What a fleet is made of, and what happens to it."""

from dataclasses import dataclass

from config.models import UnitKind
from drivers.gnss.route import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a kind of unit moves."""

    speed_mps: float
    drive_s: float  # on average, between two stops
    stop_s: float  # on average


KINDS: dict[UnitKind, Kind] = {
    "robot_dog": Kind(speed_mps=1.2, drive_s=600, stop_s=90),  # a walking pace, with posts
    "drone": Kind(speed_mps=10.0, drive_s=300, stop_s=60),  # between points to hover at
    "patrol_car": Kind(speed_mps=8.0, drive_s=400, stop_s=60),  # in a city, with its lights
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often things happen at rate 1, in seconds. Positions and health as the product's
    defaults; the events are our assumption of a busy shift (see docs/scale.md)."""

    patrol_s: float = 5.0
    dispatched_s: float = 1.0
    parked_s: float = 30.0
    turn_deg: float = 15.0
    health_s: float = 30.0
    sighting_s: float = 120.0  # mean time between two objects seen
    episode_s: float = 20.0  # mean time that one is in view
    update_s: float = 10.0
    task_s: float = 3_600.0  # mean time between two tasks
    sos_s: float = 360_000.0  # mean time between two calls for help, of one unit: 100 h


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """One run. The same plan gives the same lives: what, when and where; ids are fresh."""

    units: int
    kinds: tuple[UnitKind, ...] = ("robot_dog", "patrol_car", "drone")  # in turn
    prefix: str = "fleet"
    center: Place = (52.52, 13.405)
    rate: float = 1.0  # so many times as many messages; motion stays real
    outages: tuple[float, float] | None = None  # mean seconds between two, and of one
    shifts: tuple[float, float] | None = None  # seconds on duty, and off duty
    seed: int = 1
    pace: Pace = Pace()


def unit_names(plan: FleetPlan) -> list[str]:
    """fleet-00001, fleet-00002, ...: in the order of numbers, also for programs that sort words."""
    digits = max(3, len(str(plan.units)))
    return [f"{plan.prefix}-{number:0{digits}d}" for number in range(1, plan.units + 1)]
