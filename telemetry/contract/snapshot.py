"""Pictures: JPEG bytes without an envelope; what is to be known of them stands beside them."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field

from telemetry.contract.wire_types import Message, Short, UtcTime, Uuid

SNAPSHOT_CONTENT_TYPE = "image/jpeg"


class SnapshotProperties(Message):
    """MQTT 5 user properties of a picture. Under MQTT 3.1.1 only the topic says what it is."""

    episode: Uuid = Field(description="as in the events, and as the last level of the topic")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the payload")
    time: UtcTime = Field(description="of the capture")
    camera: Short
    redacted: bool = Field(
        True, description="faces, heads and plates are covered; false only under media.unlock"
    )

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, Any]]) -> Self:
        """From what came, whatever else is there. Raises ValidationError."""
        return cls.model_validate({name: v for name, v in pairs if name in cls.model_fields})
