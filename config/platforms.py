"""What carries the unit, as types: an autopilot, a car's bus, a robot."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.cars import CanPlatformConfig, Elm327PlatformConfig
from config.devices import Baud, Host, Port, SerialPort
from config.language import tell
from config.platform_source import PlatformSource
from config.robots import RobotPlatformConfig, RosbridgePlatformConfig
from config.secrets import SecretFile
from config.section import KEPT_TO_ITSELF


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
    path: Path | None = Field(
        None, examples=["flight.tlog"], description="a recorded flight, instead of an autopilot"
    )
    loop: bool = Field(False, description="start the recording over at its end")
    system: int | None = Field(
        None,
        ge=1,
        le=255,
        description="its system number (SYSID_THISMAV, MAV_SYS_ID), where several autopilots "
        "speak on one line; default: whoever is heard first",
    )
    signing_key_file: SecretFile | None = Field(
        None,
        description="the key that both sides sign with: 64 hexadecimal digits, or the passphrase "
        f"that the ground station was given; {KEPT_TO_ITSELF}",
    )
    battery_mah: float | None = Field(
        None, gt=0, le=1_000_000, description="what a full battery holds, to check what it tells"
    )
    battery_cells: int | None = Field(
        None, ge=1, le=24, description="in series, to check what it tells; default: as it says"
    )

    @model_validator(mode="after")
    def _one_way_to_it(self) -> Self:
        ways = ("port", "bind", "host", "path")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) != 1:
            there = " and ".join(given) or "nothing"
            raise ValueError(
                tell(
                    "{there} says where it is; give one: port for a serial port, bind to listen "
                    "for UDP, host for TCP, path for a recording",
                    there=there,
                )
            )
        return self


PlatformConfig = Annotated[
    MavlinkPlatformConfig
    | CanPlatformConfig
    | Elm327PlatformConfig
    | RobotPlatformConfig
    | RosbridgePlatformConfig,
    Field(discriminator="kind"),
]
