"""What goes into dead reckoning, and what comes out of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What a receiver says, and how far it may be believed."""

    mono_s: float  # when it was so
    lat_deg: float
    lon_deg: float
    error_m: float  # horizontal, 1 sigma
    speed_mps: float | None = None
    course_deg: float | None = None
    heading_deg: float | None = None
    heading_error_deg: float | None = None
    doubt: float = 1.0  # by how much its errors are larger than it thinks; 1: not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """Where the unit is by dead reckoning."""

    mono_s: float
    lat_deg: float
    lon_deg: float
    error_m: float  # horizontal, 1 sigma
    error_95_m: float  # 95 of 100 times it is within
    heading_deg: float
    heading_error_deg: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Learned:
    """What the fixes taught of the unit's own sensors."""

    scale: float  # true speed is the told one times this
    scale_error: float  # 1 sigma
    bias_dps: float  # of the yaw rate
    bias_error_dps: float
