"""Pictures that leave the unit, as types: of what, how large, how many, never unredacted."""

from typing import Literal

from pydantic import Field, field_validator

from config.language import tell
from config.section import Section


class MediaConfig(Section):
    """Snapshots to the hub: a redacted JPEG with an alert, or when the hub asks for one."""

    snapshots: Literal["off", "alerts", "all"] = Field(
        "alerts",
        description="of which events: alerts; all: new detections, too; off: none, and the hub "
        "cannot ask for one",
    )
    snapshot_max_kib: int = Field(64, ge=8, le=240, description="never larger than this")
    longest_px: int = Field(1280, ge=160, le=3840, description="the longer side, at most")
    quality: int = Field(75, ge=30, le=95, description="of JPEG; less where it would not fit")
    per_minute: int = Field(
        12, ge=1, le=120, description="pictures of events, at most; of detections half as many"
    )
    redact: bool = Field(
        True, description="faces, heads and plates are covered; cannot be turned off in a file"
    )
    face_model: str = Field(
        "face-yunet", min_length=1, description="a name in the catalogue, or an ONNX file"
    )
    link_kbit_s: int | None = Field(
        256, ge=8, le=1_000_000, description="what pictures may take of the link; none: all of it"
    )
    spool_max_mib: int = Field(64, ge=1, le=4096, description="pictures that wait on the disk")

    @field_validator("redact")
    @classmethod
    def _never_in_a_file(cls, redact: bool) -> bool:
        if not redact:
            raise ValueError(
                tell(
                    "a file cannot turn redaction off; remove the line (a commander may unlock a "
                    "camera for a while with the signed command media.unlock)"
                )
            )
        return redact
