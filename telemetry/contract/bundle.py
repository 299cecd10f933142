"""What a hub may ask a unit to fetch: a file elsewhere, by its hash."""

from pydantic import Field

from telemetry.contract.wire_types import Message


class Bundle(Message):
    """A signed bundle to fetch and apply."""

    url: str = Field(max_length=1000)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1, le=4 * 2**30)
