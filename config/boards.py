"""The microcontroller boards of the unit, as types."""

from typing import Literal

from pydantic import Field

from config.devices import Baud, SerialPort
from config.section import Section


class BoardConfig(Section):
    """A board on a serial line that drives outputs and reads inputs (docs/board-link.md)."""

    port: SerialPort = Field(
        min_length=1,
        examples=["/dev/serial/by-id/usb-Patrol_Payload_0001-if00"],
        description="its stable name, /dev/serial/by-id/...",
    )
    baud: Baud = Field(115_200, description="bits per second")
    model: str | None = Field(
        None, max_length=32, description="what must answer there; another one is a fault"
    )
    serial: str | None = Field(
        None, max_length=32, description="and which one; two boards of one model never swap then"
    )
    hardware: str | None = Field(
        None,
        min_length=1,
        max_length=32,
        examples=["2"],
        description="its revision, where it does not say it itself: what firmware it takes",
    )
    update: Literal["smp", "esp32", "stm32-dfu"] = Field(
        "smp", description="how it gets new firmware: MCUboot and MCUmgr, esptool, or dfu-util"
    )
    silent_after_s: float = Field(
        2.0, ge=0.5, le=60, description="nothing from it for this long is a fault"
    )
    settings: dict[str, int | float | bool | str] = Field(
        default_factory=dict,
        description="what its own settings shall be: `patrol-edge firmware config diff`",
    )
