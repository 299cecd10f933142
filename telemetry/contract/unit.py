"""What a unit says to a hub, version 1: the data of each message.

This is the code of record. `docs/contract/` is written from it (`make docs`).
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from config.models import UNIT_ID_PATTERN, UnitKind
from telemetry.contract.topics import Leaf
from telemetry.contract.wire_types import (
    U64_MAX,
    Bearing,
    Celsius,
    Code,
    Count,
    Distance,
    Latitude,
    Longitude,
    Message,
    Metres,
    Milliseconds,
    Percent,
    Ratio,
    Seconds,
    Short,
    Speed,
    Text,
    UtcTime,
    Uuid,
)

CONTRACT_VERSION = "1.0"

PositionSource = Literal["gnss", "dead_reckoning", "last_known"]
FixName = Literal["none", "2d", "3d", "dgps", "rtk_float", "rtk_fixed", "estimated"]
Severity = Literal["info", "warning", "error", "critical"]
ComponentState = Literal["starting", "ok", "degraded", "failed", "off"]
Duty = Literal["off_duty", "on_patrol", "dispatched", "parked", "returning", "out_of_service"]
PoseMissing = Literal["no_receiver", "no_fix", "fix_too_old", "time_unknown"]
EndReason = Literal["left", "lost", "camera_lost", "shutdown"]


class UpMessage(Message):
    """Data that a unit sends; `TYPE` is the CloudEvents type, `LEAF` the end of its topic."""

    TYPE: ClassVar[str]
    LEAF: ClassVar[Leaf]
    PRIORITY: ClassVar[int]  # unless the writer says otherwise


# --- status: the session's birth and end -----------------------------------------------------


class Status(UpMessage):
    """Is the unit there? Retained. Also the Last Will, with the session it belongs to.

    A hub ignores an `offline` whose `bootid` (envelope) and `session` are not those of the newest
    `online`: it is the late will of a connection that has been replaced. Carries no `sequence`.
    """

    TYPE: ClassVar[str] = "patrol.status.v1"
    LEAF: ClassVar[Leaf] = "status"
    PRIORITY: ClassVar[int] = 0

    state: Literal["online", "stopping", "offline"]
    session: int = Field(ge=1, description="counts this boot's connections, from 1")
    unit_kind: UnitKind
    software: Short = Field(description="name and version of the runtime")
    contract: Short = CONTRACT_VERSION
    config_version: Short | None = Field(None, description="which configuration is in force")


# --- state: the snapshot -----------------------------------------------------------------------


class Component(Message):
    """One device or part of the unit, as configured."""

    name: Short
    kind: Short = Field(description="gnss, camera, model, microphone, speaker, ...")
    state: ComponentState
    detail: Text | None = None


class Inventory(Message):
    """What runs here."""

    software: dict[str, str] = Field(default_factory=dict, description="name to version")
    models: dict[str, str] = Field(default_factory=dict, description="model name to sha-256")
    hardware: dict[str, str] = Field(default_factory=dict)


class State(UpMessage):
    """Everything about the unit that changes rarely, whole. Retained; sent again at each birth."""

    TYPE: ClassVar[str] = "patrol.state.v1"
    LEAF: ClassVar[Leaf] = "state"
    PRIORITY: ClassVar[int] = 2

    unit_kind: UnitKind
    label: Text = ""
    capabilities: tuple[Code, ...] = Field((), description="what it can do: detect, speak, ...")
    mode: Code = "normal"
    duty: Duty = "on_patrol"
    task: Uuid | None = Field(None, description="the task it is working on")
    grid: Short | None = Field(None, description="the patrol grid or beat it is assigned to")
    components: tuple[Component, ...] = ()
    inventory: Inventory = Inventory()


# --- position ----------------------------------------------------------------------------------


class Position(UpMessage):
    """Where the unit is, WGS 84. Not sent at all while it never had a fix."""

    TYPE: ClassVar[str] = "patrol.position.v1"
    LEAF: ClassVar[Leaf] = "position"
    PRIORITY: ClassVar[int] = 3

    lat_deg: Latitude
    lon_deg: Longitude
    source: PositionSource
    fix: FixName
    age_ms: Milliseconds = Field(0, description="of the fix when this was written")
    alt_msl_m: Metres | None = None
    error_m: Distance | None = Field(None, description="horizontal, 1 sigma")
    course_deg: Bearing | None = Field(None, description="direction of motion; not the heading")
    heading_deg: Bearing | None = Field(None, description="where the bow points")
    speed_mps: Speed | None = None
    satellites_used: Count | None = None
    hdop: float | None = Field(None, ge=0)
    receiver: Short | None = Field(None, description="its name in the unit's configuration")


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


# --- health ------------------------------------------------------------------------------------


class Fault(Message):
    """Something that is wrong now. `action` is for the person who reads it."""

    code: Code = Field(description="stable: camera_stalled, gnss_no_fix, outbox_full, ...")
    severity: Severity
    component: Short = Field(description="which one: front, gnss, outbox, link, ...")
    text: Text = Field(description="what is wrong")
    action: Text = Field(description="what to do about it")
    since: UtcTime


class Temperature(Message):
    name: Short
    celsius: Celsius


class Load(Message):
    """How busy the computer and the process are."""

    cpu_percent: Percent | None = Field(None, description="of all cores")
    load_1min: float | None = Field(None, ge=0)
    memory_percent: Percent | None = None
    process_rss_mib: float | None = Field(None, ge=0)
    process_uptime_s: Seconds | None = None


class Disk(Message):
    free_mib: Count
    total_mib: Count


class Link(Message):
    """The connection to the broker, as the unit sees it."""

    connected: bool
    protocol: Literal["5", "3.1.1"] | None = None
    since: UtcTime | None = Field(None, description="of the present state")
    reconnects: Count = 0
    unacked: Count = Field(0, description="sent, and not yet acknowledged")
    last_error: Text | None = None


class Queue(Message):
    """The outbox: what waits on the unit's disk."""

    depth: Count
    by_priority: tuple[Count, Count, Count, Count, Count] = (0, 0, 0, 0, 0)
    oldest_age_s: Seconds | None = None
    size_mib: float = Field(0, ge=0)
    limit_mib: float = Field(0, ge=0)


