"""What a unit says of itself: status, state, position, health. Version 1.

The modules of this folder are the code of record. `docs/contract/` is written from them (`make
docs`).
"""

from typing import ClassVar, Literal

from pydantic import Field

from config.models import UnitKind
from telemetry.contract.body import Actuator, Charge, Module, Vehicle
from telemetry.contract.flash import Flashed
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import (
    CONTRACT_VERSION,
    Duty,
    PositionSource,
    Severity,
    UpMessage,
)
from telemetry.contract.wire_types import (
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
    Seconds,
    Short,
    Speed,
    Text,
    UtcTime,
    Uuid,
)

FixName = Literal["none", "2d", "3d", "dgps", "rtk_float", "rtk_fixed", "estimated"]
ComponentState = Literal["starting", "ok", "degraded", "failed", "off"]


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
    """What runs here, and what it consists of."""

    software: dict[str, str] = Field(default_factory=dict, description="name to version")
    models: dict[str, str] = Field(default_factory=dict, description="model name to sha-256")
    hardware: dict[str, str] = Field(default_factory=dict)
    modules: tuple[Module, ...] = ()


class State(UpMessage):
    """Everything about the unit that changes rarely, whole. Retained; sent again at each birth."""

    TYPE: ClassVar[str] = "patrol.state.v1"
    LEAF: ClassVar[Leaf] = "state"
    PRIORITY: ClassVar[int] = 2

    unit_kind: UnitKind
    label: Text = ""
    capabilities: tuple[Code, ...] = Field(
        (), description="what it can do (detect, ...) and the commands it takes (task.assign, ...)"
    )
    mode: Code = "routine"
    duty: Duty = "on_patrol"
    commander: Literal["hub", "local"] = Field(
        "hub", description="who commands it now; with `local`, commands of the hub are refused"
    )
    task: Uuid | None = Field(None, description="the task it is working on")
    task_state: Code | None = Field(None, description="its state, as in task events")
    grid: Short | None = Field(None, description="the patrol grid or beat it is assigned to")
    unlocked: tuple[Short, ...] = Field(
        (), description="cameras whose pictures leave unredacted when asked for: media.unlock"
    )
    stealth: bool = Field(False, description="dark and silent, by its mode or its crew")
    actuators: tuple[Actuator, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    components: tuple[Component, ...] = ()
    inventory: Inventory = Inventory()
    flashed: Flashed | None = Field(None, description="what was flashed onto it, and is in use")


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
    error_95_m: Distance | None = Field(
        None, description="horizontal: 95 of 100 times the unit is within"
    )
    course_deg: Bearing | None = Field(None, description="direction of motion; not the heading")
    heading_deg: Bearing | None = Field(None, description="where the bow points")
    speed_mps: Speed | None = None
    satellites_used: Count | None = None
    hdop: float | None = Field(None, ge=0)
    receiver: Short | None = Field(None, description="its name in the unit's configuration")
    height_m: Metres | None = Field(None, description="above the ground below; of what flies")
    pitch_deg: float | None = Field(None, ge=-90, le=90, description="bow up positive")
    roll_deg: float | None = Field(None, ge=-180, le=180, description="right side down positive")


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
    parked: Count = Field(
        0, description="refused again and again, and laid aside: `patrol-edge outbox status`"
    )


class Budget(Message):
    """What a metered link may carry per day (UTC), and what it has carried."""

    day: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    used_mib: float = Field(ge=0)
    limit_mib: float = Field(gt=0)
    holding_back: bool = Field(description="only urgent messages are sent until the day is over")


class Rate(Message):
    """How one source or stage is doing since the last report."""

    name: Short
    per_s: float = Field(ge=0, description="samples, frames or inferences per second")
    p50_ms: float | None = Field(None, ge=0)
    p95_ms: float | None = Field(None, ge=0)
    p99_ms: float | None = Field(None, ge=0)


class CameraFigures(Message):
    """What one camera gives, and what that costs."""

    name: Short
    width_px: Count = Field(description="of its newest picture")
    height_px: Count
    fps: float | None = Field(None, ge=0, description="that came while it was open, lately")
    fps_wanted: float | None = Field(None, ge=0, description="asked of it, or announced by it")
    decode_ms: float | None = Field(
        None, ge=0, description="of processor time to fetch and decode one, median"
    )
    decoder: Short | None = Field(None, description="software or hardware, and of which format")
    brightness: float | None = Field(None, ge=0, le=1, description="mean of its newest picture")


class SignalFigures(Message):
    """How one constellation is heard by one receiver."""

    constellation: Short = Field(description="gps, glonass, galileo, beidou, qzss, navic, sbas")
    in_view: Count = Field(description="satellites that the receiver knows above the horizon")
    tracked: Count = Field(description="of these, heard")
    used: Count = Field(description="of these, the position is made of")
    cn0_dbhz: float | None = Field(None, ge=0, le=99, description="of those heard, median")


class ReceiverFigures(Message):
    """What one GNSS receiver says of its signals and its fix."""

    name: Short
    in_charge: bool = Field(description="whether the unit's position is its own")
    fix: FixName
    satellites_used: Count | None = None
    satellites_in_view: Count | None = None
    hdop: float | None = Field(None, ge=0)
    corrections_age_s: Seconds | None = Field(None, description="of DGPS and RTK")
    base: Short | None = Field(None, description="the station that corrects")
    heading_error_deg: float | None = Field(None, ge=0, description="of two antennas, 1 sigma")
    signals: tuple[SignalFigures, ...] = ()


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
    budget: Budget | None = Field(None, description="only where the link is metered")
    batteries: tuple[Charge, ...] = ()
    cameras: tuple[CameraFigures, ...] = ()
    receivers: tuple[ReceiverFigures, ...] = ()
    rates: tuple[Rate, ...] = ()
    drops: dict[str, Count] = Field(
        default_factory=dict, description="since start, by cause: {camera.front.overrun: 3}"
    )
