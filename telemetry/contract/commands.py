"""What a hub may ask of a unit: the claims of the signed envelope, and the arguments by name.

On the wire a command is a JWS in compact form (RFC 7515, EdDSA of RFC 8037) over `Command`, with
the key's id in the header; without signatures (bench only) it is the same JSON by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.plates import PlatesList, PlatesReview
from telemetry.contract.search import SearchStart, SearchStop
from telemetry.contract.tasks import TaskState
from telemetry.contract.up_message import Duty
from telemetry.contract.wire_types import (
    Code,
    Distance,
    Latitude,
    Longitude,
    Message,
    Ratio,
    Seconds,
    Short,
    Text,
    UtcTime,
    Uuid,
)

Role = Literal["commander", "operator", "technician"]

MAX_COMMAND_BYTES = 64 * 1024  # a longer one is refused before it is looked into
HOLD_LONGEST_S = 300  # an actuator that is not refreshed is off after this, whatever was asked


class Command(Message):
    """The claims: who asks which unit to do what, and until when that makes sense."""

    id: Uuid = Field(description="unique; a repeated id is answered and not done again")
    name: str = Field(pattern=r"^[a-z]+(\.[a-z]+)?$", max_length=64)
    args: dict[str, Any] = Field(default_factory=dict)
    issuer: Short = Field(description="the person or service that asks; goes into the journal")
    issued_at: UtcTime
    expires_at: UtcTime
    unit: str = Field(pattern=r"^[a-z0-9-]{1,32}$")


# --- tasks -----------------------------------------------------------------------------------


class Place(Message):
    lat_deg: Latitude
    lon_deg: Longitude


class Deadline(Message):
    """By when a state shall be reached; a reminder comes before it, `overdue` at it."""

    state: TaskState
    at: UtcTime
    remind_before_s: Seconds = Field(60.0, description="0: no reminder")


class TaskAssign(Message):
    """Go there. Refused with `busy` while a task of the same or a higher priority is on."""

    task: Uuid
    title: Text = ""
    kind: Code = Field("incident", description="incident, check, escort, ...; the hub's own codes")
    priority: int = Field(2, ge=0, le=4, description="0 is the most urgent")
    place: Place
    radius_m: float | None = Field(
        None, gt=0, le=5000, description="default: tasks.arrive_within_m"
    )
    route: tuple[Place, ...] = Field((), max_length=5000, description="a polyline to follow")
    deadlines: tuple[Deadline, ...] = Field((), max_length=8)
    handover_from: Short | None = Field(None, description="the unit that has the task now")


class TaskUpdate(Message):
    """Change what is given; what is absent stays as it is."""

    task: Uuid
    title: Text | None = None
    priority: int | None = Field(None, ge=0, le=4)
    place: Place | None = None
    radius_m: float | None = Field(None, gt=0, le=5000)
    route: tuple[Place, ...] | None = Field(None, max_length=5000)
    deadlines: tuple[Deadline, ...] | None = Field(None, max_length=8)
    handover: Literal["accepted", "declined"] | None = Field(
        None, description="what the other unit says to this unit's offer"
    )


class TaskCancel(Message):
    task: Uuid
    reason: Text = ""


# --- what the unit says and shines ---------------------------------------------------------------


class Held(Message):
    """An actuator: on until refreshed, at most so long."""

    max_on_s: float = Field(30.0, gt=0, le=HOLD_LONGEST_S)


class Speak(Message):
    text: str = Field(min_length=1, max_length=1000)
    language: Code = "zh"
    volume: Ratio = 0.7
    repeat: int = Field(1, ge=1, le=20)


class Play(Message):
    clip: Short = Field(description="the name of a clip that the unit has")
    volume: Ratio = 0.7
    repeat: int = Field(1, ge=1, le=20)


class Light(Held):
    on: bool
    level: Ratio = 1.0
    strobe: bool = False


class Beacon(Held):
    on: bool
    pattern: Code = "patrol"


class Siren(Held):
    on: bool
    tone: Code = "wail"


class Relay(Held):
    """Anything else that is on or off, by its name in the unit's file."""

    relay: Short
    on: bool


class Quiet(Message):
    """All that the unit says and shines goes off, at once."""

    reason: Text = ""


