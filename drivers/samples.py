"""Every measurement a driver can hand over: immutable, with units in the names.

A value that the device did not give is None, never 0. `mono_s` is the monotonic clock at capture:
for age, order and `dt`. It says nothing about the time of day.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


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
