"""What carries the unit, as types: an autopilot, a car's bus, a robot."""

from typing import Annotated, Literal

from pydantic import Field

from config.cars import CanPlatformConfig, Elm327PlatformConfig
from config.devices import Baud, Host, Port, SerialPort
from config.platform_source import PlatformSource


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
