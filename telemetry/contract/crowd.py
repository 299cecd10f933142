"""How dense a crowd is: a suggestion that waits for a human, like every alert."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.alerts import AlertEvent
from telemetry.contract.wire_types import Speed

Number = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=-1e3, le=1e3, allow_inf_nan=False)]


class CrowdEvent(AlertEvent):
    """People per m² of the walkable ground that is seen of a zone: an alert with its numbers.
    `footprint` is that ground."""

    TYPE: ClassVar[str] = "patrol.event.crowd.v1"

    rule: Literal["crowd"] = "crowd"
    count: Number = Field(description="people on that ground; with those who are hidden, estimated")
    seen: Number = Field(description="of them, by probability; never less than this are there")
    area_m2: Number = Field(description="walkable ground that is seen, of all cameras together")
    density_per_m2: Number = Field(description="smoothed over 4 s")
    level: Literal["none", "notice", "yellow", "orange", "red"] = Field(
        description="by the zone's thresholds; one worse where saturated"
    )
    los: Literal["A", "B", "C", "D", "E", "F"] = Field(description="Fruin's level of service")
    saturated: bool = Field(
        description="boxes hide one another: there may be many more than were counted"
    )
    wanted: Literal["drone_view"] | None = Field(None, description="what would tell more")
    trend_per_m2_min: Rate | None = Field(None, description="change per minute")
    trend_error_per_m2_min: Number | None = Field(None, description="of the trend, 1 sigma")
    mean_speed_mps: Speed | None = Field(
        None, description="of those on that ground; stop-and-go comes before a crush"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.seen > self.count + 0.1:
            raise ValueError("no more people are seen than there are")
        if (self.wanted is not None) != self.saturated:
            raise ValueError("a view from above is wanted where the count is saturated")
        return self
