"""What a carrier can be asked for, and what it tells: one vocabulary for drone, car and robot.

A platform takes those orders that it can do and answers the others with `Done(ok=False)`; which
ones, it says beforehand (`Abilities`), so that a hub never asks for what is impossible.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from drivers.base import ActiveDriver
from drivers.samples import (
    Ambient,
    Attitude,
    Battery,
    Done,
    Gimbal,
    GnssEpoch,
    Identity,
    Odometry,
    VehicleState,
)

Posture = Literal["stand", "sit", "lie"]
MissionEnd = Literal["hold", "home", "land"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """One point of a mission, WGS 84."""

    lat_deg: float
    lon_deg: float
    height_m: float | None = None  # above the take-off place; None on the ground
    hold_s: float = 0.0
    speed_mps: float | None = None  # on the way to it


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadMission:
    """Replace the mission by this one; it is not started."""

    points: tuple[Waypoint, ...]
    on_end: MissionEnd = "hold"


@dataclass(frozen=True, slots=True)
class StartMission:
    """Start the loaded mission, or go on with the one that was paused."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay where it is: hover, stand. A mission under way is paused."""


@dataclass(frozen=True, slots=True)
class GoHome:
    """Return to where it started, and land there if it flies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Move like this; it stops by itself when this is not said again within half a second."""

    forward_mps: float = 0.0
    sideways_mps: float = 0.0  # to the right positive
    turn_dps: float = 0.0  # clockwise seen from above positive


@dataclass(frozen=True, slots=True)
class Pose:
    posture: Posture


@dataclass(frozen=True, slots=True)
class EmergencyStop:
    """Motors off or brakes on, at once; latched until somebody releases it on the spot."""


@dataclass(frozen=True, slots=True)
class ReleaseStop:
    """On the spot only: the emergency stop is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Turn a camera; absolute, against the bow and the horizon. None: leave as it is."""

    camera: str = ""
    pan_deg: float | None = None
    tilt_deg: float | None = None
    zoom: float | None = None
    preset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One of the carrier's own outputs: its lights, its horn."""

    channel: str
    level: float  # 0 is off .. 1
    pattern: str = "steady"


PlatformOrder: TypeAlias = (
    LoadMission
    | StartMission
    | Hold
    | GoHome
    | Drive
    | Pose
    | EmergencyStop
    | ReleaseStop
    | Aim
    | Switch
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What this carrier can do; told once it is known, and again when it changes."""

    orders: frozenset[type]  # of PlatformOrder
    channels: tuple[str, ...] = ()  # for Switch
    max_speed_mps: float | None = None
    gives_position: bool = False
    flies: bool = False  # it cannot stay where it is for ever


PlatformSample: TypeAlias = (
    Abilities
    | Ambient
    | Attitude
    | Battery
    | Done
    | Gimbal
    | GnssEpoch
    | Identity
    | Odometry
    | VehicleState
)
Platform: TypeAlias = ActiveDriver[PlatformSample, PlatformOrder]
