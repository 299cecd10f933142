"""What a hub may ask of recordings, pictures and live video: the arguments of those commands."""

from pydantic import Field

from telemetry.contract.places import Place
from telemetry.contract.wire_types import Distance, Message, Short, Text, UtcTime


class RecordStart(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")
    max_s: float | None = Field(None, gt=0, le=86_400)
    reason: Text = ""


class RecordStop(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")


class RecordMark(Message):
    text: Text = ""


class RecordProtect(Message):
    """Keep what was recorded in this time from being overwritten."""

    begin: UtcTime
    end: UtcTime
    reason: Text = Field(min_length=1)


class TakeSnapshot(Message):
    """A picture of now: it comes on snapshot/{id of this command}, redacted unless unlocked."""

    camera: Short
    reason: Text = Field("", description="goes into the journal")


class MediaUnlock(Message):
    """For a while, snapshots that are asked for by command leave these cameras unredacted."""

    cameras: tuple[Short, ...] = Field(min_length=1, max_length=16)
    reason: Text = Field(min_length=1, description="goes into the journal")
    for_s: float = Field(600.0, gt=0, le=3600, description="then it ends by itself")


class MediaLock(Message):
    cameras: tuple[Short, ...] = Field((), max_length=16, description="none: all")
    reason: Text = ""


class StreamStart(Message):
    camera: Short
    max_kbit_s: int | None = Field(None, ge=16, le=50_000)
    max_s: float = Field(600.0, gt=0, le=14_400)


class StreamStop(Message):
    camera: Short


class ClipQuery(Message):
    begin: UtcTime
    end: UtcTime
    near: Place | None = None
    within_m: Distance | None = None
    reason: Text = Field(min_length=1, description="goes into the access log")


class ClipUpload(Message):
    clip: Short
    reason: Text = Field(min_length=1, description="goes into the access log")
