"""What a rule has seen: suggestions that wait for a human."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from telemetry.contract.events import Pose
from telemetry.contract.places import GroundPlace, Unplaced
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import Phase, PoseMissing, UpMessage, check_pose, check_reason
from telemetry.contract.wire_types import (
    Code,
    Count,
    Latitude,
    Longitude,
    Message,
    Ratio,
    Seconds,
    Short,
    UtcTime,
    Uuid,
)

AlertSeverity = Annotated[int, Field(ge=1, le=4, description="1 is the most severe")]
Colour = Literal["red", "orange", "yellow", "blue"]
COLOURS: dict[int, Colour] = {1: "red", 2: "orange", 3: "yellow", 4: "blue"}
AlertEndReason = Literal[
    "cleared", "lost", "camera_lost", "shutdown", "moved_away", "off_hours", "time_jump"
]
PlaceMissing = Literal[Unplaced, "not_a_place"]
FactText = Annotated[str, StringConstraints(max_length=80)]
# A whole number stays one, true stays true: readers of JSON tell them apart.
Fact = bool | int | float | FactText


class Gb28181(Message):
    """Where the alert goes in a GB/T 28181 `Alarm` notification: a mapping of fields, not a claim
    that anything conforms."""

    alarm_priority: int = Field(ge=1, le=4, description="AlarmPriority, 1 is the highest")
    alarm_method: int = Field(ge=1, le=7, description="AlarmMethod: 5 is video")
    alarm_type: int | None = Field(
        None, ge=1, le=12, description="AlarmType; absent where the standard has none"
    )


class GroundCorner(Message):
    lat_deg: Latitude
    lon_deg: Longitude


class AlertEvent(UpMessage):
    """One thing that a rule watches for, from when it is told to its end: `new`, `update`...,
    `end`. A suggestion: a human confirms or dismisses it."""

    TYPE: ClassVar[str] = "patrol.event.alert.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    phase: Phase
    episode: Uuid = Field(description="the same in all messages about this alert")
    rule: Code = Field(description="its kind: intrusion, tripwire, loitering, ...")
    name: Short = Field(description="of the rule, as the unit's owner calls it")
    severity: AlertSeverity = Field(description="may rise and fall over an episode")
    colour: Colour = Field(description="of the severity: 1 red, 2 orange, 3 yellow, 4 blue")
    gb28181: Gb28181
    confidence: Ratio
    review: Literal["pending"] = Field(
        "pending", description="nothing may come of it before a human has looked"
    )
    label: Short | None = Field(None, description="person, car, ...; absent where it is no object")
    tracks: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), max_length=200, description="of the objects, unique per unit and boot"
    )
    camera: Short = Field(description="that saw it last")
    zone: Short | None = None
    place: GroundPlace | None = Field(None, description="where it was last seen to hold")
    place_missing: PlaceMissing | None = Field(None, description="why there is no place")
    footprint: tuple[GroundCorner, ...] = Field(
        (), max_length=64, description="the ground it speaks of, counter-clockwise"
    )
    begun: UtcTime
    last_seen: UtcTime
    facts: dict[Code, Fact] = Field(
        default_factory=dict, max_length=32, description="by rule, with the unit in each name"
    )
    pose: Pose | None = Field(None, description="of the unit, at last_seen")
    pose_missing: PoseMissing | None = Field(None, description="why there is no pose")
    reason: AlertEndReason | None = Field(None, description="of the end")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        check_pose(self.pose, self.pose_missing)
        if (self.place is None) == (self.place_missing is None):
            raise ValueError("either a place, or the reason why there is none")
        if self.colour != COLOURS[self.severity]:
            raise ValueError("the colour is that of the severity")
        return self


class CountEvent(UpMessage):
    """How many crossed a line in one minute, by class and direction."""

    TYPE: ClassVar[str] = "patrol.event.count.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 2

    name: Short = Field(description="of the rule, as the unit's owner calls it")
    line: Short = Field(description="name of the line")
    camera: Short
    begun: UtcTime
    ended: UtcTime
    watched_s: Seconds = Field(
        description="of this time the line was in view; nothing is known of the rest"
    )
    forward: dict[Short, Count] = Field(
        default_factory=dict, description="by label: from the line's left to its right"
    )
    backward: dict[Short, Count] = Field(default_factory=dict, description="the other way")
    gb28181: Gb28181
