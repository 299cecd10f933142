"""What a hub may ask of the carrier under a unit: the arguments of those commands."""

from typing import Literal

from pydantic import Field

from telemetry.contract.places import Place
from telemetry.contract.wire_types import Message, Seconds, Text, Uuid


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
