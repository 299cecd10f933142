"""What the unit says and shines, as types: which actuators there are, and through what."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.devices import Baud, Host, Port, SerialPort
from config.hours import Hours
from config.language import tell
from config.secrets import SecretFile
from config.section import KEPT_TO_ITSELF, NAME_PATTERN, Section
from config.speech import SpeechConfig

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


class ModbusVia(Section):
    """A coil of a Modbus relay board, on RS-485 or TCP."""

    kind: Literal["modbus"]
    port: SerialPort | None = Field(
        None,
        examples=["/dev/serial/by-id/usb-FTDI_RS485-if00"],
        description="the RS-485 adapter; or give host",
    )
    baud: Baud = Field(9_600, description="bits per second of the serial port")
    host: Host | None = Field(None, description="address of a board on the network")
    net_port: Port = Field(502, description="its TCP port")
    device: int = Field(1, ge=1, le=247, description="address of the board on the bus")
    coil: int = Field(ge=0, le=65_535, description="number of the relay, from 0")

    @property
    def where(self) -> str:
        return str(self.port) if self.port is not None else f"{self.host}:{self.net_port}"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.port is None) == (self.host is None):
            raise ValueError(tell("give either port (RS-485) or host (network)"))
        return self


class SerialRelayVia(Section):
    """A relay board with a serial protocol of its own."""

    kind: Literal["serial_relay"]
    port: SerialPort = Field(
        examples=["/dev/serial/by-id/usb-1a86_USB_Serial-if00"], description="its serial port"
    )
    baud: Baud = Field(9_600, description="bits per second")
    protocol: Literal["lcus", "kmtronic", "numato"] = Field(
        "lcus", description="lcus: most boards with a CH340"
    )
    channel: int = Field(ge=1, le=32, description="which relay, from 1")


class PelcoVia(Section):
    """A camera's mount that speaks Pelco-D on RS-485."""

    kind: Literal["pelco_d"]
    port: SerialPort = Field(
        examples=["/dev/serial/by-id/usb-FTDI_RS485-if00"], description="the RS-485 adapter"
    )
    baud: Baud = Field(2_400, description="bits per second, as its switches are set")
    address: int = Field(1, ge=1, le=254, description="as its switches are set")


class OnvifVia(Section):
    """A camera on the network that turns itself, by ONVIF."""

    kind: Literal["onvif"]
    host: Host = Field(examples=["192.168.1.20"], description="the camera's address")
    net_port: Port = Field(80, description="its HTTP port")
    credentials_file: SecretFile | None = Field(
        None, description=f"a file with user:password; {KEPT_TO_ITSELF}"
    )
    profile: str = Field("", max_length=64, description="token of a media profile; default: any")
    pan_range_deg: tuple[float, float] = Field(
        (-180.0, 180.0), description="from where to where it pans, clockwise from the bow"
    )
    tilt_range_deg: tuple[float, float] = Field(
        (-90.0, 90.0), description="from where to where it tilts, above the horizon positive"
    )

    @field_validator("pan_range_deg", "tilt_range_deg")
    @classmethod
    def _is_a_range(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if not -360 <= ends[0] < ends[1] <= 360:
            raise ValueError(tell("write the lower end first, within -360..360, e.g. [-180, 180]"))
        return ends


class SimulatedVia(Section):
    """For the bench: nothing is driven, and everything reported."""

    kind: Literal["simulated"]
    behaviour: Literal["well", "refuses", "stays_off", "stays_on", "silent"] = Field(
        "well", description="what is wrong with it"
    )
    delay_s: float = Field(0.0, ge=0, le=10, description="until it does what it is told")
    heats_c_per_s: float = Field(0.0, ge=0, le=100, description="so much warmer while it is on")
    told_to: Path | None = Field(
        None, description="a Unix socket that hears of each change as a line of JSON"
    )


Via = Annotated[
    BoardVia | PlatformVia | GpioVia | ModbusVia | SerialRelayVia | SimulatedVia,
    Field(discriminator="kind", description="through what it is driven"),
]

MountVia = Annotated[
    BoardVia | PlatformVia | OnvifVia | PelcoVia | SimulatedVia,
    Field(discriminator="kind", description="through what it is turned"),
]

# --- the actuators ---------------------------------------------------------------------------


class ActuatorSource(Section):
    """What every actuator has."""

    max_on_s: float = Field(
        300.0, gt=0, le=3600, description="off after this, unless it is asked for again"
    )
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
    unseen: bool = Field(
        False, description="true: it neither shines nor sounds, and stays as it is in stealth"
    )


class LampConfig(ActuatorSource):
    """The lamp that tells people that the unit records."""

    kind: Literal["record_lamp"]
    via: Via


class Preset(Section):
    """Where a mount is turned to; what is not set stays as it is."""

    pan_deg: float | None = Field(None, ge=-180, le=180, description="clockwise from the bow")
    tilt_deg: float | None = Field(None, ge=-90, le=90, description="above the horizon")
    zoom: float | None = Field(None, ge=0, le=1, description="0 wide, 1 long")


class PanTiltConfig(ActuatorSource):
    """What turns a camera."""

    kind: Literal["pan_tilt"]
    via: MountVia
    camera: Name = Field(description="the camera that it turns")
    presets: dict[Name, Preset] = Field(
        default_factory=dict, description="places to look at, by name"
    )


class SpeakerConfig(ActuatorSource):
    """A loudspeaker on a sound device of this computer."""

    kind: Literal["speaker"]
    device: str = Field(
        "default", min_length=1, description="its name, as `patrol-edge audio devices` says"
    )
    via: SimulatedVia | None = Field(None, description="for the bench: nothing is heard")
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
    utc_offset_h: float = Field(
        8.0, ge=-12, le=14, description="what local time is ahead of UTC, for quiet_hours"
    )
    quiet_volume: float = Field(0.3, ge=0, le=1, description="at most so loud in quiet hours")
    link_lost_after_s: float = Field(
        3.0, ge=1, le=4, description="so long without the hub, and what it turned on goes off"
    )
    exclusions: tuple[tuple[Name, ...], ...] = Field(
        (),
        max_length=16,
        examples=[["search", "beacon"]],
        description="groups of actuators of which only one is on at a time: one fuse, one cable",
    )
    emergency_breaks_stealth: bool = Field(
        False, description="true: a call for help shines and sounds also in stealth"
    )
    on_sos: tuple[Name, ...] = Field(
        (), max_length=16, description="actuators that go on with a call for help"
    )
    clips_dir: Path | None = Field(
        None, description="a folder with WAV files, for `play`; a file's name is the clip's"
    )
    speech: SpeechConfig = SpeechConfig()
