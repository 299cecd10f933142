"""What every section of a carrier has."""

from typing import Self

from pydantic import Field, model_validator

from config.fence import FenceConfig
from config.language import tell
from config.section import Section


class PlatformSource(Section):
    """What every platform has."""

    silent_after_s: float = Field(
        3.0, ge=0.5, le=60, description="nothing from it for this long is a fault, and reopens it"
    )
    commands: bool = Field(
        True, description="false: it is only listened to, and takes no orders from this unit"
    )
    fence: FenceConfig | None = Field(
        None, description="where it may be; the unit watches that itself, beside the carrier's own"
    )
    home_percent: float | None = Field(
        None, gt=0, lt=100, description="below this charge it is told that it should return"
    )
    home_when_low: bool = Field(
        False, description="true: below home_percent the unit itself orders it home"
    )

    @model_validator(mode="after")
    def _low_is_known(self) -> Self:
        if self.home_when_low and self.home_percent is None:
            raise ValueError(tell("home_when_low needs a charge: add home_percent:, e.g. 25"))
        return self
