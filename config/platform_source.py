"""What every section of a carrier has."""

from pydantic import Field

from config.section import Section


class PlatformSource(Section):
    """What every platform has."""

    silent_after_s: float = Field(
        3.0, ge=0.5, le=60, description="nothing from it for this long is a fault, and reopens it"
    )
    commands: bool = Field(
        True, description="false: it is only listened to, and takes no orders from this unit"
    )
