"""The reference hub's judgement of pictures, and where it keeps them."""

import hashlib
import re
from collections import OrderedDict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from telemetry.commands.files import replace
from telemetry.contract.snapshot import SnapshotProperties
from telemetry.contract.wire_types import Uuid

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
MAX_BYTES = 256 * 1024
REMEMBERED = 1000  # pictures per unit, to know a repeat

Properties = tuple[tuple[str, str], ...]

_EPISODE = TypeAdapter(Uuid)
_NAME = re.compile(r"[^0-9A-Za-z-]")


def why_no_picture(topic: str, payload: bytes, properties: Properties) -> str:
    """What is wrong with it, as `cause: what exactly`; empty where it is good.

    Without properties (MQTT 3.1.1) there is only the topic to go by.
    """
    episode = topic.rpartition("/")[2]
    try:
        _EPISODE.validate_python(episode)
    except ValidationError:
        return "no episode: the topic does not end with a UUID"
    if not payload.startswith(JPEG_START) or not payload.endswith(JPEG_END):
        return "no jpeg: it does not begin, or end, as one"
    if len(payload) > MAX_BYTES:
        return f"too large: {len(payload)} bytes"
    return _why_not(episode, payload, properties) if properties else ""


def _why_not(episode: str, payload: bytes, properties: Properties) -> str:
    try:
        told = SnapshotProperties.read(properties)
    except ValidationError as error:
        return f"wrong properties: {error.errors()[0]['loc']}"
    if told.sha256 != hashlib.sha256(payload).hexdigest():
        return "wrong sha256: it is not that of the payload"
    if told.episode != episode:
        return "wrong episode: the topic says another"
    return ""


class PictureMemory:
    """Which pictures came from one unit: by episode and SHA-256, the last so many."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def add(self, topic: str, payload: bytes) -> bool:
        """True if it is new."""
        key = topic.rpartition("/")[2], hashlib.sha256(payload).digest()
        new = key not in self._known
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return new


def keep(folder: Path, unit: str, topic: str, payload: bytes) -> Path:
    """Write a picture that was accepted: FOLDER/UNIT/EPISODE-SHA.jpg, on the disk when it returns.

    Raises OSError.
    """
    episode = _NAME.sub("", topic.rpartition("/")[2])  # a UUID; nothing else gets into a name
    place = folder / unit
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{episode}-{hashlib.sha256(payload).hexdigest()[:12]}.jpg"
    replace(path, payload, 0o600)
    return path
