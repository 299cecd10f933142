"""What happens to a simulated unit: it sees somebody, is sent somewhere, calls for help."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from edge.fleet.agenda import SOON_S, Activity, Agenda, about
from edge.fleet.plan import Pace
from telemetry.contract.events import (
    Box,
    DetectionEvent,
    EndReason,
    FrameSize,
    Pose,
    SosEvent,
    TrackPoint,
)
from telemetry.contract.tasks import TaskEvent, TaskState, TaskTimes
from telemetry.contract.up_message import Duty, Phase, UpMessage
from telemetry.contract.uuid7 import uuid7

TRACK_S = 60.0
LABELS = ("person",) * 6 + ("car",) * 3 + ("bicycle", "motorcycle", "bus", "truck")
FRAME = FrameSize(width_px=1280, height_px=720)
WAY_S = 240.0  # mean time to the place of a task
WORK_S = 300.0  # mean time there
HELP_S = 120.0  # mean time until a call for help is over


class Whose(Protocol):
    """The unit's life, as far as incidents are concerned."""

    duty: Duty
    task: tuple[str, TaskState] | None
    track: deque[TrackPoint]

    def utc(self) -> datetime: ...

    def pose(self) -> Pose: ...

    def set_duty(self, duty: Duty, task: str | None) -> None: ...


class Incidents:
    """Of one unit. `start` puts them on the agenda."""

    def __init__(
        self,
        life: Whose,
        pace: Pace,
        rate: float,
        agenda: Agenda,
        dice: Random,
        tell: Callable[[UpMessage], None],
    ) -> None:
        self._life = life
        self._pace, self._rate = pace, rate
        self._agenda = agenda
        self._dice = dice
        self._tell = tell
        self._tracks = 0

    def start(self) -> None:
        for activity in (self._sightings(), self._tasks(), self._calls()):
            self._agenda.add(activity)

    def _sightings(self) -> Activity:
        while True:
            yield about(self._dice, self._pace.sighting_s / self._rate)
            if self._life.duty != "off_duty":
                self._agenda.add(self._episode())

    def _episode(self) -> Activity:
        episode, label = uuid7(self._life.utc()), self._dice.choice(LABELS)
        first, self._tracks = self._life.utc(), self._tracks + 1
        track = self._tracks
        ends_s = self._agenda.now_s + about(self._dice, self._pace.episode_s)
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
            last_seen=self._life.utc(),
            pose=self._life.pose(),
            reason=reason,
            model="simulated",
        )
        self._tell(event)

    def _tasks(self) -> Activity:
        while True:
            yield about(self._dice, self._pace.task_s / self._rate)
            if self._life.duty == "on_patrol":
                yield from self._task_from_start_to_end()

    def _task_from_start_to_end(self) -> Activity:
        task = uuid7(self._life.utc())
        times = TaskTimes(received=self._life.utc())
        times = self._step(task, "assigned", None, times)
        self._life.set_duty("dispatched", task)
        yield self._dice.uniform(2, 20)
        times = self._step(task, "acknowledged", "assigned", times, acknowledged=self._life.utc())
        yield self._dice.uniform(2, 10)
        times = self._step(task, "en_route", "acknowledged", times, moving=self._life.utc())
        self._life.set_duty("en_route", task)
        yield about(self._dice, WAY_S)
        times = self._step(task, "arrived", "en_route", times, arrived=self._life.utc())
        self._life.set_duty("on_scene", task)
        yield self._dice.uniform(5, 30)
        times = self._step(task, "handling", "arrived", times)
        yield about(self._dice, WORK_S)
        self._step(task, "closed", "handling", times, cleared=self._life.utc())
        self._life.task = None
        self._life.set_duty("on_patrol", None)

    def _step(
        self,
        task: str,
        state: TaskState,
        previous: TaskState | None,
        times: TaskTimes,
        **reached: datetime,
    ) -> TaskTimes:
        self._life.task = (task, state)
        now = times.model_copy(update=reached)
        event = TaskEvent(
            task=task,
            kind="transition",
            state=state,
            previous=previous,
            times=now,
            disposition="done" if state == "closed" else None,
            pose=self._life.pose(),
        )
        self._tell(event)
        return now

    def _calls(self) -> Activity:
        while True:
            yield about(self._dice, self._pace.sos_s / self._rate)
            yield from self._call_for_help()

    def _call_for_help(self) -> Activity:
        episode, begun = uuid7(self._life.utc()), self._life.utc()
        earliest = begun - timedelta(seconds=TRACK_S)
        track = tuple(point for point in self._life.track if point.time >= earliest)
        self._tell(
            SosEvent(
                phase="new",
                episode=episode,
                cause="button",
                begun=begun,
                pose=self._life.pose(),
                track=track,
            )
        )
        yield about(self._dice, HELP_S)
        self._tell(
            SosEvent(
                phase="end",
                episode=episode,
                cause="button",
                begun=begun,
                pose=self._life.pose(),
                ended_by="simulation",
            )
        )
