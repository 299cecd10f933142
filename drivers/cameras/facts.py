"""What a camera says of itself when it is opened, beyond its pictures."""

from dataclasses import dataclass
from typing import Protocol

from drivers.base import Driver
from drivers.samples import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFacts:
    """Of one open camera; what it does not tell is None."""

    decoder: str  # who makes pictures of what it sends: "software, h264", "vaapi, hevc", ...
    hardware: bool = False  # a part of the computer made for it, not the processor
    why_software: str = ""  # where hardware was asked for and is not used
    size_px: tuple[int, int] | None = None  # width and height as it announces them
    fps: float | None = None  # pictures a second: as asked of it, or as it announces


class CameraDriver(Driver[Frame], Protocol):
    """An open camera. Used by one thread, like every driver."""

    def facts(self) -> CameraFacts:
        """What is known since it was opened."""
