"""What bears on how often and how closely pictures are looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.devices import CameraSource
from edge.seeing.chain import Projection
from edge.seeing.easing import Easing
from perception.detection.detector import Detector


def unknown() -> bool:
    """Whether the unit is parked, where nobody knows: then it may be driving."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """As a unit knows them; without, nothing is known."""

    sources: Mapping[str, CameraSource] = field(
        default_factory=dict
    )  # what the unit's file says of them
    parked: Callable[[], bool] = unknown  # whether the unit is known to stand
    projection: Projection | None = None  # how poses say that a camera is turned
    easing: Easing | None = None  # how hard to work; None: as hard as asked
    open_smaller: Callable[[Detector], Detector] | None = None  # for smaller pictures


NOTHING_KNOWN = Circumstances()
