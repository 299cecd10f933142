"""Who decodes a stream: hardware where it is wanted and there, else the processor; and why not."""

from dataclasses import replace
from typing import Literal, Protocol

from config.devices import StreamCameraConfig
from drivers.cameras.av_capture import Accelerators, AvCapture, accelerators
from drivers.cameras.capture import Capture, Picture
from drivers.cameras.facts import CameraFacts


class Source(Protocol):
    """An open stream, whoever decodes it."""

    @property
    def damaged(self) -> int: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> Picture | None: ...
    def position_s(self) -> float | None: ...
    def size_px(self) -> tuple[int, int]: ...
    def facts(self) -> CameraFacts: ...
    def close(self) -> None: ...


def open_source(
    url: str, config: StreamCameraConfig, read_timeout_s: float
) -> tuple[Source | None, str]:
    """The open stream, None if it cannot be opened; and why hardware, though asked for, is not
    used ("" where it is, or nobody asked).

    `auto` takes PyAV only where it has hardware to offer: OpenCV's reader is the one that is used
    everywhere else, and one way is better known than two.
    """
    if config.decode == "software":
        return _by_opencv(url, config, read_timeout_s, hardware=False), ""
    found: Accelerators = accelerators()
    if found.usable:
        source = AvCapture.open(
            url,
            found.usable[0],
            open_timeout_s=config.open_timeout_s,
            read_timeout_s=read_timeout_s,
            transport=config.transport,
        )
        if source is not None:
            return source, ""
    return _by_opencv(url, config, read_timeout_s, hardware=True), found.why_none


def _by_opencv(
    url: str, config: StreamCameraConfig, read_timeout_s: float, *, hardware: bool
) -> Capture | None:
    return Capture.open_ffmpeg(
        url,
        open_timeout_s=config.open_timeout_s,
        read_timeout_s=read_timeout_s,
        transport=config.transport,
        hardware=hardware,
    )


def explained(
    facts: CameraFacts, wanted: Literal["auto", "software", "hardware"], why: str
) -> CameraFacts:
    """The same facts, with why the processor decodes although hardware was asked for."""
    if wanted != "hardware" or facts.hardware:
        return facts
    codec = facts.decoder.rpartition(", ")[2]
    return replace(facts, why_software=why or f"no hardware here decodes {codec}")
