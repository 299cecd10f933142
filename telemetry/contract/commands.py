"""What a hub may ask of a unit: the claims of the signed envelope, and each command by its name.

The arguments stand by subject: acting.py, moving.py, tasks.py, media.py, plates.py, search.py.

On the wire a command is a JWS in compact form (RFC 7515, EdDSA of RFC 8037) over `Command`, with
the key's id in the header; without signatures (bench only) it is the same JSON by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from telemetry.contract.acting import (
    Beacon,
    Light,
    PanTilt,
    Play,
    Quiet,
    Relay,
    Siren,
    Speak,
    Talk,
)
from telemetry.contract.bundle import Bundle
from telemetry.contract.flash import ConfigApply
from telemetry.contract.media import (
    ClipQuery,
    ClipUpload,
    MediaLock,
    MediaUnlock,
    RecordMark,
    RecordProtect,
    RecordStart,
    RecordStop,
    StreamStart,
    StreamStop,
    TakeSnapshot,
)
from telemetry.contract.moving import (
    Because,
    MissionLoad,
    MissionStart,
    MoveDrive,
    MovePosture,
)
from telemetry.contract.plates import PlatesList, PlatesReview
from telemetry.contract.search import SearchStart, SearchStop
from telemetry.contract.tasks import TaskAssign, TaskCancel, TaskUpdate
from telemetry.contract.up_message import Duty
from telemetry.contract.wire_types import Code, Message, Short, Text, UtcTime, Uuid

Role = Literal["commander", "operator", "technician"]

MAX_COMMAND_BYTES = 64 * 1024  # a longer one is refused before it is looked into


class Command(Message):
    """The claims: who asks which unit to do what, and until when that makes sense."""

    id: Uuid = Field(description="unique; a repeated id is answered and not done again")
    name: str = Field(pattern=r"^[a-z]+(\.[a-z]+)?$", max_length=64)
    args: dict[str, Any] = Field(default_factory=dict)
    issuer: Short = Field(description="the person or service that asks; goes into the journal")
    issued_at: UtcTime
    expires_at: UtcTime
    unit: str = Field(pattern=r"^[a-z0-9-]{1,32}$")


class ModeSet(Message):
    mode: Code
    reason: Text = ""


class DutySet(Message):
    duty: Duty


class RateSet(Message):
    """How often the position is told, for a while (`track now`)."""

    position_every_s: float = Field(ge=0.2, le=600)
    for_s: float = Field(600.0, gt=0, le=86_400)


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
_KEEPER: frozenset[Role] = frozenset({"commander", "technician"})
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
        CommandKind("config.apply", ConfigApply, _KEEPER, "flash a signed bundle", 6),
        CommandKind("firmware.apply", Bundle, _TECHNICIAN, "a signed firmware", 6),
        CommandKind("cancel", CommandCancel, _ANYONE, "stop a command that takes long"),
    )
}


def expired(command: Command, now: datetime) -> bool:
    """Whether it is too late to begin with it."""
    return now >= command.expires_at
