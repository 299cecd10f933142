"""What happens around a unit: each event is one message, or an episode of several."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.places import GroundMotion, GroundPlace, Unplaced
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import (
    Phase,
    PoseMissing,
    PositionSource,
    UpMessage,
    check_pose,
    check_reason,
)
from telemetry.contract.wire_types import (
    Bearing,
    Code,
    Count,
    Distance,
    Latitude,
    Longitude,
    Message,
    Milliseconds,
    Ratio,
    Short,
    Speed,
    Text,
    UtcTime,
    Uuid,
)

EndReason = Literal["left", "lost", "camera_lost", "shutdown"]
SosCause = Literal["button", "operator", "fall", "collision"]


class Pose(Message):
    """Where the unit was, and how it was turned, at the time of a picture."""

    lat_deg: Latitude
    lon_deg: Longitude
    source: PositionSource
    age_ms: Milliseconds = Field(description="between the fix and the picture")
    heading_deg: Bearing | None = None
    course_deg: Bearing | None = None
    speed_mps: Speed | None = None
    error_m: Distance | None = Field(None, description="horizontal, 1 sigma")


class Box(Message):
    """A rectangle in the picture, relative to its size; x and y are the upper left corner."""

    x: Ratio
    y: Ratio
    width: Ratio
    height: Ratio


class FrameSize(Message):
    width_px: int = Field(ge=1)
    height_px: int = Field(ge=1)


class DetectionEvent(UpMessage):
    """One object, from when it is first seen to when it is gone: `new`, `update`..., `end`."""

    TYPE: ClassVar[str] = "patrol.event.detection.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    phase: Phase
    episode: Uuid = Field(description="the same in all messages about this object")
    label: Short = Field(description="person, bicycle, motorcycle, car, bus, truck")
    confidence: Ratio = Field(description="of the newest detection")
    camera: Short
    track: int = Field(ge=0, description="unique per unit and boot")
    box: Box = Field(description="where it was last seen")
    frame: FrameSize
    first_seen: UtcTime
    last_seen: UtcTime
    place: GroundPlace | None = Field(None, description="of the object's foot, at last_seen")
    place_missing: Unplaced | None = Field(None, description="why there is no place")
    motion: GroundMotion | None = Field(None, description="of the object, where its place is known")
    pose: Pose | None = Field(None, description="of the unit, not of the object, at last_seen")
    pose_missing: PoseMissing | None = Field(None, description="why there is no pose")
    reason: EndReason | None = Field(None, description="of the end")
    model: Short | None = Field(None, description="the detector's name")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        check_pose(self.pose, self.pose_missing)
        if self.place is not None and self.place_missing is not None:
            raise ValueError("a place, or the reason why there is none, not both")
        if self.motion is not None and self.place is None:
            raise ValueError("a motion belongs to a place")
        return self


class TrackPoint(Message):
    """One point of where the unit has been."""

    time: UtcTime
    lat_deg: Latitude
    lon_deg: Longitude
    error_m: Distance | None = Field(None, description="horizontal, 1 sigma")
    speed_mps: Speed | None = None
    course_deg: Bearing | None = None


class SosEvent(UpMessage):
    """A call for help from the unit: the first out of its queue. `end` when it is cancelled."""

    TYPE: ClassVar[str] = "patrol.event.sos.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 0

    phase: Phase
    episode: Uuid = Field(description="the same in all messages about this call")
    cause: SosCause
    begun: UtcTime
    pose: Pose | None = Field(None, description="of the unit when this was written")
    track: tuple[TrackPoint, ...] = Field(
        (),
        max_length=120,
        description="the last 60 s before the call, oldest first; in `new`, and in the "
        "first `update` of each connection, which comes before all that waited",
    )
    text: Text = ""
    ended_by: Short | None = Field(None, description="who cancelled it, in `end`")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.ended_by is not None) != (self.phase == "end"):
            raise ValueError("an end says who ended it, and nothing else does")
        return self


class GeofenceEvent(UpMessage):
    """The unit itself entered or left an area that it was told to watch."""

    TYPE: ClassVar[str] = "patrol.event.geofence.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    what: Literal["entered", "left"]
    area: Short = Field(description="its name in the unit's plan")
    pose: Pose


class TamperEvent(UpMessage):
    """Somebody may be meddling with the unit."""

    TYPE: ClassVar[str] = "patrol.event.tamper.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    what: Code = Field(description="command_forged, journal_broken, camera_covered, ...")
    component: Short
    text: Text
    count: Count = Field(1, description="how often since the last event of this kind")
    pose: Pose | None = None


class ModuleEvent(UpMessage):
    """A part of the unit's body has failed or come back: a camera, a receiver, a board."""

    TYPE: ClassVar[str] = "patrol.event.module.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    what: Literal["lost", "back"]
    module: Short = Field(description="its name in the unit's configuration")
    kind: Code = Field(description="gnss, camera, microphone, platform, sensor, board, actuator")
    since: UtcTime = Field(description="when it was last there, or when it came back")
    text: Text = ""
    pose: Pose | None = None


class BodyEvent(UpMessage):
    """Something happened to the unit itself or to what carries it."""

    TYPE: ClassVar[str] = "patrol.event.body.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    what: Code = Field(
        description="fence_breached, returning, estop, estop_released, dead_man, ignition_on, "
        "ignition_off, light_bar_on, siren_on (the carrier's own), asleep, awake, "
        "mission_started, mission_item, mission_done, battery_low, ..."
    )
    component: Short
    text: Text = ""
    mission: Uuid | None = None
    item: Count | None = Field(None, description="of the mission, from 0")
    items: Count | None = None
    pose: Pose | None = None
