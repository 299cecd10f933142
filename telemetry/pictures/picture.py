"""One picture that may leave the unit, and how it lies on the disk.

The file is a line of JSON and the JPEG behind it. Its name begins with the rank and goes on with
a UUIDv7, so that names in order are pictures in order.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from telemetry.contract.snapshot import SnapshotProperties
from telemetry.contract.wire_types import rfc3339_ms

VERSION = 1
MAX_HEAD_BYTES = 4096
MAX_JPEG_BYTES = 256 * 1024  # what a hub takes, as of other messages
JPEG_START = b"\xff\xd8\xff"


class Rank(IntEnum):
    """What a picture is of; the lower goes first, and is given up last."""

    ASKED = 0  # by a command
    ALERT = 1
    DETECTION = 2


class BadPictureError(Exception):
    """These bytes are no picture of ours, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG, ready to be sent."""

    id: str  # UUIDv7, of this picture
    rank: Rank
    properties: SnapshotProperties
    jpeg: bytes

    @classmethod
    def of(
        cls,
        picture_id: str,
        rank: Rank,
        jpeg: bytes,
        *,
        episode: str,
        camera: str,
        time: datetime,
        redacted: bool,
    ) -> "Picture":
        """`time`: of the capture, UTC."""
        properties = SnapshotProperties(
            episode=episode,
            sha256=hashlib.sha256(jpeg).hexdigest(),
            time=time,
            camera=camera,
            redacted=redacted,
        )
        return cls(id=picture_id, rank=rank, properties=properties, jpeg=jpeg)

    @property
    def redacted(self) -> bool:
        return self.properties.redacted

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.rank:d}-{self.id}.picture"

    def user_properties(self) -> tuple[tuple[str, str], ...]:
        """As MQTT 5 has them."""
        told = self.properties
        return (
            ("episode", told.episode),
            ("sha256", told.sha256),
            ("time", rfc3339_ms(told.time)),
            ("camera", told.camera),
            ("redacted", "true" if told.redacted else "false"),
        )

    def to_bytes(self) -> bytes:
        head = dict(self.user_properties()) | {"v": VERSION, "id": self.id, "rank": int(self.rank)}
        return json.dumps(head).encode() + b"\n" + self.jpeg


def from_bytes(data: bytes) -> Picture:
    """Raises BadPictureError for what is cut, changed, or nothing of ours."""
    head, newline, jpeg = data[: MAX_HEAD_BYTES + MAX_JPEG_BYTES + 1].partition(b"\n")
    if not newline or len(head) > MAX_HEAD_BYTES:
        raise BadPictureError("it has no head")
    try:
        found = json.loads(head)
        if found["v"] != VERSION:
            raise BadPictureError(f"it is of version {found['v']!r}")
        properties = SnapshotProperties.read(found.items())
        picture = Picture(
            id=str(found["id"]), rank=Rank(found["rank"]), properties=properties, jpeg=jpeg
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadPictureError(f"its head is damaged: {type(error).__name__}") from error
    if hashlib.sha256(jpeg).hexdigest() != properties.sha256 or not jpeg.startswith(JPEG_START):
        raise BadPictureError("it is cut off or damaged")
    return picture
