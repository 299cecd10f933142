"""Small sensors of the unit, as types: attitude, pressure, temperature, battery."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.language import tell
from config.section import Section

Direction = Literal["forward", "backward", "left", "right", "up", "down"]
Axes = tuple[Direction, Direction, Direction]

# Forward, right, down: the axes of aviation (ISO 1151), as all angles here.
UNIT_VECTORS: dict[Direction, tuple[int, int, int]] = {
    "forward": (1, 0, 0),
    "backward": (-1, 0, 0),
    "right": (0, 1, 0),
    "left": (0, -1, 0),
    "down": (0, 0, 1),
    "up": (0, 0, -1),
}


def right_handed(axes: Axes) -> Axes:
    """Three arrows as a chip has them. Raises ValueError where no chip can."""
    (a, b, c), (d, e, f), (g, h, i) = (UNIT_VECTORS[axis] for axis in axes)
    turn = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if turn == 0:
        raise ValueError(
            tell(
                "{axes}: two of them lie on one line; write where the chip's x, y and z "
                "arrows point, each once",
                axes=", ".join(axes),
            )
        )
    if turn < 0:
        raise ValueError(
            tell(
                "{axes}: no chip has such axes, one of them is the wrong way round; forward, "
                "left, up is one that there is",
                axes=", ".join(axes),
            )
        )
    return axes


class SensorSource(Section):
    """What every sensor has."""

    every_s: float = Field(1.0, ge=0.01, le=600, description="between two readings")


class SysfsBatteryConfig(SensorSource):
    """A battery of this computer, as the kernel tells it (power_supply)."""

    kind: Literal["battery"]
    supply: str = Field(
        min_length=1,
        examples=["BAT0"],
        description="its name below /sys/class/power_supply, or the whole path",
    )
    low_percent: float = Field(20.0, ge=0, le=100, description="then it is a warning")
    hot_c: float = Field(55.0, ge=20, le=100, description="then it is a warning")


class IioSensorConfig(SensorSource):
    """An inertial sensor, barometer or thermometer of the kernel's IIO."""

    kind: Literal["iio"]
    device: str = Field(
        min_length=1, examples=["icm42688"], description="its name, as `patrol-edge devices` says"
    )
    every_s: float = Field(
        0.05,
        ge=0.01,
        le=600,
        description="between two readings of its axes; pressure and temperature: once a second",
    )
    axes: Annotated[Axes, AfterValidator(right_handed)] = Field(
        ("forward", "left", "up"),
        description="where the chip's x, y and z arrows point on the unit",
    )
    level_pitch_deg: float = Field(
        0.0, ge=-45, le=45, description="the pitch it tells of a unit that stands level"
    )
    level_roll_deg: float = Field(
        0.0, ge=-45, le=45, description="the roll it tells of a unit that stands level"
    )
    tilt_error_deg: float = Field(
        1.5, gt=0, le=45, description="of pitch and roll at rest, 1 sigma: the chip and its seat"
    )
    declination_deg: float | None = Field(
        None,
        ge=-90,
        le=90,
        description="of the magnetic north here, east positive; with it a magnetometer gives "
        "the heading, without it is not used",
    )
    heading_error_deg: float = Field(
        10.0, gt=0, le=90, description="of that heading, 1 sigma: iron and currents on the unit"
    )
    buffered: bool = Field(
        True, description="read through the chip's buffer where the kernel lets the unit"
    )


class HwmonSensorConfig(SensorSource):
    """The thermometers of one chip of the kernel's hwmon: of a disk, a power supply, a board."""

    kind: Literal["thermometer"]
    chip: str = Field(
        min_length=1, examples=["nvme"], description="its name, as `sensors` of lm-sensors says"
    )
    every_s: float = Field(5.0, ge=0.1, le=600, description="between two readings")
    hot_c: float = Field(85.0, ge=0, le=150, description="then it is a warning")


SensorConfig = Annotated[
    SysfsBatteryConfig | IioSensorConfig | HwmonSensorConfig, Field(discriminator="kind")
]
