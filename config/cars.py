"""A car as the carrier, as types: its CAN bus, or an OBD-II adapter; what its raw frames mean."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.devices import Baud, Host, Port, SerialPort
from config.language import tell
from config.platform_source import PlatformSource
from config.section import Section

SignalName = Literal[
    "ignition",
    "doors_open",
    "light_bar",
    "siren",
    "reverse",
    "speed_mps",
    "wheel_fl_mps",
    "wheel_fr_mps",
    "wheel_rl_mps",
    "wheel_rr_mps",
    "yaw_rate_dps",
    "odometer_m",
    "voltage_v",
    "fuel_percent",
    "charge_percent",
]


class SignalConfig(Section):
    """Where one value stands in the car's frames, as a line `SG_` of a DBC file says it."""

    id: int = Field(ge=0, le=0x1FFF_FFFF, examples=[0x1A0], description="of the frame")
    extended: bool = Field(False, description="true: the id has 29 bits")
    start_bit: int = Field(
        ge=0, le=63, description="as in a DBC file: the lowest bit (intel), the highest (motorola)"
    )
    length: int = Field(ge=1, le=64, description="bits")
    byte_order: Literal["intel", "motorola"] = Field("intel", description="@1 or @0 in a DBC file")
    signed: bool = Field(False, description="two's complement; `-` in a DBC file")
    scale: float = Field(1.0, description="from the raw number to the unit in the signal's name")
    offset: float = Field(0.0, description="is added after that")
    on_from: float = Field(
        1.0, description="facts like ignition are on from this value, off below it"
    )
    unknown: tuple[int, ...] = Field(
        (), max_length=8, description="raw numbers that mean: not known, e.g. [255]"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.id > 0x7FF and not self.extended:
            raise ValueError(
                tell("id {id:#x} has more than 11 bits; add extended: true", id=self.id)
            )
        if self.last_byte is None:
            raise ValueError(
                tell(
                    "{length} bits from bit {start_bit} on do not fit into the 8 bytes of a "
                    "frame: see start_bit, length and byte_order in the DBC file",
                    length=self.length,
                    start_bit=self.start_bit,
                )
            )
        return self

    @property
    def last_byte(self) -> int | None:
        """The number of the last byte it needs, from 0; None where it does not fit into 8."""
        byte, bit = divmod(self.start_bit, 8)
        if self.byte_order == "intel":
            last = (self.start_bit + self.length - 1) // 8
        else:
            last = byte + max(0, (self.length - bit - 1 + 7) // 8)
        return last if last < 8 else None


class CanPlatformConfig(PlatformSource):
    """A car, over its CAN bus: what it is asked by OBD-II, and what its raw frames say."""

    kind: Literal["can"]
    interface: Literal["socketcan", "slcan", "virtual"] = Field(
        "socketcan",
        description="socketcan: a bus of this computer; slcan: a USB adapter with Lawicel's "
        "protocol on a serial port; virtual: for tests, within one program",
    )
    channel: str = Field(
        "can0",
        min_length=1,
        max_length=200,
        description="the bus, as `ip link` names it; for slcan its serial port",
    )
    bitrate: int | None = Field(
        None,
        ge=10_000,
        le=1_000_000,
        description="socketcan: to check against, set it with `ip link`; slcan: is set",
    )
    obd: bool = Field(
        True, description="false: it is asked nothing; only what it says by itself is read"
    )
    obd_ids: Literal["auto", "11", "29"] = Field(
        "auto", description="how long OBD-II ids are in this car; auto tries both"
    )
    signals: dict[SignalName, SignalConfig] = Field(
        default_factory=dict, description="what raw frames say: docs/car.md"
    )

    @model_validator(mode="after")
    def _tells_something(self) -> Self:
        if self.interface == "slcan" and self.bitrate is None:
            raise ValueError(tell("slcan needs a bitrate; 500000 in most cars"))
        if not self.obd and not self.signals:
            raise ValueError(
                tell("obd: false and no signals leave nothing to read; give one of them")
            )
        return self


class Elm327PlatformConfig(PlatformSource):
    """A car, over an ELM327 adapter in its OBD-II socket."""

    kind: Literal["elm327"]
    port: SerialPort | None = Field(
        None,
        examples=["/dev/serial/by-id/usb-OBD_adapter-if00"],
        description="its serial port; or give host",
    )
    baud: Baud | Literal["auto"] = Field("auto", description="bits per second")
    host: Host | None = Field(None, description="address of one on the network")
    net_port: Port = Field(35_000, description="its TCP port; 35000 is usual")
    engine_off_below_v: float = Field(
        13.2,
        ge=11,
        le=30,
        description="with no answer from the car and less than this, the ignition is off; "
        "26.4 in a lorry of 24 V",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.port is None) == (self.host is None):
            raise ValueError(
                tell("give port: for a serial adapter or host: for one on the network")
            )
        return self
