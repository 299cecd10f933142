"""Where something is on the ground, and how far from there it may be."""

from typing import Literal

from pydantic import Field

from telemetry.contract.wire_types import Bearing, Distance, Latitude, Longitude, Message, Speed

# Why something in a picture has no place on the ground.
Unplaced = Literal[
    "no_pose", "no_heading", "no_mount", "no_lens", "no_height", "bad_pose", "near_horizon",
    "too_far", "cut_off",
]  # fmt: skip


class ErrorEllipse(Message):
    """The ellipse that holds the true position in 95 of 100 cases."""

    major_m: Distance = Field(description="the longer half axis")
    minor_m: Distance = Field(description="the shorter half axis")
    bearing_deg: Bearing = Field(description="of the longer axis, 0 to 180")


class GroundMotion(Message):
    """How something moves over the ground; the unit's own motion is taken out of it."""

    speed_mps: Speed
    speed_error_mps: Speed = Field(description="1 sigma")
    course_deg: Bearing | None = Field(
        None, description="where it moves; absent where it may as well stand"
    )


class GroundPlace(Message):
    """A position on the ground, worked out from a picture; the error of the unit's own position,
    of its heading and of the camera's aim is in the ellipse."""

    lat_deg: Latitude
    lon_deg: Longitude
    error: ErrorEllipse


class Place(Message):
    lat_deg: Latitude
    lon_deg: Longitude
