"""From a picture and what was detected in it to one that may leave the unit."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.detections import Detections
from perception.errors import ImageError
from perception.redaction.covering import cover
from perception.redaction.faces import FaceFinder
from perception.redaction.regions import Boxes, of_detections, widened

NOTHING: Boxes = np.zeros((0, 4), np.float32)
FACE_MARGIN = 0.3  # of a face's box: the model's ends at brows and chin, a head does not


@dataclass(frozen=True, slots=True)
class Redactor:
    """Faces by the model, where there is one; heads and plates by geometry, always."""

    faces: FaceFinder | None

    def regions(self, image: NDArray[np.uint8], found: Detections) -> Boxes:
        """What is to be covered: (N, 4) x1 y1 x2 y2, pixels. `found`: all that was detected, down
        to weak detections. Raises ImageError, ModelError."""
        by_geometry = of_detections(found)
        if self.faces is None:
            return by_geometry
        return np.concatenate([widened(self.faces.find(image), FACE_MARGIN), by_geometry])

    def redact(self, image: NDArray[np.uint8], found: Detections) -> NDArray[np.uint8]:
        """A copy with all of that covered. Raises ImageError, ModelError: then there is none."""
        return self.covered(image, found, NOTHING)

    def covered(
        self, image: NDArray[np.uint8], found: Detections, besides: Boxes
    ) -> NDArray[np.uint8]:
        """The same, and these regions, too. Whatever the libraries cannot do, the picture stays."""
        try:
            return cover(image, np.concatenate([self.regions(image, found), besides]))
        except (cv2.error, MemoryError) as error:
            raise ImageError(f"it cannot be redacted: {type(error).__name__}") from error
