"""What a hub may ask of a unit's voice and lights: the arguments of those commands."""

from typing import Self

from pydantic import Field, model_validator

from telemetry.contract.bundle import Bundle
from telemetry.contract.wire_types import Code, Message, Ratio, Short, Text

HOLD_LONGEST_S = 300  # an actuator that is not refreshed is off after this, whatever was asked


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


class Talk(Bundle):
    """A clip that somebody has just spoken: a WAV file to fetch and play, and then forget."""

    volume: Ratio = 0.7


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
