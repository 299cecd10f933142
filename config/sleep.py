"""What a unit in a car does when the ignition is off, as types."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.language import tell
from config.section import Section


class SleepConfig(Section):
    """After the ignition: how long the link is kept, and what comes then (docs/car.md).

    Without a carrier that tells its ignition nothing of this ever happens.
    """

    after_s: float = Field(
        1800.0, ge=60, le=604_800, description="so long after the ignition it works on as before"
    )
    low_voltage_v: float = Field(
        11.8,
        ge=0,
        le=60,
        description="a starter battery below this (mean of 45 s) shortens it to five minutes; "
        "23.6 in a lorry of 24 V",
    )
    action: Literal["none", "suspend", "poweroff", "command"] = Field(
        "none",
        description="when it sleeps; none: cameras and perception rest, position and link go on; "
        "suspend and poweroff ask systemd",
    )
    command: tuple[str, ...] = Field(
        (), max_length=16, description="program and arguments, for action: command; no shell"
    )
    flush_s: float = Field(
        20.0, ge=0, le=600, description="at most so long the queue may empty itself before that"
    )

    @model_validator(mode="after")
    def _command_goes_with_it(self) -> Self:
        if (self.action == "command") != bool(self.command):
            raise ValueError(tell("action: command and command: go together; give both or neither"))
        return self
