"""How a camera sees and how it is mounted, and what is fixed of the unit's pose, as types."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.language import tell
from config.section import Section

Angle = Annotated[float, Field(ge=-180, le=180)]
Offset = Annotated[float, Field(ge=-20, le=20)]
FocalLength = Annotated[float, Field(gt=1, le=100_000)]
Coefficient = Annotated[float, Field(ge=-100, le=100)]

MEASURED = ("width_px", "height_px", "fx_px", "fy_px", "cx_px", "cy_px")
COEFFICIENTS = {"brown": (4, 5), "fisheye": (4,)}  # what OpenCV's two models take


class LensConfig(Section):
    """The lens: as `patrol-edge camera calibrate` measured it, or its angle of view."""

    horizontal_fov_deg: float | None = Field(
        None, ge=5, le=175, description="angle of view from left to right border, instead of fx_px"
    )
    width_px: int | None = Field(
        None, ge=64, le=8192, description="of the pictures that it was measured in"
    )
    height_px: int | None = Field(None, ge=64, le=8192, description="of the same pictures")
    fx_px: FocalLength | None = Field(None, description="focal length across")
    fy_px: FocalLength | None = Field(None, description="focal length down")
    cx_px: float | None = Field(None, ge=-8192, le=16384, description="the optical axis, across")
    cy_px: float | None = Field(None, ge=-8192, le=16384, description="the optical axis, down")
    model: Literal["brown", "fisheye"] = Field(
        "brown", description="of the distortion: OpenCV's usual one, or its fisheye model"
    )
    distortion: tuple[Coefficient, ...] = Field(
        (), max_length=5, description="brown: k1 k2 p1 p2 (k3); fisheye: k1 k2 k3 k4; none: []"
    )
    focal_error: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="share of fx_px, 1 sigma; default: 0.005, by angle 0.03",
    )
    calibrated: date | None = Field(None, description="when it was measured, for the inventory")

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        lacking = [name for name in MEASURED if getattr(self, name) is None]
        if self.horizontal_fov_deg is not None and len(lacking) < len(MEASURED):
            raise ValueError(
                tell("horizontal_fov_deg or a measured lens, not both; delete one of them")
            )
        if self.horizontal_fov_deg is None and lacking:
            raise ValueError(
                tell(
                    "a measured lens lacks {lacking}; or horizontal_fov_deg:",
                    lacking=", ".join(lacking),
                )
            )
        counts = COEFFICIENTS[self.model]
        if self.distortion and len(self.distortion) not in counts:
            wanted = " or ".join(map(str, counts))
            raise ValueError(
                tell(
                    "distortion: {model} has {wanted} numbers, or none",
                    model=self.model,
                    wanted=wanted,
                )
            )
        return self


class MountConfig(Section):
    """How a camera sits on the body. Without it nothing that it sees is put on the map."""

    height_m: float = Field(
        ge=-5,
        le=100,
        examples=[0.6],
        description="of the lens above the ground; on a drone, above what its height is told of",
    )
    pitch_deg: float = Field(
        ge=-90,
        le=90,
        examples=[-10],
        description="of the line of sight: 0 level, -90 straight down",
    )
    yaw_deg: Angle = Field(0.0, description="0 over the bow, 90 to the right, 180 astern")
    roll_deg: Angle = Field(0.0, description="clockwise as the camera looks")
    forward_m: Offset = Field(0.0, description="of the lens, before where the position is told of")
    left_m: Offset = Field(0.0, description="of the lens, left of there")
    error_deg: float = Field(0.5, gt=0, le=20, description="of each of the angles, 1 sigma")
    height_error_m: float = Field(0.03, ge=0, le=5, description="1 sigma")
    calibrated: date | None = Field(None, description="when it was measured, for the inventory")


class PoseConfig(Section):
    """What is known of the unit's pose without a sensor."""

    heading_deg: float | None = Field(
        None, ge=0, le=360, description="where the bow points, of a unit that never turns"
    )
    heading_error_deg: float = Field(5.0, gt=0, le=90, description="of heading_deg, 1 sigma")
    course_is_heading: bool = Field(
        False, description="the body points where it moves, as a car's does; not a dog's, a drone's"
    )
    tilt_error_deg: float = Field(
        2.0, gt=0, le=45, description="of pitch and roll where no sensor tells them, 1 sigma"
    )
    height_m: float | None = Field(
        0.0, ge=0, le=10_000, description="of the body above the ground; null: a sensor tells it"
    )
    height_error_m: float = Field(0.05, ge=0, le=100, description="of height_m, 1 sigma")
    gnss_delay_s: float = Field(
        0.0, ge=0, le=2, description="how long after its instant a position arrives"
    )


class GroundConfig(Section):
    """How far what is seen is put on the map."""

    max_range_m: float = Field(60.0, gt=1, le=5000, description="farther is not placed")
    horizon_margin_deg: float = Field(
        2.0, ge=0.5, le=20, description="a line of sight this near the horizon is not placed"
    )
    person_height_m: float = Field(1.7, ge=0.5, le=2.2, description="of those who are seen here")
    person_height_error_m: float = Field(0.1, gt=0, le=1, description="1 sigma")
