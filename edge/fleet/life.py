"""The life of a simulated unit: it drives, stands, sees, is sent somewhere, calls for help.

Everything here is decided by the plan's seed and the unit's number; what is told goes to `tell`.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from config.models import UnitKind
from drivers.gnss.route import Place, moved
from edge.fleet.agenda import SOON_S, Activity, Agenda, about
from edge.fleet.incidents import Incidents
from edge.fleet.motion import NEVER_S, Walker
from edge.fleet.plan import KINDS, FleetPlan
from edge.fleet.streets import Streets
from telemetry.contract.events import Pose, TrackPoint
from telemetry.contract.tasks import DutyEvent, TaskState
from telemetry.contract.unit import Component, Health, Inventory, Load, Position, State
from telemetry.contract.up_message import Duty, UpMessage

ERROR_M = 2.5  # of the simulated receiver, 1 sigma
COMMANDS = ("ping", "rebirth")  # that a simulated unit obeys


class Life:
    """One unit. `start` puts its activities on the agenda; whoever listens gets messages."""

    def __init__(
        self,
        plan: FleetPlan,
        number: int,
        streets: Streets,
        agenda: Agenda,
        begun: datetime,
        tell: Callable[[UpMessage], None],
    ) -> None:
        """`number`: of the unit, from 0. `begun`: UTC when the agenda's clock stood at 0."""
        self.unit_kind: UnitKind = plan.kinds[number % len(plan.kinds)]
        self._kind = KINDS[self.unit_kind]
        self._pace, self._rate = plan.pace, plan.rate
        self._agenda = agenda
        self._begun = begun
        self._tell = tell
        self._dice = Random(f"{plan.seed}/{number}")  # noqa: S311  # a simulation, no secret
        self._walker = Walker(streets, self._dice.choice(streets.starts), self._dice)
        self.track: deque[TrackPoint] = deque(maxlen=120)
        self._told_s = -NEVER_S
        self._clockwork = 0  # which of the `_positions` is in force
        self.task: tuple[str, TaskState] | None = None  # its id and state
        self.duty: Duty = "on_patrol"

    def start(self) -> None:
        """Spread over the first intervals, as a fleet is that was not switched on at once."""
        pace = self._pace
        self._agenda.add(self._drive())
        self._renew(self._dice.uniform(0, pace.patrol_s))
        self._agenda.add(self._reports(), self._dice.uniform(0, pace.health_s))
        incidents = Incidents(self, self._pace, self._rate, self._agenda, self._dice, self._tell)
        incidents.start()

    # --- what the unit says of itself ---

    def utc(self) -> datetime:
        return self._begun + timedelta(seconds=self._agenda.now_s)

    def state(self) -> State:
        task, task_state = self.task or (None, None)
        return State(
            unit_kind=self.unit_kind,
            label="simulated",
            capabilities=("detect", *COMMANDS),
            duty=self.duty,
            task=task,
            task_state=task_state,
            components=(
                Component(name="main", kind="gnss", state="ok"),
                Component(name="front", kind="camera", state="ok"),
            ),
            inventory=Inventory(software={"patrol-edge fleet": "simulation"}),
        )

    def health(self) -> Health:
        load = Load(cpu_percent=self._dice.uniform(20, 60), memory_percent=40.0)
        return Health(faults=(), load=load)

    def place(self) -> Place:
        """As its receiver tells it, with an error."""
        gauss = self._dice.gauss
        return moved(self._walker.place_at(self._agenda.now_s), gauss(0, 1.0), gauss(0, 1.0))

    def pose(self) -> Pose:
        lat, lon = self.place()
        return Pose(
            lat_deg=lat,
            lon_deg=lon,
            source="gnss",
            age_ms=self._dice.randrange(20, 200),
            course_deg=self._walker.course_deg,
            speed_mps=self._walker.speed_mps,
            error_m=ERROR_M,
        )

    def tell_position(self) -> None:
        lat, lon = self.place()
        moving = self._walker.speed_mps > 0
        course_deg = self._walker.course_deg if moving else None
        position = Position(
            lat_deg=lat,
            lon_deg=lon,
            source="gnss",
            fix="3d",
            age_ms=self._dice.randrange(20, 200),
            alt_msl_m=35.0,
            error_m=ERROR_M,
            course_deg=course_deg,
            speed_mps=self._walker.speed_mps,
            satellites_used=self._dice.randrange(9, 16),
            hdop=0.9,
            receiver="main",
        )
        self._told_s = self._agenda.now_s
        point = TrackPoint(time=self.utc(), lat_deg=lat, lon_deg=lon, error_m=ERROR_M)
        self.track.append(point)
        self._tell(position)

    # --- driving ---

    def _drive(self) -> Activity:
        while True:
            self._walker.go(self._agenda.now_s, self._kind.speed_mps)
            self._renew()
            ends_s = self._agenda.now_s + about(self._dice, self._kind.drive_s)
            while (left_s := ends_s - self._agenda.now_s) > SOON_S:
                corner_s = self._walker.corner_in_s(self._agenda.now_s)
                yield min(corner_s, left_s)
                if corner_s <= left_s:
                    self._turn()
            self._walker.go(self._agenda.now_s, 0.0)
            yield about(self._dice, self._kind.stop_s)

    def _turn(self) -> None:
        if self._walker.turn(self._agenda.now_s) >= self._pace.turn_deg:
            self.tell_position()

    def _interval_s(self) -> float:
        if self.duty in ("dispatched", "en_route"):
            return self._pace.dispatched_s / self._rate
        standing = self._walker.speed_mps <= 0
        return (self._pace.parked_s if standing else self._pace.patrol_s) / self._rate

    def _renew(self, after_s: float = 0.0) -> None:
        """The interval changed, or motion begins: tell at once, and go on from there."""
        self._clockwork += 1
        self._agenda.add(self._positions(self._clockwork), after_s)

    def _positions(self, number: int) -> Activity:
        while number == self._clockwork:
            wait_s = self._told_s + self._interval_s() - self._agenda.now_s
            if wait_s <= SOON_S or self._told_s < 0:
                self.tell_position()
                wait_s = self._interval_s()
            yield wait_s

    # --- reports and duty ---

    def _reports(self) -> Activity:
        while True:
            self._tell(self.health())
            yield self._pace.health_s / self._rate

    def set_duty(self, duty: Duty, task: str | None) -> None:
        event = DutyEvent(duty=duty, previous=self.duty, cause="task", task=task)
        self.duty = duty
        self._tell(event)
        self._tell(self.state())
        self._renew()

    def shift(self, duty: Duty) -> None:
        """A shift begins or ends."""
        if duty != self.duty:
            event = DutyEvent(duty=duty, previous=self.duty, cause="local")
            self.duty = duty
            self._tell(event)
