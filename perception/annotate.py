"""Boxes, classes and track numbers drawn on a copy of a picture, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES, Detections, Track

# BGR, one per class, told apart by people with the common colour deficiencies (Okabe and Ito).
COLOURS = {
    "person": (0, 158, 230),
    "bicycle": (233, 180, 86),
    "car": (115, 158, 0),
    "motorcycle": (66, 228, 240),
    "bus": (178, 114, 0),
    "truck": (0, 94, 213),
}
BLACK = (0, 0, 0)


def draw(image: NDArray[np.uint8], found: Detections | Sequence[Track]) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) uint8 BGR picture with every detection or track drawn in.

    A track that is only predicted (not seen in this picture) has a thin box.
    """
    canvas = image.copy()
    weight = max(1, round(min(image.shape[:2]) / 300))
    if isinstance(found, Detections):
        for box, score, index in zip(found.boxes, found.scores, found.classes, strict=True):
            label = PATROL_CLASSES[int(index)]
            _box(canvas, tuple(map(float, box)), label, f"{label} {score:.2f}", weight)
        return canvas
    for track in found:
        text = f"{track.label} #{track.track_id}"
        _box(canvas, track.box, track.label, text, weight if track.seen else 1)
    return canvas


def _box(
    canvas: NDArray[np.uint8],
    box: tuple[float, ...],
    label: str,
    text: str,
    weight: int,
) -> None:
    left, top, right, bottom = (round(side) for side in box)
    colour = COLOURS.get(label, BLACK)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, weight)
    scale = max(0.35, weight * 0.2)
    (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # The label stands above the box, or inside where there is no room above.
    foot = top if top - height - base >= 0 else min(top + height + base, canvas.shape[0])
    cv2.rectangle(canvas, (left, foot - height - base), (left + width, foot), colour, cv2.FILLED)
    cv2.putText(
        canvas,
        text,
        (left, foot - base + 1),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        BLACK,
        1,
        cv2.LINE_AA,
    )
