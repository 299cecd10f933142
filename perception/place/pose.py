"""Where the unit was, and how it was turned, at the stamp of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPose:
    """The unit's body at one stamp, with errors at 1 sigma.

    Heading is where the bow points; the course, where the unit moves, is not a heading. Angles as
    in aviation (ISO 1151): heading clockwise from true north, bow up and right side down positive.
    """

    mono_s: float
    lat_deg: float
    lon_deg: float
    position_error_m: float  # of each horizontal axis
    heading_deg: float | None  # 0..360; None: nothing tells it
    heading_error_deg: float = 5.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    tilt_error_deg: float = 1.0  # of pitch and roll each; larger where no sensor tells them
    height_m: float = 0.0  # of the body's reference point above the ground under it
    height_error_m: float = 0.1
    speed_mps: float | None = None  # over ground
    course_deg: float | None = None
    source: str = "gnss"  # gnss, dead_reckoning, last_known
    age_s: float = 0.0  # between the fix and the picture

    def parked(self, below_mps: float) -> bool:
        """Whether the unit is known to stand."""
        return self.speed_mps is not None and self.speed_mps < below_mps