class Rate(Message):
    """How one source or stage is doing since the last report."""

    name: Short
    per_s: float = Field(ge=0, description="samples, frames or inferences per second")
    p50_ms: float | None = Field(None, ge=0)
    p95_ms: float | None = Field(None, ge=0)


class Health(UpMessage):
    """The FULL list of active faults each time: one that is absent is resolved. Retained."""

    TYPE: ClassVar[str] = "patrol.health.v1"
    LEAF: ClassVar[Leaf] = "health"
    PRIORITY: ClassVar[int] = 4

    faults: tuple[Fault, ...]
    load: Load = Load()
    temperatures: tuple[Temperature, ...] = ()
    disk: Disk | None = None
    link: Link | None = None
    queue: Queue | None = None
    rates: tuple[Rate, ...] = ()
    drops: dict[str, Count] = Field(
        default_factory=dict, description="since start, by cause: {camera.front.overrun: 3}"
    )


# --- events ------------------------------------------------------------------------------------


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

    phase: Literal["new", "update", "end"]
    episode: Uuid = Field(description="the same in all messages about this object")
    label: Short = Field(description="person, bicycle, motorcycle, car, bus, truck")
    confidence: Ratio = Field(description="of the newest detection")
    camera: Short
    track: int = Field(ge=0, description="unique per unit and boot")
    box: Box = Field(description="where it was last seen")
    frame: FrameSize
    first_seen: UtcTime
    last_seen: UtcTime
    pose: Pose | None = Field(None, description="of the unit, not of the object, at last_seen")
    pose_missing: PoseMissing | None = Field(None, description="why there is no pose")
    reason: EndReason | None = Field(None, description="of the end")
    model: Short | None = Field(None, description="the detector's name")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.reason is not None) != (self.phase == "end"):
            raise ValueError("an end has a reason, and nothing else has")
        if (self.pose is None) == (self.pose_missing is None):
            raise ValueError("either a pose, or the reason why there is none")
        return self


# --- down --------------------------------------------------------------------------------------


class Ack(Message):
    """The hub HAS these messages: by id, or all of one unit up to a sequence. No envelope."""

    ids: tuple[Uuid, ...] = Field((), max_length=1000)
    up_to: int | None = Field(None, ge=0, le=U64_MAX)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.ids and self.up_to is None:
            raise ValueError("an ack names ids or up_to")
        return self


class HubState(Message):
    """Is the primary hub there? Retained, and the hub's own Last Will. No envelope.

    A new `session` tells units that whatever was on its way to the old one must be sent again.
    """

    state: Literal["online", "offline"]
    hub: str = Field(pattern=UNIT_ID_PATTERN)
    session: Uuid
    time: UtcTime


UP_MESSAGES: tuple[type[UpMessage], ...] = (Status, State, Position, Health, DetectionEvent)
BY_TYPE: dict[str, type[UpMessage]] = {model.TYPE: model for model in UP_MESSAGES}
