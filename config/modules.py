"""Which parts a unit must have: a profile decides, a file may ask for more."""

from typing import Literal

from pydantic import Field

from config.section import Section

ModuleKind = Literal[
    "gnss",
    "camera",
    "microphone",
    "platform",
    "battery",
    "board",
    "speaker",
    "light",
    "beacon",
    "siren",
]


class ModulesConfig(Section):
    """What must be there for the unit to be fit for work."""

    required: tuple[ModuleKind, ...] = Field(
        (), description="kinds of which at least one must be configured; else it is a fault"
    )
    lost_after_s: float = Field(
        4.0, ge=0.5, le=60, description="a part that fails for so long is told as lost: module_lost"
    )
