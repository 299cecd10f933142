"""Where the rules look: zones on the ground, and zones in the picture of a unit that stands."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from config.language import tell
from config.section import NAME_PATTERN, Section

Crs = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
ZoneKind = Literal[
    "area",  # for intrusion, loitering, fast movement and whatever needs no more than a place
    "carriageway",
    "crossing",  # where persons may be on a carriageway
    "line",  # a tripwire, or a line that is counted at
    "exclusion",  # a queue, a bus stop: who waits here does not loiter
    "walkable",  # where a crowd can stand
    "no_stop",
    "lane",  # a carriageway with a direction of travel
]
MAX_POINTS = 2000


def _finite(pair: tuple[float, float]) -> tuple[float, float]:
    if not all(math.isfinite(value) for value in pair):
        raise ValueError(tell("not a number"))
    return pair


def _share(pair: tuple[float, float]) -> tuple[float, float]:
    if not all(0 <= value <= 1 for value in _finite(pair)):
        raise ValueError(tell("is outside the picture; write x and y as shares of it, 0 to 1"))
    return pair


LonLat = Annotated[tuple[float, float], AfterValidator(_finite)]
Share = Annotated[tuple[float, float], AfterValidator(_share)]
ZoneName = Annotated[str, Field(pattern=NAME_PATTERN)]


class ZoneShape(Section):
    """What every zone has."""

    kind: ZoneKind = Field("area", description="what the zone is")
    direction_deg: float | None = Field(
        None, ge=0, lt=360, description="of travel, from true north; a lane has one"
    )

    @model_validator(mode="after")
    def _lane_has_a_direction(self) -> Self:
        if (self.direction_deg is None) == (self.kind == "lane"):
            raise ValueError(tell("a lane has a direction_deg, and nothing else has"))
        return self


class GroundZoneConfig(ZoneShape):
    """A zone on the ground, by its corners."""

    crs: Crs = Field(description="what the coordinates are: wgs84, cgcs2000, gcj02 or bd09")
    points: tuple[LonLat, ...] = Field(
        min_length=2, max_length=MAX_POINTS, description="longitude, latitude; in order"
    )


class PictureZoneConfig(ZoneShape):
    """A zone in the picture of one camera, for a unit that stands. Directions are refused."""

    camera: str = Field(min_length=1, description="its name under cameras")
    points: tuple[Share, ...] = Field(
        min_length=2, max_length=MAX_POINTS, description="x, y in shares of the picture; in order"
    )


class ZonesConfig(Section):
    """Zones from GeoJSON files, or written here."""

    files: tuple[Path, ...] = Field(
        (), max_length=32, description="GeoJSON; each says its crs; see docs/zones.md"
    )
    ground: dict[ZoneName, GroundZoneConfig] = Field(
        default_factory=dict, description="on the map, by name"
    )
    picture: dict[ZoneName, PictureZoneConfig] = Field(
        default_factory=dict, description="in a camera's picture, by name"
    )
