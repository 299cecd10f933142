"""The life of a simulated unit: it drives, stands, sees, is sent somewhere, calls for help.

Everything here is decided by the plan's seed and the unit's number; what is told goes to `tell`.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from config.models import UnitKind
from drivers.gnss_route import Place, moved
from edge.fleet.agenda import Activity, Agenda
from edge.fleet.motion import NEVER_S, Walker
from edge.fleet.plan import KINDS, FleetPlan
from edge.fleet.streets import Streets
from telemetry.contract.events import (
    Box,
    DetectionEvent,
    EndReason,
    FrameSize,
    Pose,
    SosEvent,
    TrackPoint,
)
from telemetry.contract.tasks import DutyEvent, TaskEvent, TaskState, TaskTimes
from telemetry.contract.unit import Component, Health, Inventory, Load, Position, State
from telemetry.contract.up_message import Duty, Phase, UpMessage
from telemetry.contract.uuid7 import uuid7

ERROR_M = 2.5  # of the simulated receiver, 1 sigma
SOON_S = 1e-6
TRACK_S = 60.0
LABELS = ("person",) * 6 + ("car",) * 3 + ("bicycle", "motorcycle", "bus", "truck")
FRAME = FrameSize(width_px=1280, height_px=720)
COMMANDS = ("ping", "rebirth")  # that a simulated unit obeys
WAY_S = 240.0  # mean time to the place of a task
WORK_S = 300.0  # mean time there
HELP_S = 120.0  # mean time until a call for help is over

Tell = Callable[[UpMessage], None]


class Life:
    """One unit. `start` puts its activities on the agenda; whoever listens gets messages."""

    def __init__(
        self,
        plan: FleetPlan,
        number: int,
        streets: Streets,
        agenda: Agenda,
        begun: datetime,
        tell: Tell,
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
        self._track: deque[TrackPoint] = deque(maxlen=120)
        self._told_s = -NEVER_S
        self._clockwork = 0  # which of the `_positions` is in force
        self._tracks = 0
        self._task: tuple[str, TaskState] | None = None
        self.duty: Duty = "on_patrol"

    def start(self) -> None:
        """Spread over the first intervals, as a fleet is that was not switched on at once."""
        pace = self._pace
        self._agenda.add(self._drive())
        self._renew(self._dice.uniform(0, pace.patrol_s))
        self._agenda.add(self._reports(), self._dice.uniform(0, pace.health_s))
        self._agenda.add(self._sightings())
        self._agenda.add(self._tasks())
        self._agenda.add(self._calls())

    # --- what the unit says of itself ---

    def utc(self) -> datetime:
        return self._begun + timedelta(seconds=self._agenda.now_s)

    def state(self) -> State:
        task, task_state = self._task or (None, None)
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
        self._track.append(point)
        self._tell(position)

    # --- driving ---

    def _about(self, mean_s: float) -> float:
        """Some time, exponentially distributed."""
        return self._dice.expovariate(1 / mean_s)

    def _drive(self) -> Activity:
        while True:
            self._walker.go(self._agenda.now_s, self._kind.speed_mps)
            self._renew()
            ends_s = self._agenda.now_s + self._about(self._kind.drive_s)
            while (left_s := ends_s - self._agenda.now_s) > SOON_S:
                corner_s = self._walker.corner_in_s(self._agenda.now_s)
                yield min(corner_s, left_s)
                if corner_s <= left_s:
                    self._turn()
            self._walker.go(self._agenda.now_s, 0.0)
            yield self._about(self._kind.stop_s)

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

    # --- reports and events ---

    def _reports(self) -> Activity:
        while True:
            self._tell(self.health())
            yield self._pace.health_s / self._rate

    def _sightings(self) -> Activity:
        while True:
            yield self._about(self._pace.sighting_s / self._rate)
            if self.duty != "off_duty":
                self._agenda.add(self._episode())

    def _episode(self) -> Activity:
        episode, label = uuid7(self.utc()), self._dice.choice(LABELS)
        first, self._tracks = self.utc(), self._tracks + 1
        track = self._tracks
        ends_s = self._agenda.now_s + self._about(self._pace.episode_s)
        phase: Phase = "new"
        while (left_s := ends_s - self._agenda.now_s) > SOON_S:
            self._see(phase, episode, label, track, first)
            phase = "update"
            yield min(self._pace.update_s, left_s)
        self._see("end", episode, label, track, first)

    def _see(self, phase: Phase, episode: str, label: str, track: int, first: datetime) -> None:
        dice = self._dice
        reason: EndReason | None = "left" if phase == "end" else None
        event = DetectionEvent(
            phase=phase,
            episode=episode,
            label=label,
            confidence=dice.uniform(0.5, 0.95),
            camera="front",
            track=track,
            box=Box(x=dice.uniform(0, 0.8), y=dice.uniform(0, 0.5), width=0.1, height=0.3),
            frame=FRAME,
            first_seen=first,
            last_seen=self.utc(),
            pose=self.pose(),
            reason=reason,
            model="simulated",
        )
        self._tell(event)

    def _tasks(self) -> Activity:
        while True:
            yield self._about(self._pace.task_s / self._rate)
            if self.duty == "on_patrol":
                yield from self._task_from_start_to_end()

    def _task_from_start_to_end(self) -> Activity:
        task = uuid7(self.utc())
        times = TaskTimes(received=self.utc())
        times = self._step(task, "assigned", None, times)
        self._set_duty("dispatched", task)
        yield self._dice.uniform(2, 20)
        times = self._step(task, "acknowledged", "assigned", times, acknowledged=self.utc())
        yield self._dice.uniform(2, 10)
        times = self._step(task, "en_route", "acknowledged", times, moving=self.utc())
        self._set_duty("en_route", task)
        yield self._about(WAY_S)
        times = self._step(task, "arrived", "en_route", times, arrived=self.utc())
        self._set_duty("on_scene", task)
        yield self._dice.uniform(5, 30)
        times = self._step(task, "handling", "arrived", times)
        yield self._about(WORK_S)
        self._step(task, "closed", "handling", times, cleared=self.utc())
        self._task = None
        self._set_duty("on_patrol", None)

    def _step(
        self,
        task: str,
        state: TaskState,
        previous: TaskState | None,
        times: TaskTimes,
        **reached: datetime,
    ) -> TaskTimes:
        self._task = (task, state)
        now = times.model_copy(update=reached)
        event = TaskEvent(
            task=task,
            kind="transition",
            state=state,
            previous=previous,
            times=now,
            disposition="done" if state == "closed" else None,
            pose=self.pose(),
        )
        self._tell(event)
        return now

    def _set_duty(self, duty: Duty, task: str | None) -> None:
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

    def _calls(self) -> Activity:
        while True:
            yield self._about(self._pace.sos_s / self._rate)
            yield from self.call_for_help()

    def call_for_help(self) -> Activity:
        episode, begun = uuid7(self.utc()), self.utc()
        earliest = begun - timedelta(seconds=TRACK_S)
        track = tuple(point for point in self._track if point.time >= earliest)
        self._tell(
            SosEvent(
                phase="new",
                episode=episode,
                cause="button",
                begun=begun,
                pose=self.pose(),
                track=track,
            )
        )
        yield self._about(HELP_S)
        self._tell(
            SosEvent(
                phase="end",
                episode=episode,
                cause="button",
                begun=begun,
                pose=self.pose(),
                ended_by="simulation",
            )
        )
