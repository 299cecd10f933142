"""Looking for somebody or something by what it looks like, in an area, for a while.

By clothing colours, size, and the kind and colour of a vehicle. Never by a face, never by who
somebody is: there is no field for it.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.events import Box, FrameSize, Pose
from telemetry.contract.places import GroundPlace
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import Phase, PoseMissing, UpMessage, check_reason
from telemetry.contract.wire_types import (
    Count,
    Latitude,
    Longitude,
    Message,
    Priority,
    Ratio,
    Short,
    Text,
    UtcTime,
    Uuid,
)

LONGEST_S = 24 * 3600.0

# The eleven basic colour terms (Berlin & Kay, Basic Color Terms, 1969).
ColourName = Literal[
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown",
]  # fmt: skip
VehicleLabel = Literal["car", "bus", "truck", "motorcycle", "bicycle"]
# All that a candidate can be judged by. A test holds the code to it.
Attribute = Literal["upper", "lower", "height", "vehicle", "colour"]
CandidateEnd = Literal["left", "stopped", "expired", "outranked", "unlike", "unit"]
SearchEnd = Literal["stopped", "expired", "replaced"]
Colours = tuple[ColourName, ...]


class SearchPlace(Message):
    lat_deg: Latitude
    lon_deg: Longitude


class SearchStart(Message):
    """Look for this until `expires_at`, at most 24 hours. The same `search` again replaces it."""

    search: Uuid
    kind: Literal["person", "vehicle"]
    upper: Colours = Field((), max_length=4, description="of the clothing, any of them")
    lower: Colours = Field((), max_length=4)
    height_min_m: float | None = Field(None, ge=0.3, le=2.5)
    height_max_m: float | None = Field(None, ge=0.3, le=2.5)
    vehicle: tuple[VehicleLabel, ...] = Field((), max_length=5)
    colour: Colours = Field((), max_length=4, description="of the vehicle")
    area: tuple[SearchPlace, ...] = Field(
        min_length=3, max_length=200, description="a polygon, WGS 84"
    )
    expires_at: UtcTime
    legal_basis: Short
    reason: Text = Field(min_length=1)
    priority: Priority = 1

    @model_validator(mode="after")
    def _describes_something(self) -> Self:
        body = bool(self.upper or self.lower or self.height_min_m or self.height_max_m)
        machine = bool(self.vehicle or self.colour)
        if self.kind == "person" and (machine or not body):
            raise ValueError("a person is described by upper, lower and height")
        if self.kind == "vehicle" and (body or not machine):
            raise ValueError("a vehicle is described by vehicle and colour")
        low, high = self.height_min_m, self.height_max_m
        if low is not None and high is not None and low > high:
            raise ValueError("height_min_m is above height_max_m")
        return self


class SearchStop(Message):
    search: Uuid
    reason: Text = ""


class SearchEvent(UpMessage):
    """One candidate, from when it is like the description to when it is gone. A suggestion."""

    TYPE: ClassVar[str] = "patrol.event.search.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    phase: Phase
    episode: Uuid
    search: Uuid
    legal_basis: Short
    review: Literal["pending"] = Field("pending", description="a human has to look")
    score: Ratio = Field(description="how like the description, over all looks")
    score_error: Ratio = Field(description="1 sigma")
    looks: int = Field(ge=1, description="pictures that it was judged by")
    matched: tuple[Attribute, ...] = ()
    unmatched: tuple[Attribute, ...] = ()
    unknown: tuple[Attribute, ...] = Field((), description="could not be seen")
    label: Short
    camera: Short
    track: int = Field(ge=0)
    box: Box
    frame: FrameSize
    last_seen: UtcTime
    place: GroundPlace | None = None
    inside: Ratio | None = Field(None, description="probability that it is inside the area")
    pose: Pose | None = None
    pose_missing: PoseMissing | None = None
    reason: CandidateEnd | None = Field(None, description="of the end")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        return self


Ring = tuple[SearchPlace, ...]


class SearchProgressEvent(UpMessage):
    """What of the area this unit's cameras have seen so far."""

    TYPE: ClassVar[str] = "patrol.event.search_progress.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 2

    phase: Phase
    search: Uuid
    searched: Ratio = Field(description="share of the area")
    looks: Count
    candidates: Count = Field(description="told so far")
    rings: tuple[Ring, ...] = Field(
        (),
        max_length=64,
        description="what was seen: closed rings without the last point; a ring inside another is "
        "a hole in it, and so on (even-odd)",
    )
    reason: SearchEnd | None = Field(None, description="of the end")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        return self
