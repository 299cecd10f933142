"""What the unit says and shines, as types: which actuators there are, and through what."""

from typing import Annotated, Literal

from pydantic import Field

from config.hours import Hours
from config.section import NAME_PATTERN, Section

Name = Annotated[str, Field(pattern=NAME_PATTERN)]

# --- through what ----------------------------------------------------------------------------


class BoardVia(Section):
    """An output of a board of the unit."""

    kind: Literal["board"]
    board: Name = Field(description="its name below boards")
    channel: Name = Field(description="what the board calls the output")


class PlatformVia(Section):
    """An output of the carrier: the robot's own lights, the drone's gimbal."""

    kind: Literal["platform"]
    platform: Name = Field(description="its name below platforms")
    channel: str = Field("", max_length=32, description="what the carrier calls it")


class GpioVia(Section):
    """A line of this computer."""

    kind: Literal["gpio"]
    chip: str = Field("/dev/gpiochip0", min_length=1, description="as `gpiodetect` names it")
    line: int = Field(ge=0, le=1023, description="offset, as `gpioinfo` names it")
    active_low: bool = Field(False, description="true: on is 0 volt")


class SimulatedVia(Section):
    """For the bench: nothing is driven, and everything reported."""

    kind: Literal["simulated"]


Via = Annotated[
    BoardVia | PlatformVia | GpioVia | SimulatedVia,
    Field(discriminator="kind", description="through what it is driven"),
]

# --- the actuators ---------------------------------------------------------------------------


class ActuatorSource(Section):
    """What every actuator has."""

    max_on_s: float = Field(300.0, gt=0, le=3600, description="longer at a time it is never on")
    hot_c: float = Field(80.0, ge=30, le=150, description="hotter than this it goes off")
    battery_min_percent: float = Field(
        0.0, ge=0, le=100, description="below this charge of the unit it stays off"
    )


class LightConfig(ActuatorSource):
    """A searchlight."""

    kind: Literal["light"]
    via: Via
    strobe: bool = Field(True, description="false: it never flashes")


class BeaconConfig(ActuatorSource):
    """Warning lights: the light bar."""

    kind: Literal["beacon"]
    via: Via
    patterns: tuple[Name, ...] = Field(("patrol",), min_length=1, description="that it knows")


class SirenConfig(ActuatorSource):
    """A siren. Never longer than 30 s at a time, nor more than three times in ten minutes."""

    kind: Literal["siren"]
    via: Via
    max_on_s: float = Field(30.0, gt=0, le=30, description="longer at a time it is never on")
    tones: tuple[Name, ...] = Field(("wail",), min_length=1, description="that it knows")


class RelayConfig(ActuatorSource):
    """Anything that is on or off."""

    kind: Literal["relay"]
    via: Via


class LampConfig(ActuatorSource):
    """The lamp that tells people that the unit records."""

    kind: Literal["record_lamp"]
    via: Via


class PanTiltConfig(ActuatorSource):
    """What turns a camera."""

    kind: Literal["pan_tilt"]
    via: Via
    camera: Name = Field(description="the camera that it turns")


class SpeakerConfig(ActuatorSource):
    """A loudspeaker on a sound device of this computer."""

    kind: Literal["speaker"]
    device: str = Field(
        "default", min_length=1, description="its name, as `patrol-edge audio devices` says"
    )
    max_on_s: float = Field(30.0, gt=0, le=30, description="longer at a time it never speaks")
    max_volume: float = Field(1.0, gt=0, le=1, description="louder it never is")


ActuatorConfig = Annotated[
    LightConfig
    | BeaconConfig
    | SirenConfig
    | RelayConfig
    | LampConfig
    | PanTiltConfig
    | SpeakerConfig,
    Field(discriminator="kind"),
]


class ActingConfig(Section):
    """Limits on all that the unit says and shines."""

    quiet_hours: tuple[Hours, ...] = Field(
        (),
        max_length=16,
        description="then it speaks softly and the siren is off, e.g. 22:00-06:00",
    )
    quiet_volume: float = Field(0.3, ge=0, le=1, description="at most so loud in quiet hours")
    link_lost_after_s: float = Field(
        3.0, ge=1, le=60, description="so long without the hub, and what it turned on goes off"
    )
