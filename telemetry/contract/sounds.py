"""What a unit hears. Sound itself is not told: kinds, levels and times are."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.events import Pose
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import Phase, PoseMissing, UpMessage, check_pose, check_reason
from telemetry.contract.wire_types import (
    Message,
    Ratio,
    Seconds,
    Short,
    UtcTime,
    Uuid,
)

SoundKind = Literal["voice", "loud", "impulse", "siren", "scream", "glass", "shot", "explosion"]
SoundEnd = Literal["silent", "microphone_lost", "shutdown"]


class SoundClip(Message):
    """Sound that the unit kept of this episode, because it is configured to."""

    name: Short = Field(description="for clip.upload")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    duration_s: Seconds
    begun: UtcTime


class SoundEvent(UpMessage):
    """A kind of sound at one microphone, a suggestion that waits for a human: `new`, `update`...,
    `end`."""

    TYPE: ClassVar[str] = "patrol.event.sound.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    phase: Phase
    episode: Uuid = Field(description="the same in all messages about this sound")
    kind: SoundKind = Field(description="voice: somebody speaks; never what is said, or by whom")
    confidence: Ratio
    microphone: Short
    begun: UtcTime
    last_heard: UtcTime
    bursts: int = Field(1, ge=1, description="how often it rose: several bangs are one episode")
    level_dbfs: float = Field(
        ge=-200, le=20, description="of its loudest tenth of a second, against a full sine"
    )
    level_dba: float | None = Field(
        None, ge=-100, le=220, description="the same, A-weighted, re 20 µPa; if calibrated"
    )
    clip: SoundClip | None = Field(None, description="in `end`, where sound is kept")
    pose: Pose | None = Field(None, description="of the unit when it was last heard")
    pose_missing: PoseMissing | None = Field(None, description="why there is no pose")
    reason: SoundEnd | None = Field(None, description="of the end")
    model: Short | None = Field(None, description="what told the kind, where a model did")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        check_pose(self.pose, self.pose_missing)
        return self
