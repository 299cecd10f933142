"""Where a face or a plate may be in what was detected: by geometry, without looking.

This is the fail-safe under the face model: a person's head is covered whether a face is seen in it
or not, and the part of a vehicle where plates are mounted is covered whether one is read or not.
"""

import numpy as np
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES, Detections

Boxes = NDArray[np.float32]  # (N, 4) float32, x1 y1 x2 y2, pixels

# A head is 1/7.5 of a standing body's height, shoulders are two heads wide (Drillis and Contini,
# Body Segment Parameters, 1966: 0.130 and 0.259 of the stature). A box may end at the knees or at
# the chest, its height then says nothing of the head, its width still does; and boxes are a few
# percent too small. So the region is the larger of the two, with a margin: measured in
# tests/bench/bench_redaction.py.
HEAD_OF_HEIGHT = 0.22
HEAD_OF_WIDTH = 0.75
ABOVE_OF_HEIGHT = 0.05
BESIDE_OF_WIDTH = 0.06
# Plates are mounted below the window line: bumpers of cars, boot lids and rear doors of vans.
PLATES_FROM = 0.40  # of a vehicle's height, from its top
PLATES_BESIDE = 0.03
# A plate of 0.44 m on a car of 1.8 m in a box of 40 px is 10 px wide: seven characters of 1.4 px.
LEGIBLE_FROM_PX = 40

# What might be a person is covered as one; a vehicle is large, so a little more is asked for.
PERSON_FROM, VEHICLE_FROM = 0.25, 0.35  # score

_PERSON = PATROL_CLASSES.index("person")
_VEHICLES = tuple(PATROL_CLASSES.index(name) for name in ("car", "motorcycle", "bus", "truck"))


def heads(persons: Boxes) -> Boxes:
    """The part of each person's box in which the head is, upright or not quite."""
    x1, y1, x2, y2 = persons.T
    width, height = x2 - x1, y2 - y1
    deep = np.minimum(height, np.maximum(HEAD_OF_HEIGHT * height, HEAD_OF_WIDTH * width))
    beside = BESIDE_OF_WIDTH * width
    return np.stack(
        [x1 - beside, y1 - ABOVE_OF_HEIGHT * height, x2 + beside, y1 + deep], axis=1
    ).astype(np.float32)


def plates(vehicles: Boxes) -> Boxes:
    """The part of each vehicle's box where plates are; none of one too small to be read."""
    large = vehicles[(vehicles[:, 2:] - vehicles[:, :2]).max(axis=1, initial=0) >= LEGIBLE_FROM_PX]
    x1, y1, x2, y2 = large.T
    beside = PLATES_BESIDE * (x2 - x1)
    return np.stack(
        [x1 - beside, y1 + PLATES_FROM * (y2 - y1), x2 + beside, y2 + beside], axis=1
    ).astype(np.float32)


def of_detections(found: Detections) -> Boxes:
    """Heads and plates of all that was detected, (N, 4), pixels; may reach out of the picture."""
    persons = (found.classes == _PERSON) & (found.scores >= PERSON_FROM)
    vehicles = np.isin(found.classes, _VEHICLES) & (found.scores >= VEHICLE_FROM)
    return np.concatenate([heads(found.boxes[persons]), plates(found.boxes[vehicles])])


def around(part: tuple[float, float, float, float], width_px: int, height_px: int) -> Boxes:
    """All but this part of a picture (left, top, right, bottom in shares, 0 to 1): (4, 4), pixels.

    Where nothing is detected, nothing is known of who is there.
    """
    left, top, right, bottom = (
        side * length for side, length in zip(part, (width_px, height_px) * 2, strict=True)
    )
    return np.array(
        [
            (0, 0, left, height_px),
            (right, 0, width_px, height_px),
            (left, 0, right, top),
            (left, bottom, right, height_px),
        ],
        np.float32,
    )


def widened(boxes: Boxes, by: float) -> Boxes:
    """Each box larger by this share of its sides, on every side."""
    margin = (boxes[:, 2:] - boxes[:, :2]) * np.float32(by)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
