"""Where a carrier may be, as a type: a polygon or a circle on the map, and a height."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.crs import to_wgs84
from config.language import tell
from config.section import Section
from config.zones import MAX_POINTS, Crs, LonLat


class FenceConfig(Section):
    """What must not be left. At least one of points, radius_m and max_height_m."""

    crs: Crs = Field(description="what the coordinates are: wgs84, cgcs2000, gcj02 or bd09")
    points: tuple[LonLat, ...] = Field(
        (), max_length=MAX_POINTS, description="longitude, latitude of the corners; in order"
    )
    centre: LonLat | None = Field(None, description="longitude, latitude: of a circle instead")
    radius_m: float | None = Field(None, gt=0, le=100_000, description="of the circle")
    max_height_m: float | None = Field(
        None, gt=0, le=1000, description="above the ground; 120 is the limit in many countries"
    )
    on_breach: Literal["home", "hold", "tell"] = Field(
        "home", description="what it is ordered within a second; tell: nothing, but it is told"
    )

    @model_validator(mode="after")
    def _has_a_shape(self) -> Self:
        if (self.centre is None) != (self.radius_m is None):
            raise ValueError(tell("a circle has a centre and a radius_m; add the other one"))
        if self.points and self.centre:
            raise ValueError(tell("give corners or a circle, not both"))
        if self.points and len(self.points) < 3:
            raise ValueError(tell("an area has three corners at least"))
        if not self.points and self.centre is None and self.max_height_m is None:
            raise ValueError(
                tell("it has no limit yet; add points, or centre and radius_m, or a height")
            )
        return self

    @model_validator(mode="after")
    def _is_of_its_crs(self) -> Self:
        for lon, lat in (*self.points, *([self.centre] if self.centre else [])):
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise ValueError(
                    tell(
                        "{lon:g}, {lat:g} is no place; write longitude, latitude", lon=lon, lat=lat
                    )
                )
            to_wgs84((lon, lat), self.crs)  # CrsError is a ValueError, and names the cure
        return self
