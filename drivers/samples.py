"""Every measurement a driver can hand over: immutable, with units in the names.

A value that the device did not give is None, never 0. `mono_s` is the monotonic clock at capture:
for age, order and `dt`. It says nothing about the time of day.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drivers.gnss.sky import Sky


class FixKind(StrEnum):
    """How the receiver obtained the position, from nothing to centimetres."""

    NONE = "none"
    ESTIMATED = "estimated"  # dead reckoning inside the receiver
    FIX_2D = "2d"
    FIX_3D = "3d"
    DGPS = "dgps"
    RTK_FLOAT = "rtk_float"
    RTK_FIXED = "rtk_fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GnssEpoch:
    """All that one receiver said about one instant, WGS 84.

    Without a fix (`fix` is NONE) there is no position: `lat_deg` and `lon_deg` are None, never 0,0.
    """

    mono_s: float  # when the first byte of the epoch arrived
    utc: datetime | None  # from the receiver, time zone UTC; None until it knows date and time
    fix: FixKind
    lat_deg: float | None  # -90..90, north positive
    lon_deg: float | None  # -180..180, east positive
    alt_msl_m: float | None = None  # above mean sea level
    speed_mps: float | None = None  # over ground
    course_deg: float | None = None  # direction of motion over ground, 0..360 true
    heading_deg: float | None = None  # where the bow points, 0..360 true; not the course
    satellites_used: int | None = None
    satellites_in_view: int | None = None
    hdop: float | None = None  # horizontal dilution of precision, no unit, 1 is ideal
    pdop: float | None = None
    vdop: float | None = None
    error_m: float | None = None  # horizontal, 1 sigma, where the receiver tells it (GST)
    talkers: tuple[str, ...] = ()  # talker ids heard in the epoch, sorted: ("GN", "GP")
    heading_error_deg: float | None = None  # 1 sigma, where the receiver tells it
    corrections_age_s: float | None = None  # of the newest correction (DGPS, RTK)
    base_id: str | None = None  # the station that corrects
    sky: Sky | None = None  # the satellites, where they were told in this epoch
    jamming: int | None = None  # as the receiver says: 1 none, 2 some, 3 too much
    antenna: str | None = None  # as the receiver says: ok, open, short
    date_moved: bool = False  # the date as told could not be, and was moved by 1024 weeks
    jumped: bool = False  # its position was refused: no unit could have got there

    @property
    def has_fix(self) -> bool:
        return self.fix is not FixKind.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attitude:
    """How the body is turned, and how high it is, as an IMU or an autopilot tells it.

    Angles as in aviation (ISO 1151): heading clockwise from true north, bow up and right side down
    positive.
    """

    mono_s: float  # when it was so, as near as the device tells
    pitch_deg: float | None = None  # -90..90
    roll_deg: float | None = None  # -180..180
    heading_deg: float | None = None  # 0..360 true; not the course
    height_m: float | None = None  # above the ground below
    tilt_error_deg: float = 1.0  # of pitch and roll each, 1 sigma
    heading_error_deg: float = 3.0
    height_error_m: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Odometry:
    """How the body moves over the ground, as wheels, legs, an autopilot or a car's bus tell it."""

    mono_s: float  # when it was so, as near as the device tells
    speed_mps: float | None = None  # along the bow; backwards is negative
    yaw_rate_dps: float | None = None  # degrees per second, clockwise seen from above positive
    heading_deg: float | None = None  # 0..360 true, where the device has one
    way_m: float | None = None  # its odometer: all the way it ever went, never less than before
    speed_error_share: float = 0.03  # of the speed, 1 sigma, before it was calibrated
    yaw_rate_error_dps: float = 0.5  # 1 sigma, before its bias was learned


FUEL = "fuel"  # the name of a tank that drives no computer: it makes nobody work less hard


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One battery, or the tank of a vehicle that has no other."""

    mono_s: float
    percent: float | None = None  # of its full charge, 0..100
    voltage_v: float | None = None
    current_a: float | None = None  # drawn from it; charging is negative
    charging: bool | None = None
    remaining_s: float | None = None  # until it is empty, as it says itself
    celsius: float | None = None
    cells_low: bool | None = None  # it says itself that it is about to be empty
    name: str = ""  # where a device has several
    doubt: str = ""  # why what it says cannot be true


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambient:
    """The air around the unit, or the temperature of one part."""

    mono_s: float
    name: str
    celsius: float | None = None
    pressure_pa: float | None = None
    humidity_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gimbal:
    """Where a camera's mount is turned to, against the bow and the horizon."""

    mono_s: float
    name: str = ""  # the camera or the mount, where there are several
    pan_deg: float | None = None  # clockwise from the bow, -180..180
    tilt_deg: float | None = None  # above the horizon positive, -90..90
    roll_deg: float | None = None
    zoom: float | None = None  # 0 wide .. 1 long


MissionState = Literal["none", "loaded", "active", "paused", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """What the carrier (autopilot, car, robot) says of itself. None: it does not tell."""

    mono_s: float
    mode: str | None = None  # in its own words: GUIDED, stand, D
    armed: bool | None = None  # its motors may turn
    estop: bool | None = None  # stopped for good, until somebody releases it on the spot
    ignition: bool | None = None
    doors_open: bool | None = None
    light_bar: bool | None = None  # as its own switches have it
    siren: bool | None = None
    fence_breached: bool | None = None
    remote_id: bool | None = None  # it broadcasts who it is, as aviation law asks
    mission: MissionState | None = None
    mission_item: int | None = None  # the one under way, from 0
    mission_items: int | None = None
    faults: tuple[str, ...] = ()  # in its own words
    troubles: tuple[str, ...] = ()  # with the line to it, as codes of docs/troubleshooting.md


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a module is, for the inventory. Empty: it does not tell."""

    name: str  # as in the unit's configuration; parts of it after a dot: dog.battery
    kind: str  # board, autopilot, robot, camera, ...
    model: str = ""
    serial: str = ""
    firmware: str = ""
    hardware: str = ""
    calibrated: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer of a device that was asked for something (drivers.base.ActiveDriver)."""

    token: int
    ok: bool
    text: str = ""  # why not, in the device's words or ours


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudioBlock:
    """A piece of sound of one channel. The samples are read-only."""

    microphone: str  # its name in the configuration
    number: int  # counts the blocks since opening, from 0
    mono_s: float  # when its first sample was taken, as near as the device tells
    rate_hz: int
    samples: NDArray[np.float32]  # (N,) float32, -1..1
    gap: bool = False  # sound was lost before this block

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One picture. The pixels are read-only; copy before drawing."""

    camera: str  # the camera's name in the configuration
    number: int  # counts the frames the source delivered since opening, from 0
    mono_s: float  # at capture, as near as the device tells
    image: NDArray[np.uint8]  # (height, width, 3) uint8 BGR
    media_s: float | None = None  # position in the recording, for files

    @property
    def width_px(self) -> int:
        return int(self.image.shape[1])

    @property
    def height_px(self) -> int:
        return int(self.image.shape[0])
