"""Small sensors of the unit, as types: attitude, pressure, temperature, battery."""

from typing import Annotated, Literal

from pydantic import Field

from config.section import Section


class SensorSource(Section):
    """What every sensor has."""

    every_s: float = Field(1.0, ge=0.02, le=600, description="between two readings")


class SysfsBatteryConfig(SensorSource):
    """A battery of this computer, as the kernel tells it (power_supply)."""

    kind: Literal["battery"]
    supply: str = Field(
        min_length=1, examples=["BAT0"], description="its name below /sys/class/power_supply"
    )
    low_percent: float = Field(20.0, ge=0, le=100, description="then it is a warning")


class IioSensorConfig(SensorSource):
    """An inertial sensor, barometer or thermometer of the kernel's IIO."""

    kind: Literal["iio"]
    device: str = Field(
        min_length=1, examples=["icm42688"], description="its name, as `patrol-edge devices` says"
    )


SensorConfig = Annotated[SysfsBatteryConfig | IioSensorConfig, Field(discriminator="kind")]
