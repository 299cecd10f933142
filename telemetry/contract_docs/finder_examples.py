"""Examples of what the optional searches tell: hits on plates, candidates, what was searched."""

from datetime import datetime, timedelta

from telemetry.contract.events import Box, FrameSize, Pose
from telemetry.contract.places import ErrorEllipse, GroundPlace
from telemetry.contract.plates import PlateEvent, Vehicle
from telemetry.contract.search import SearchEvent, SearchPlace, SearchProgressEvent

_EPISODE = "019cc1b0-33f0-7abc-8def-0123456789ab"
_SEARCH = "019cc1b0-2200-7000-8000-000000000077"
_PLACE = GroundPlace(
    lat_deg=54.1783011,
    lon_deg=12.0914402,
    error=ErrorEllipse(major_m=3.1, minor_m=1.4, bearing_deg=92.0),
)


def plate(phase: str, noon: datetime, pose: Pose) -> PlateEvent:
    """A hit, and how it ended: a human has looked."""
    ended = phase == "end"
    return PlateEvent.model_validate(
        {
            "phase": phase,
            "episode": _EPISODE,
            "list": "stolen-vehicles",
            "entry": "sv-0412",
            "legal_basis": "case 2026-1180",
            "review": "misread" if ended else "pending",
            "reviewed_by": "control room 2" if ended else None,
            "reason": "reviewed" if ended else None,
            "confidence": 0.91,
            "characters": (0.99, 0.99, 0.98, 0.99, 0.97, 0.99, 0.99),
            "reads": 3,
            "kind": "ordinary",
            "colour": "blue",
            "vehicle": Vehicle(label="car"),
            "camera": "front",
            "track": 52,
            "box": Box(x=0.31, y=0.42, width=0.22, height=0.24),
            "frame": FrameSize(width_px=1280, height_px=720),
            "seen": noon,
            "place": _PLACE,
            "pose": pose,
        }
    )


def candidate(phase: str, noon: datetime, pose: Pose) -> SearchEvent:
    return SearchEvent.model_validate(
        {
            "phase": phase,
            "episode": _EPISODE,
            "search": _SEARCH,
            "legal_basis": "missing child 2026-77",
            "score": 0.82,
            "score_error": 0.06,
            "looks": 14,
            "matched": ("upper", "lower"),
            "unknown": ("height",),
            "label": "person",
            "camera": "front",
            "track": 61,
            "box": Box(x=0.52, y=0.31, width=0.04, height=0.17),
            "frame": FrameSize(width_px=1280, height_px=720),
            "last_seen": noon + timedelta(seconds=3),
            "place": _PLACE,
            "inside": 0.98,
            "pose": pose,
            "reason": "left" if phase == "end" else None,
        }
    )


def progress() -> SearchProgressEvent:
    corners = ((54.178, 12.091), (54.178, 12.0941), (54.1795, 12.0938), (54.1795, 12.091))
    ring = tuple(SearchPlace(lat_deg=lat, lon_deg=lon) for lat, lon in corners)
    return SearchProgressEvent(
        phase="update", search=_SEARCH, searched=0.24, looks=1840, candidates=1, rings=(ring,)
    )
