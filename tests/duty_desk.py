"""A desk with a clock, a way and an outbox of our own, for tests of tasks and duty."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.models import UnitKind
from config.operations import TasksConfig
from drivers.gnss.route import Route, moved
from drivers.samples import FixKind, GnssEpoch
from edge.positioning.whereabouts import CIRCLE_95, UnitPosition
from edge.tasks.desk import Desk
from edge.tasks.journey import Journey
from edge.tasks.memory import Memory
from edge.tasks.record import Book, Stamp
from edge.tasks.soundness import is_sound
from edge.tasks.teller import Teller
from telemetry.contract.envelope import Draft
from telemetry.contract.places import Place
from telemetry.contract.tasks import Deadline, TaskAssign
from telemetry.contract.uuid7 import uuid7
from telemetry.outbox.facts import Receipt
from tests.fakes import ManualClock

TOWN = (52.52, 13.405)


class ListedOutbox:
    """Takes what is put, and stores it at once; or, while `stuck`, not yet."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Draft]] = []
        self.stuck = False

    def put(
        self, draft: Draft, *, durable: bool, timeout_s: float = 1.0, event_id: str | None = None
    ) -> Receipt:
        receipt = Receipt(event_id or uuid7(draft.time))
        self.told.append((receipt.id, draft))
        receipt.sequence = None if self.stuck else len(self.told)
        return receipt

    def of(self, leaf_type: str) -> list[Any]:
        return [draft.data for _, draft in self.told if draft.type == leaf_type]

    @property
    def tasks(self) -> list[Any]:
        return [event for event in self.of("patrol.event.task.v1") if event.kind != "progress"]

    @property
    def duties(self) -> list[Any]:
        return self.of("patrol.event.duty.v1")


@dataclass
class World:
    """Time, a unit in it, and its desk. `restart` makes a new desk from the same file."""

    folder: Path
    config: TasksConfig = field(default_factory=TasksConfig)
    kind: UnitKind = "patrol_car"
    clock: ManualClock = field(default_factory=ManualClock)
    quality: Any = "gnss"
    boot: str = "boot-1"
    outbox: ListedOutbox = field(default_factory=ListedOutbox)
    position: UnitPosition | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.journey = Journey(self.config, self.kind)
        self.desk = Desk(
            self.config,
            self.journey,
            Memory(self.folder / "orders.json", Book, is_sound),
            Teller(self.outbox),  # type: ignore[arg-type]
            self.now,
            lambda draft: self.outbox.put(draft, durable=False) and None,
        )

    def reboot(self) -> None:
        """The monotonic clock begins anew."""
        self.boot += "+"
        self.clock._mono_s = 5.0
        self.restart()

    def now(self, mono_s: float | None = None) -> Stamp:
        here_s = self.clock.mono_s()
        stamp_s = here_s if mono_s is None else mono_s
        utc = self.clock.utc() - timedelta(seconds=here_s - stamp_s)
        return Stamp(utc=utc, quality=self.quality, mono_s=stamp_s, boot=self.boot)

    def order(self, **changes: Any) -> TaskAssign:
        values = {"task": uuid7(self.clock.utc()), "place": {"lat_deg": 52.53, "lon_deg": 13.405}}
        return TaskAssign.model_validate(values | changes)

    def deadline(self, state: Any, in_s: float, remind_s: float = 60.0) -> Deadline:
        at: datetime = self.clock.utc() + timedelta(seconds=in_s)
        return Deadline(state=state, at=at, remind_before_s=remind_s)

    def wait(self, seconds: float, step_s: float = 0.5) -> None:
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            self.desk.tick(self.position)

    def be_at(self, place: tuple[float, float], speed_mps: float | None, **more: Any) -> None:
        """A fix now, and a look at it."""
        self.position = fix(self.clock.mono_s(), place, speed_mps, **more)
        self.desk.tick(self.position)


def fix(
    mono_s: float,
    place: tuple[float, float],
    speed_mps: float | None,
    *,
    error_m: float = 3.0,
    **more: Any,
) -> UnitPosition:
    epoch = GnssEpoch(
        mono_s=mono_s,
        utc=None,
        fix=FixKind.FIX_3D,
        lat_deg=place[0],
        lon_deg=place[1],
        speed_mps=speed_mps,
    )
    values = {"receiver": "main", "source": "gnss", "age_s": 0.0} | more
    values |= {"error_m": error_m, "error_95_m": CIRCLE_95 * error_m}
    return UnitPosition(epoch=epoch, lat_deg=place[0], lon_deg=place[1], **values)


class Noise:
    """The errors of a receiver: they wander, rather than jump, about `sigma_m` wide."""

    def __init__(self, sigma_m: float, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._sigma_m = sigma_m
        self._north_m = self._east_m = 0.0

    def of(self, place: tuple[float, float]) -> tuple[float, float]:
        # First-order Gauss-Markov with a correlation of 30 s at 1 Hz.
        keep = math.exp(-1 / 30)
        push = self._sigma_m * math.sqrt(1 - keep**2)
        self._north_m = keep * self._north_m + self._random.gauss(0, push)
        self._east_m = keep * self._east_m + self._random.gauss(0, push)
        return moved(place, self._north_m, self._east_m)


def way(places: list[tuple[float, float]], speeds: list[tuple[float, float]]) -> Iterator[Any]:
    """Along a polyline at 1 Hz: (second, true place, speed), by pieces of (seconds, m/s)."""
    route, gone_m, second = Route(tuple(places), loop=False), 0.0, 0
    for seconds, speed_mps in speeds:
        for _ in range(round(seconds)):
            yield second, route.at(gone_m).place, speed_mps
            gone_m += speed_mps
            second += 1


def wire_place(place: tuple[float, float]) -> Place:
    return Place(lat_deg=place[0], lon_deg=place[1])


def wire_route(places: list[tuple[float, float]]) -> tuple[Place, ...]:
    return tuple(wire_place(place) for place in places)


def changed(content: Any, path: list[int], value: object) -> Any:
    """The same with the value somewhere in it."""
    if not path or not isinstance(content, dict | list) or not content:
        return value
    if isinstance(content, dict):
        name = sorted(content)[path[0] % len(content)]
        return content | {name: changed(content[name], path[1:], value)}
    index = path[0] % len(content)
    return [*content[:index], changed(content[index], path[1:], value), *content[index + 1 :]]
