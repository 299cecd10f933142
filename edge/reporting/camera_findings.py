"""What is wrong with cameras that are open and give pictures, as findings."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from config.devices import CameraConfig, FileCameraConfig, V4l2CameraConfig
from config.language import tell
from drivers.cameras.facts import CameraFacts
from edge.reporting.finding import Finding, about
from perception.camera.soundness import Defect
from telemetry.contract.up_message import Severity
from telemetry.contract.wire_types import text

SLOW_SHARE = 0.5  # of the pictures that were asked for
FEW_FPS = 0.5  # below this nobody can be followed, whatever was asked for

OF_ANY = "a camera"  # until it is known which

OF_PICTURES: dict[Defect, Finding] = {
    Defect.DARK: Finding(
        code="camera_dark",
        severity="warning",
        component=OF_ANY,
        text=tell("its pictures are nearly black"),
        action=tell("take off the lens cap, clean the lens, give light, or let it expose longer"),
    ),
    Defect.BURNT_OUT: Finding(
        code="camera_burnt_out",
        severity="warning",
        component=OF_ANY,
        text=tell("half of its picture is burnt out"),
        action=tell("turn it out of the sun or lamp; switch its automatic exposure on"),
    ),
    Defect.COVERED: Finding(
        code="camera_covered",
        severity="warning",
        component=OF_ANY,
        text=tell("next to nothing is to be made out in its pictures"),
        action=tell("look whether something covers the lens; clean it"),
    ),
    Defect.FROZEN: Finding(
        code="camera_frozen",
        severity="error",
        component=OF_ANY,
        text=tell("pictures come, and are copies of one another"),
        action=tell("power-cycle the camera; if it goes through a recorder, that one"),
    ),
}

SLOW_CURES = {
    "v4l2": tell(
        "give it a USB port of its own, write pixel_format: mjpg, and give it light: "
        "in the dark it exposes longer than a picture may take; `patrol-edge camera "
        "list` shows its rates"
    ),
    "stream": tell(
        "raise the frame rate in the camera's own settings, or stalled_after_s; "
        "check its network and power"
    ),
    "file": tell("the computer is too slow to play it; take a smaller recording"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one camera at this moment."""

    fps: float | None = None  # that came, while it was open
    trickles: bool = False  # it is lost between its pictures, again and again
    fps_wanted: float | None = None
    size_px: tuple[int, int] | None = None
    facts: CameraFacts | None = None  # None while it is not open
    defects: Collection[Defect] = ()


def wanted_fps(config: CameraConfig, facts: CameraFacts | None) -> float | None:
    """What is due a second: as configured, else as the camera announces; None: nobody says."""
    announced = facts.fps if facts is not None else None
    match config:
        case V4l2CameraConfig():
            return config.fps
        case FileCameraConfig():
            return config.fps or announced
        case _:
            return announced


def camera_findings(name: str, config: CameraConfig, seen: Seen) -> list[Finding]:
    """None where it is well. One that gives no pictures at all has a fault of its own."""
    return [
        *(replace(OF_PICTURES[defect], component=name) for defect in seen.defects),
        *_on_rate(name, config, seen),
        *_on_size(name, config, seen),
        *_on_decoder(name, seen.facts),
    ]


def _on_rate(name: str, config: CameraConfig, seen: Seen) -> list[Finding]:
    finding = about(name)
    if not seen.fps:
        return []
    wanted = seen.fps_wanted
    too_few = seen.trickles or (seen.fps < FEW_FPS and (wanted is None or wanted > FEW_FPS))
    if not too_few and (wanted is None or seen.fps >= SLOW_SHARE * wanted):
        return []
    given = tell("{fps:.1f} pictures a second", fps=seen.fps)
    given = given if seen.fps >= 1 else tell("one picture in {every_s:.1f} s", every_s=1 / seen.fps)
    lost = (
        tell(
            ", and is lost after {stalled_after_s:g} s without one",
            stalled_after_s=config.stalled_after_s,
        )
        if seen.trickles
        else ""
    )
    due = "" if wanted is None else tell("; {wanted:g} a second are due", wanted=wanted)
    told = tell("it gives {given}{lost}{due}", given=given, lost=lost, due=due)
    severity: Severity = "error" if too_few else "warning"
    return [finding("camera_slow", severity, told, SLOW_CURES[config.kind])]


def _on_size(name: str, config: CameraConfig, seen: Seen) -> list[Finding]:
    finding = about(name)
    if not isinstance(config, V4l2CameraConfig) or seen.size_px is None:
        return []
    if seen.size_px == (config.width_px, config.height_px):
        return []
    width, height = seen.size_px
    told = tell(
        "asked for {width_px}x{height_px}, it gives {width}x{height}",
        width_px=config.width_px,
        height_px=config.height_px,
        width=width,
        height=height,
    )
    action = tell(
        "write width_px: {width} and height_px: {height}, or a size that "
        "`patrol-edge camera list` shows; a lens that was measured holds for one "
        "size only",
        width=width,
        height=height,
    )
    return [finding("camera_size", "warning", told, action)]


def _on_decoder(name: str, facts: CameraFacts | None) -> list[Finding]:
    finding = about(name)
    if facts is None or not facts.why_software:
        return []
    told = tell(
        "decode: hardware, and the processor does it: {why_software}",
        why_software=facts.why_software,
    )
    action = tell(
        "install what is missing, or write decode: auto; `patrol-edge camera bench` tells"
    )
    return [finding("camera_decoder", "warning", text(told), action)]
