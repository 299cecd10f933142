"""What all messages of a unit have in common, and the words that several of them use."""

from typing import ClassVar, Literal

from telemetry.contract.topics import Leaf
from telemetry.contract.wire_types import Message

CONTRACT_VERSION = "1.0"

PositionSource = Literal["gnss", "dead_reckoning", "last_known"]
Severity = Literal["info", "warning", "error", "critical"]
PoseMissing = Literal["no_receiver", "no_fix", "fix_too_old", "time_unknown"]
Phase = Literal["new", "update", "end"]
Duty = Literal[
    "off_duty",
    "on_patrol",
    "standby",
    "dispatched",
    "en_route",
    "on_scene",
    "handling",
    "returning",
    "out_of_service",
]


class UpMessage(Message):
    """Data that a unit sends; `TYPE` is the CloudEvents type, `LEAF` the end of its topic."""

    TYPE: ClassVar[str]
    LEAF: ClassVar[Leaf]
    PRIORITY: ClassVar[int]  # unless the writer says otherwise


def check_reason(phase: Phase, reason: object | None) -> None:
    """Of an episode's message. Raises ValueError unless an end has a reason, and nothing else."""
    if (reason is not None) != (phase == "end"):
        raise ValueError("an end has a reason, and nothing else has")


def check_pose(pose: object | None, missing: PoseMissing | None) -> None:
    """Of a message that has to say where the unit was. Raises ValueError unless it has a pose, or
    says why there is none."""
    if (pose is None) == (missing is None):
        raise ValueError("either a pose, or the reason why there is none")
