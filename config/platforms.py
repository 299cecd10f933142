"""What carries the unit, as types: an autopilot, a car's bus, a robot."""

from typing import Annotated, Literal

from pydantic import Field

from config.devices import Baud, Host, Port, SerialPort
from config.section import Section


class PlatformSource(Section):
    """What every platform has."""

    silent_after_s: float = Field(
        3.0, ge=0.5, le=60, description="nothing from it for this long is a fault, and reopens it"
    )
    commands: bool = Field(
        True, description="false: it is only listened to, and takes no orders from this unit"
    )


class MavlinkPlatformConfig(PlatformSource):
    """A drone, rover or boat whose autopilot speaks MAVLink."""

    kind: Literal["mavlink"]
    port: SerialPort | None = Field(
        None,
        examples=["/dev/serial/by-id/usb-ArduPilot_Pixhawk-if00"],
        description="its serial port; or give bind or host",
    )
    baud: Baud = Field(57_600, description="bits per second of the serial port")
    bind: Host | None = Field(None, description="the own address to listen on for UDP")
    host: Host | None = Field(None, description="its address, to connect to by TCP")
    net_port: Port = Field(14_550, description="UDP or TCP port; 14550 is usual")


class CanPlatformConfig(PlatformSource):
    """A car, over its CAN bus."""

    kind: Literal["can"]
    channel: str = Field(
        "can0", min_length=1, max_length=15, description="the bus, as `ip link` names it"
    )
    bitrate: int | None = Field(
        None, ge=10_000, le=1_000_000, description="to check against; set it with `ip link`"
    )


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


class RobotPlatformConfig(PlatformSource):
    """A robot that speaks this project's robot protocol: one JSON object a line, over TCP."""

    kind: Literal["robot"]
    host: Host = Field("127.0.0.1", description="its address")
    net_port: Port = Field(7_788, description="its TCP port")
    max_speed_mps: float = Field(1.5, gt=0, le=10, description="faster it is never told to go")


PlatformConfig = Annotated[
    MavlinkPlatformConfig | CanPlatformConfig | Elm327PlatformConfig | RobotPlatformConfig,
    Field(discriminator="kind"),
]
