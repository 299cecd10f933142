"""What one look at a picture gave, and those who want to know."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from drivers.samples import Frame
from perception.detections import Detections, Track
from perception.place.placed import Scene

Ending = Literal["camera_lost", "shutdown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One picture and all that the chain made of it."""

    frame: Frame
    found: Detections
    tracks: tuple[Track, ...]  # confirmed ones, oldest first, in pixels
    scene: Scene  # the same tracks on the ground, where that can be said
    detected: Detections | None = None  # where `found` is a part of it, under load: all of it


class Observer(Protocol):
    """Somebody who draws conclusions from looks: rules, episodes, a search, a recorder.

    Called by the perception thread, camera after camera, in the order of the looks. What takes
    longer than a few milliseconds belongs into a worker of the observer's own.
    """

    def see(self, look: Look) -> None:
        """Take note of one look."""

    def end(self, camera: str, reason: Ending, mono_s: float) -> None:
        """Nothing comes from this camera any more: end what is open. May come for a camera that
        was never seen."""


@runtime_checkable
class Glancer(Protocol):
    """An observer that watches the pictures themselves: also those of a parked unit in which
    nothing moves, and which the model is not asked about. Five a second at most."""

    def glance(self, frame: Frame, scene: Scene) -> None:
        """Take note of a picture; the scene has no tracks. Within a millisecond, please."""
