"""Number plates that are looked for: the list a unit is given, and a hit on it.

A hit is a suggestion. It waits for a human, and nothing that a unit does follows from it.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from telemetry.contract.events import Box, FrameSize, Pose
from telemetry.contract.places import GroundPlace
from telemetry.contract.topics import Leaf
from telemetry.contract.up_message import PoseMissing, UpMessage, check_reason
from telemetry.contract.wire_types import (
    Message,
    Priority,
    Ratio,
    Short,
    Text,
    UtcTime,
    Uuid,
)

MOST_ENTRIES = 1500  # of one command, which has 64 KiB
MOST_PARTS = 200

PlateColourName = Literal["blue", "yellow", "green", "yellow_green", "white", "black"]
PlateKindName = Literal[
    "ordinary", "electric_small", "electric_large", "police", "learner", "trailer", "border",
    "embassy", "consulate", "emergency", "armed_police", "military",
]  # fmt: skip
Verdict = Literal["correct", "misread", "wrong", "dismiss"]
Review = Literal["pending", "correct", "misread", "wrong", "dismiss"]
HitEnd = Literal["reviewed", "revoked", "expired", "unreviewed", "withdrawn"]


class PlateEntry(Message):
    """One plate to look for."""

    entry: Short = Field(description="the hub's own name for it; all that a hit says of it")
    plate: str = Field(min_length=5, max_length=16, description="as written: 鲁A·12345")
    priority: Priority | None = Field(None, description="default: the list's")
    expires_at: UtcTime | None = Field(None, description="default: with the list")


class PlatesList(Message):
    """Install, extend or revoke a list of plates. Each change has a higher version than the last.

    A long list comes in `parts` with the same version, in any order; it is in force when all are
    there, and until then the one before is.
    """

    list: Short
    version: int = Field(ge=1, le=2**53)
    mode: Literal["replace", "add", "revoke"]
    part: int = Field(1, ge=1, le=MOST_PARTS)
    parts: int = Field(1, ge=1, le=MOST_PARTS)
    legal_basis: Short | None = Field(None, description="by what right; needed but in `revoke`")
    expires_at: UtcTime | None = Field(
        None, description="then all of it is deleted; needed in `replace`"
    )
    priority: Priority = 1
    entries: tuple[PlateEntry, ...] = Field((), max_length=MOST_ENTRIES)
    revoke: tuple[Short, ...] = Field(
        (), max_length=MOST_ENTRIES, description="entries; none in `revoke`: the whole list"
    )
    blind: str = Field(
        min_length=22,
        max_length=64,
        description="random, 128 bits or more, other in each command: a unit keeps a digest of "
        "what it was told, and with this nobody can find the plates by trying",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mode == "revoke" and (self.entries or self.parts > 1):
            raise ValueError("revoke names entries in `revoke`, in one part")
        if self.mode != "revoke" and (not self.entries or self.revoke):
            raise ValueError("replace and add have entries, and revoke nothing")
        if self.mode != "revoke" and self.legal_basis is None:
            raise ValueError("a list needs a legal basis")
        if self.mode == "replace" and self.expires_at is None:
            raise ValueError("a list needs an end: expires_at")
        if self.part > self.parts or (self.mode == "add" and self.parts > 1):
            raise ValueError("part is 1 to parts; add comes in one part")
        return self


class PlatesReview(Message):
    """What a human says of a hit."""

    episode: Uuid
    verdict: Verdict
    reason: Text = ""


class Vehicle(Message):
    label: Short = Field(description="car, bus, truck, motorcycle, bicycle")
    colour: Short | None = Field(None, description="one of eleven; absent where it is not clear")


class PlateEvent(UpMessage):
    """A plate that is on a list was read: `new` once, `end` when it is settled. Never an order.

    Plates that are on no list are not told, and not kept.
    """

    TYPE: ClassVar[str] = "patrol.event.plate.v1"
    LEAF: ClassVar[Leaf] = "event"
    PRIORITY: ClassVar[int] = 1

    phase: Literal["new", "end"]
    episode: Uuid
    list: Short
    entry: Short = Field(description="which one of the list; its plate is known to the hub")
    legal_basis: Short
    review: Review = Field(description="pending until a human has looked")
    reviewed_by: Short | None = None
    reason: HitEnd | None = Field(None, description="of the end")
    confidence: Ratio = Field(description="that every character is right")
    characters: tuple[Ratio, ...] = Field(description="of each character", max_length=8)
    reads: int = Field(ge=1, description="pictures that were read for it")
    kind: PlateKindName
    colour: PlateColourName = Field(description="of the plate's background")
    vehicle: Vehicle
    camera: Short
    track: int = Field(ge=0)
    box: Box = Field(description="of the vehicle, where its best picture shows it")
    frame: FrameSize
    seen: UtcTime = Field(description="when the best picture was taken")
    place: GroundPlace | None = Field(None, description="of the vehicle")
    pose: Pose | None = Field(None, description="of the unit")
    pose_missing: PoseMissing | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_reason(self.phase, self.reason)
        if (self.review != "pending") != (self.reason == "reviewed"):
            raise ValueError("what was reviewed has ended, and says how")
        if (self.reviewed_by is not None) != (self.reason == "reviewed"):
            raise ValueError("a review was somebody's")
        return self
