"""What is seen in a picture, and how it is followed through pictures."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

# The classes a patrol unit looks for, and their category ids in COCO (instances_*.json).
PATROL_CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
COCO_IDS = {"person": 1, "bicycle": 2, "car": 3, "motorcycle": 4, "bus": 6, "truck": 8}


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes found in one picture, best score first."""

    boxes: NDArray[np.float32]  # (N, 4) float32, x1 y1 x2 y2, pixels of the original picture
    scores: NDArray[np.float32]  # (N,) float32, 0..1
    classes: NDArray[np.int64]  # (N,) int64, index into PATROL_CLASSES

    @classmethod
    def none(cls) -> Self:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.scores)

    def of_class(self, label: str) -> "Detections":
        """Those of one of PATROL_CLASSES only."""
        kept = self.classes == PATROL_CLASSES.index(label)
        return Detections(self.boxes[kept], self.scores[kept], self.classes[kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One object as it is followed, at the stamp of the newest frame."""

    track_id: int  # unique per unit and boot
    label: str  # one of PATROL_CLASSES
    score: float  # of the newest detection, 0..1
    box: tuple[float, float, float, float]  # x1 y1 x2 y2, pixels
    mono_s: float  # stamp of the frame
    seen: bool  # True: detected in this frame; False: predicted over a gap
    age_s: float = field(default=0.0)  # since the track was first seen
    quality: float = field(default=1.0)  # 0..1: how sure it is that this is one real object
