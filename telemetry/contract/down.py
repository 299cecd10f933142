"""What hubs say to units without an envelope: acknowledgements, and whether the hub is there."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.section import UNIT_ID_PATTERN
from telemetry.contract.wire_types import U64_MAX, Message, UtcTime, Uuid


class Ack(Message):
    """The hub HAS these messages: by id, or all of one unit up to a sequence. No envelope."""

    ids: tuple[Uuid, ...] = Field((), max_length=1000)
    up_to: int | None = Field(None, ge=0, le=U64_MAX)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.ids and self.up_to is None:
            raise ValueError("an ack names ids or up_to")
        return self


class HubState(Message):
    """Is the primary hub there? Retained, and the hub's own Last Will. No envelope.

    A new `session` tells units that whatever was on its way to the old one must be sent again.
    """

    state: Literal["online", "offline"]
    hub: str = Field(pattern=UNIT_ID_PATTERN)
    session: Uuid
    time: UtcTime