class RecordStart(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")
    max_s: float | None = Field(None, gt=0, le=86_400)
    reason: Text = ""


class RecordStop(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")


class RecordMark(Message):
    text: Text = ""


class RecordProtect(Message):
    """Keep what was recorded in this time from being overwritten."""

    begin: UtcTime
    end: UtcTime
    reason: Text = Field(min_length=1)


class TakeSnapshot(Message):
    """A picture of now: it comes on snapshot/{id of this command}, redacted unless unlocked."""

    camera: Short
    reason: Text = Field("", description="goes into the journal")


class MediaUnlock(Message):
    """For a while, snapshots that are asked for by command leave these cameras unredacted."""

    cameras: tuple[Short, ...] = Field(min_length=1, max_length=16)
    reason: Text = Field(min_length=1, description="goes into the journal")
    for_s: float = Field(600.0, gt=0, le=3600, description="then it ends by itself")


class MediaLock(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")
    reason: Text = ""


class StreamStart(Message):
    camera: Short
    max_kbit_s: int | None = Field(None, ge=16, le=50_000)
    max_s: float = Field(600.0, gt=0, le=14_400)


class StreamStop(Message):
    camera: Short


class PanTilt(Message):
    """Absolute angles against the unit's bow and horizon, or a preset."""

    camera: Short
    pan_deg: float | None = Field(None, ge=-360, le=360)
    tilt_deg: float | None = Field(None, ge=-180, le=180)
    zoom: Ratio | None = None
    preset: Short | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.pan_deg, self.tilt_deg, self.zoom, self.preset) == (None, None, None, None):
            raise ValueError("give pan_deg, tilt_deg, zoom or preset")
        return self


# --- where the unit goes -------------------------------------------------------------------------


class MissionPoint(Place):
    height_m: float | None = Field(
        None, ge=0, le=1000, description="above the take-off place; none on the ground"
    )
    hold_s: Seconds = 0.0
    speed_mps: float | None = Field(None, gt=0, le=50, description="on the way to it")


class MissionLoad(Message):
    """Replace the unit's mission; it is not started. Refused whole, or taken whole."""

    mission: Uuid
    points: tuple[MissionPoint, ...] = Field(min_length=1, max_length=700)
    on_end: Literal["hold", "home", "land"] = "hold"


class MissionStart(Message):
    """Start the mission that is loaded, or go on with it after a hold."""

    mission: Uuid


class MoveDrive(Message):
    """Move like this. It stops unless this comes again within `max_on_s`, and on link loss."""

    forward_mps: float = Field(0.0, ge=-5, le=5)
    sideways_mps: float = Field(0.0, ge=-3, le=3, description="to the right positive")
    turn_dps: float = Field(0.0, ge=-180, le=180, description="clockwise from above positive")
    max_on_s: float = Field(1.0, gt=0, le=2)


class MovePosture(Message):
    posture: Literal["stand", "sit", "lie"]


class Because(Message):
    """An order that needs no more than a reason."""

    reason: Text = ""


# --- the unit itself -----------------------------------------------------------------------------


class ModeSet(Message):
    mode: Code
    reason: Text = ""


class DutySet(Message):
    duty: Duty


class RateSet(Message):
    """How often the position is told, for a while (`track now`)."""

    position_every_s: float = Field(ge=0.2, le=600)
    for_s: float = Field(600.0, gt=0, le=86_400)


class Bundle(Message):
    """A signed bundle to fetch and apply."""

    url: str = Field(max_length=1000)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1, le=4 * 2**30)


class Talk(Bundle):
    """A clip that somebody has just spoken: a WAV file to fetch and play, and then forget."""

    volume: Ratio = 0.7


class ClipQuery(Message):
    begin: UtcTime
    end: UtcTime
    near: Place | None = None
    within_m: Distance | None = None
    reason: Text = Field(min_length=1, description="goes into the access log")


class ClipUpload(Message):
    clip: Short
    reason: Text = Field(min_length=1, description="goes into the access log")


class SosCancel(Message):
    episode: Uuid
    reason: Text = ""


class CommandCancel(Message):
    """Stop a command that takes long; it ends with `cancelled`."""

    command: Uuid = Field(description="the id of that command")


class Nothing(Message):
    """No arguments."""


@dataclass(frozen=True, slots=True)
class CommandKind:
    """One command of the contract. `roles`: who may give it, unless the unit's file says else."""

    name: str
    args: type[Message]
    roles: frozenset[Role]
    summary: str
    per_minute: int = 30  # of one issuer
    confidential: bool = False  # its arguments go into no record; their digest does


_COMMANDER: frozenset[Role] = frozenset({"commander"})
_OPERATOR: frozenset[Role] = frozenset({"commander", "operator"})
_TECHNICIAN: frozenset[Role] = frozenset({"technician"})
_ANYONE: frozenset[Role] = frozenset({"commander", "operator", "technician"})

COMMANDS: dict[str, CommandKind] = {
    kind.name: kind
    for kind in (
        CommandKind("ping", Nothing, _ANYONE, "answer, with the time it took", 120),
        CommandKind("rebirth", Nothing, _ANYONE, "tell state and health again", 6),
        CommandKind("task.assign", TaskAssign, _OPERATOR, "go there"),
        CommandKind("task.update", TaskUpdate, _OPERATOR, "change a task"),
        CommandKind("task.cancel", TaskCancel, _OPERATOR, "forget a task"),
        CommandKind("duty.set", DutySet, _OPERATOR, "on patrol, standby, off duty"),
        CommandKind("mode.set", ModeSet, _COMMANDER, "switch the mode, whole or not at all"),
        CommandKind("rate.set", RateSet, _OPERATOR, "tell the position more often for a while"),
        CommandKind("sos.cancel", SosCancel, _OPERATOR, "end a call for help"),
        CommandKind("speak", Speak, _OPERATOR, "say a text", 10),
        CommandKind("play", Play, _OPERATOR, "play a clip", 10),
        CommandKind("talk", Talk, _OPERATOR, "play what somebody has just spoken", 20),
        CommandKind("light", Light, _OPERATOR, "searchlight", 60),
        CommandKind("beacon", Beacon, _OPERATOR, "warning lights", 60),
        CommandKind("siren", Siren, _COMMANDER, "siren", 6),
        CommandKind("relay", Relay, _OPERATOR, "anything else that is on or off", 60),
        CommandKind("quiet", Quiet, _OPERATOR, "all that it says and shines goes off", 60),
        CommandKind("mission.load", MissionLoad, _COMMANDER, "replace the mission", 10),
        CommandKind("mission.start", MissionStart, _COMMANDER, "start the mission, or go on", 30),
        CommandKind("move.hold", Because, _OPERATOR, "stay where it is; pauses a mission", 60),
        CommandKind("move.home", Because, _OPERATOR, "return to where it started", 30),
        CommandKind("move.drive", MoveDrive, _COMMANDER, "move like this, while refreshed", 300),
        CommandKind("move.posture", MovePosture, _OPERATOR, "stand, sit, lie", 30),
        CommandKind("move.stop", Because, _OPERATOR, "emergency stop, released on the spot", 60),
        CommandKind("record.start", RecordStart, _OPERATOR, "record"),
        CommandKind("record.stop", RecordStop, _OPERATOR, "stop recording"),
        CommandKind("record.mark", RecordMark, _OPERATOR, "put a mark into the recording"),
        CommandKind("record.protect", RecordProtect, _OPERATOR, "keep a time from being deleted"),
        CommandKind("snapshot", TakeSnapshot, _OPERATOR, "one redacted picture"),
        CommandKind("media.unlock", MediaUnlock, _COMMANDER, "pictures without redaction", 6),
        CommandKind("media.lock", MediaLock, _OPERATOR, "end of media.unlock"),
        CommandKind("stream.start", StreamStart, _OPERATOR, "live video"),
        CommandKind("stream.stop", StreamStop, _OPERATOR, "end the live video"),
        CommandKind("ptz", PanTilt, _OPERATOR, "turn a camera", 120),
        CommandKind("clip.query", ClipQuery, _COMMANDER, "which clips there are"),
        CommandKind("clip.upload", ClipUpload, _COMMANDER, "send a clip"),
        CommandKind(
            "plates.list", PlatesList, _COMMANDER, "plates to look for", 120, confidential=True
        ),
        CommandKind("plates.review", PlatesReview, _OPERATOR, "what a human says of a hit", 60),
        CommandKind("search.start", SearchStart, _COMMANDER, "look for somebody or something"),
        CommandKind("search.stop", SearchStop, _COMMANDER, "end a search, forget its findings"),
        CommandKind("config.apply", Bundle, _TECHNICIAN, "a signed configuration", 6),
        CommandKind("firmware.apply", Bundle, _TECHNICIAN, "a signed firmware", 6),
        CommandKind("cancel", CommandCancel, _ANYONE, "stop a command that takes long"),
    )
}


def expired(command: Command, now: datetime) -> bool:
    """Whether it is too late to begin with it."""
    return now >= command.expires_at
