"""The way to the task that is worked on: what the unit's fixes say about it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from config.models import UnitKind
from config.operations import TasksConfig
from drivers.gnss.guard import DEGREE_M, distance_m
from edge.positioning.whereabouts import UnitPosition
from edge.tasks import pace as paces
from edge.tasks.arrival import ArrivalWatch, SetOutWatch, Sight, Speedometer
from edge.tasks.pace import MotionWatch
from edge.tasks.page import Signs
from edge.tasks.record import Pace, Place, Task
from edge.tasks.route import OffRoute, RouteMatch
from telemetry.contract.tasks import Motion

ROUTINE = "routine"  # the mode whose pace stands for one that was never driven in
TOO_OLD_S = 60.0  # a position older than this gives no time of arrival
POSE_TOO_OLD_S = 600.0

News = Literal["set_out", "arrive", "leave", "off_route", "back_on_route"]


@dataclass(slots=True)
class _Way:
    """What is followed of one task. Made anew when its place or route changes."""

    of: tuple[str, Place, float, tuple[Place, ...]]
    arrival: ArrivalWatch
    set_out: SetOutWatch
    motion: MotionWatch
    match: RouteMatch | None
    off_route: OffRoute


class Journey:
    """Used under its owner's lock."""

    def __init__(self, config: TasksConfig, kind: UnitKind) -> None:
        self._config = config
        self._guess = paces.first_guess(kind, config.speed_mps)
        self._speedometer = Speedometer()
        self._way: _Way | None = None
        self._position: UnitPosition | None = None
        self._speed_mps: float | None = None
        self._origin: Place | None = None
        self._seen_s = -math.inf  # the stamp of the newest fix
        self.mode = ROUTINE  # of the unit: who hurries has another pace
        self.paces: dict[str, Pace] = {}  # by mode

    # --- fixes in ---

    def see(self, position: UnitPosition | None, task: Task | None) -> Iterator[tuple[News, float]]:
        """Take the newest position into account; what it means for the task, and since when."""
        self._position = position
        if position is None or position.source == "last_known":
            return
        epoch = position.epoch
        if epoch.mono_s <= self._seen_s:
            return
        passed_s, self._seen_s = epoch.mono_s - self._seen_s, epoch.mono_s
        self._speed_mps = self._measure(position)
        if task is not None:
            yield from self._follow(task, position, passed_s)

    def _measure(self, position: UnitPosition) -> float | None:
        here = (position.lat_deg, position.lon_deg)
        if self._origin is None or distance_m(self._origin, here) > 10_000:
            self._origin, self._speedometer = here, Speedometer()
        north_m = (here[0] - self._origin[0]) * DEGREE_M
        turn_deg = (here[1] - self._origin[1] + 180) % 360 - 180  # also over the date line
        east_m = turn_deg * DEGREE_M * math.cos(math.radians(here[0]))
        epoch = position.epoch
        return self._speedometer.speed_mps(epoch.mono_s, north_m, east_m, epoch.speed_mps)

    def _follow(
        self, task: Task, position: UnitPosition, passed_s: float
    ) -> Iterator[tuple[News, float]]:
        way, mono_s = self._way_of(task), position.epoch.mono_s
        here = (position.lat_deg, position.lon_deg)
        if way.match is not None:
            way.match.see(here, position.error_m, mono_s)
        if task.state == "acknowledged":
            since_s = way.set_out.see(mono_s, self._speed_mps)
            if since_s is not None:
                yield "set_out", since_s
        if task.state == "en_route":
            there = distance_m(here, task.place) <= task.radius_m
            self._learn(way, mono_s, 0.0 if there else passed_s)
        if task.state in ("acknowledged", "en_route", "arrived"):
            yield from self._near(way, task, position)
        if task.state == "en_route" and way.match is not None:
            yield from self._beside(way, way.match, position)

    def _learn(self, way: _Way, mono_s: float, passed_s: float) -> None:
        """From `passed_s` of the way; slowing down and standing at its end is no part of it."""
        if way.motion.see(mono_s, self._speed_mps) != "blocked" and self._speed_mps is not None:
            self.paces[self.mode] = paces.learned(self.pace(), self._speed_mps, passed_s)

    def _beside(
        self, way: _Way, match: RouteMatch, position: UnitPosition
    ) -> Iterator[tuple[News, float]]:
        mono_s = position.epoch.mono_s
        if way.off_route.see(match.beside_m, position.error_m, mono_s):
            yield ("off_route" if way.off_route.off else "back_on_route"), mono_s

    def _near(self, way: _Way, task: Task, position: UnitPosition) -> Iterator[tuple[News, float]]:
        sight = Sight(
            mono_s=position.epoch.mono_s,
            distance_m=distance_m((position.lat_deg, position.lon_deg), task.place),
            error_m=position.error_m,
            speed_mps=self._speed_mps,
        )
        change = way.arrival.see(sight)
        if change is not None:
            yield change

    def _way_of(self, task: Task) -> _Way:
        """The one that is followed, or a new one where the task is another, or was changed."""
        key = _key(task)
        if self._way is None or self._way.of != key:
            config = self._config
            inside = task.state == "arrived"
            self._way = _Way(
                of=key,
                arrival=ArrivalWatch(config, task.radius_m, inside=inside),
                set_out=SetOutWatch(config.moving_above_mps),
                motion=MotionWatch(config.moving_above_mps),
                match=self._match(task),
                off_route=OffRoute(config.off_route_m, config.off_route_s, off=task.off_route),
            )
            self.paces = {mode: paces.recalled(pace) for mode, pace in self.paces.items()}
        return self._way

    def _match(self, task: Task) -> RouteMatch | None:
        route = task.route
        if len(route) < 2 or not any(place != route[0] for place in route):
            return None
        return RouteMatch(route, self._config.off_route_m, task.way_m)

    # --- signs out ---

    @property
    def speed_mps(self) -> float | None:
        """Over ground, of the newest fix; by the positions where the receiver tells none."""
        return self._speed_mps

    def pace(self) -> Pace:
        """How fast the unit gets on in its mode; learned, or what stands for that."""
        known = self.paces.get(self.mode)
        if known is not None:
            return known
        return paces.recalled(self.paces[ROUTINE]) if ROUTINE in self.paces else self._guess

    def way_m(self, task: Task) -> float | None:
        """How far along its route the task's unit is, as far as known."""
        way = self._followed(task)
        return way.match.way_m if way is not None and way.match is not None else task.way_m

    def signs(self, task: Task) -> Signs:
        """What the unit sees of its way to this task, now."""
        position = self._position
        if position is None or position.age_s > POSE_TOO_OLD_S:
            return Signs()
        pose, here = position.pose(), (position.lat_deg, position.lon_deg)
        if position.age_s > TOO_OLD_S:
            return Signs(pose=pose, place=here)
        remaining_m, motion = self._left_m(task, here, position), self._motion(task)
        eta_s = paces.eta_s(remaining_m, self.pace(), motion)
        return Signs(
            pose=pose,
            place=here,
            remaining_m=remaining_m,
            eta_s=eta_s,
            ring=paces.ring_of(eta_s),
            motion=motion,
        )

    def _left_m(self, task: Task, here: Place, position: UnitPosition) -> float:
        way = self._followed(task)
        match = way.match if way is not None else self._match(task)
        if match is None:
            return distance_m(here, task.place) * self._config.detour_factor
        if way is None:
            match.see(here, position.error_m, position.epoch.mono_s)
        to_go_m = match.left_m() or 0.0
        # The last piece, from where the route ends to the place.
        return to_go_m + distance_m(task.route[-1], task.place)

    def _motion(self, task: Task) -> Motion:
        way = self._followed(task)
        return way.motion.motion if way is not None else "idle"

    def _followed(self, task: Task) -> _Way | None:
        way = self._way
        return way if way is not None and way.of == _key(task) else None


def _key(task: Task) -> tuple[str, Place, float, tuple[Place, ...]]:
    return task.id, task.place, task.radius_m, task.route
