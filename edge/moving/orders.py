"""The hub's orders to move, each passed on to the carrier that can."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from drivers.clock import Clock
from drivers.platforms.orders import (
    Drive,
    EmergencyStop,
    GoHome,
    Hold,
    LoadMission,
    PlatformOrder,
    Pose,
    StartMission,
    Waypoint,
)
from edge.body.carrier import Carrier
from edge.moving.driving import Driving
from edge.moving.helm import Helm, ask
from edge.moving.missions import Missions
from telemetry.commands.handling import Handler, Order, OrderRefusedError, Progress, Result
from telemetry.contract.moving import MissionLoad, MissionStart, MoveDrive, MovePosture
from telemetry.contract.wire_types import Message

# Which order of the vocabulary a command of the contract needs.
NEEDS: dict[str, type] = {
    "mission.load": LoadMission,
    "mission.start": StartMission,
    "move.hold": Hold,
    "move.home": GoHome,
    "move.drive": Drive,
    "move.posture": Pose,
    "move.stop": EmergencyStop,
}
ARMED_WORDS = "its motors are off, and only a pilot on the spot may arm them"


@dataclass(frozen=True, slots=True)
class Passed:
    """An order that is one question to a carrier.

    Short on purpose, though a carrier may take two seconds to answer: a hold must never wait
    behind a mission that is being handed over.
    """

    helm: Helm
    made: Callable[[Message], PlatformOrder]
    needs: type
    before: Callable[[], None] = lambda: None
    long_running: bool = False

    def check(self, order: Order) -> None:  # noqa: ARG002 - the carrier decides, not the arguments
        self.helm.taker(self.needs)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        self.before()
        carrier = self.helm.taker(self.needs)
        ask(carrier, self.made(order.args))
        return {"carrier": carrier.name}


@dataclass(frozen=True, slots=True)
class DriveOrder:
    """`move.drive`: goes on until it is not said again."""

    helm: Helm
    driving: Driving
    long_running: bool = False

    def check(self, order: Order) -> None:  # noqa: ARG002 - whatever the contract allows can be
        self._taker()

    def _taker(self) -> Carrier:
        carrier = self.helm.taker(Drive)
        if carrier.state is not None and carrier.state.armed is False:
            raise OrderRefusedError("interlock", ARMED_WORDS)
        return carrier

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        wanted, carrier = cast(MoveDrive, order.args), self._taker()
        drive = Drive(
            forward_mps=wanted.forward_mps,
            sideways_mps=wanted.sideways_mps,
            turn_dps=wanted.turn_dps,
        )
        if not self.driving.want(carrier, drive, wanted.max_on_s):
            raise OrderRefusedError("wrong_state", f"{carrier.name} has gone")
        return {"carrier": carrier.name, "for_s": wanted.max_on_s}


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """`mission.load`."""

    helm: Helm
    missions: Missions
    allowed: Callable[[Carrier, tuple[Waypoint, ...]], None]  # raises OrderRefusedError
    long_running: bool = True

    def check(self, order: Order) -> None:
        self._ready(cast(MissionLoad, order.args))

    def _ready(self, wanted: MissionLoad) -> tuple[Carrier, LoadMission]:
        carrier = self.helm.taker(LoadMission)
        self.missions.check_load(carrier)
        points = waypoints(wanted)
        self.allowed(carrier, points)
        return carrier, LoadMission(points=points, on_end=wanted.on_end)

    def carry_out(self, order: Order, progress: Progress) -> Result:
        wanted = cast(MissionLoad, order.args)
        carrier, mission = self._ready(wanted)

        def meanwhile() -> None:
            progress(50, f"handing {len(mission.points)} points over to {carrier.name}")

        loaded = self.missions.load(carrier, wanted.mission, mission, meanwhile)
        return {"mission": loaded.id, "carrier": carrier.name, "items": loaded.items}


@dataclass(frozen=True, slots=True)
class StartOrder:
    """`mission.start`."""

    helm: Helm
    missions: Missions
    clock: Clock
    long_running: bool = False

    def check(self, order: Order) -> None:
        wanted = cast(MissionStart, order.args)
        self.missions.check_start(self.helm.taker(StartMission), wanted.mission)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        carrier = self.helm.taker(StartMission)
        wanted = cast(MissionStart, order.args)
        started = self.missions.start(carrier, wanted.mission, self.clock.mono_s())
        return {"mission": started.id, "carrier": carrier.name, "items": started.items}


@dataclass(frozen=True, slots=True)
class StopOrder:
    """`move.stop`: everything that can be stopped is; what is away now, when it is back."""

    helm: Helm
    stop: Callable[[str], list[str]]  # who wants it; which carriers did
    long_running: bool = False

    def check(self, order: Order) -> None:  # noqa: ARG002 - a stop needs no arguments
        self.helm.check_stop()

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return {"carriers": self.stop(order.issuer)}


def waypoints(wanted: MissionLoad) -> tuple[Waypoint, ...]:
    return tuple(
        Waypoint(
            lat_deg=each.lat_deg,
            lon_deg=each.lon_deg,
            height_m=each.height_m,
            hold_s=each.hold_s,
            speed_mps=each.speed_mps,
        )
        for each in wanted.points
    )


def posture(helm: Helm, driving: Driving) -> Handler:
    """`move.posture`."""

    def made(args: Message) -> Pose:
        return Pose(cast(MovePosture, args).posture)

    return Passed(helm, made, Pose, driving.halt)
