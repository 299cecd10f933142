"""Which pixels of a box tell the colour of clothing, or of a vehicle.

A standing body's shoulders are at 0.818 of its height, its hips at 0.530, its knees at 0.285 and
its ankles at 0.039 (Drillis and Contini, Body Segment Parameters, 1966). The middle of the box's
width is taken: beside it is background.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.search.colours import named

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]

UPPER = (1 - 0.80, 1 - 0.56)  # share of the box from its top: below the shoulders, above the hips
LOWER = (1 - 0.47, 1 - 0.12)  # below the hips, above the shoes
VEHICLE = (0.35, 0.78)  # below the windows, above the wheels
ACROSS = {"upper": (0.30, 0.70), "lower": (0.32, 0.68), "colour": (0.12, 0.88)}
DOWN = {"upper": UPPER, "lower": LOWER, "colour": VEHICLE}
SAMPLES = (24, 16)  # columns and rows of a region that are looked at
LEAST_PX = 3  # of a region: smaller ones tell nothing
UPRIGHT = 1.4  # height over width from which a person stands; else nothing is known of parts
EDGE_PX = 2  # a box this near to the picture's border is cut off there


def parts_seen(label: str, box: Box, size: tuple[int, int]) -> tuple[str, ...]:
    """The parts whose place in the box is known: `upper`, `lower`, or `colour` of a vehicle.

    `size`: width and height of the picture, px.
    """
    x1, y1, x2, y2 = box
    if label != "person":
        return ("colour",)
    if y1 < EDGE_PX or (y2 - y1) < UPRIGHT * (x2 - x1):
        return ()
    return ("upper",) if y2 > size[1] - EDGE_PX else ("upper", "lower")


def part_colours(picture: Image, box: Box, part: str, light: Floats) -> Floats | None:
    """(11,) shares of the colours' names in a part; None where it is too small or outside."""
    region = _region(picture, box, part)
    if region is None:
        return None
    small = cv2.resize(region, SAMPLES, interpolation=cv2.INTER_AREA)
    shares = named(np.asarray(small.reshape(-1, 3), np.uint8), light).mean(axis=0)
    return np.asarray(shares, np.float32)


def _region(picture: Image, box: Box, part: str) -> Image | None:
    x1, y1, x2, y2 = box
    height, width = picture.shape[:2]
    (left, right), (top, bottom) = ACROSS[part], DOWN[part]
    wide, tall = x2 - x1, y2 - y1
    if not np.isfinite([x1, y1, wide, tall]).all():
        return None
    a, b = (int(np.clip(x1 + share * wide, 0, width)) for share in (left, right))
    c, d = (int(np.clip(y1 + share * tall, 0, height)) for share in (top, bottom))
    if b - a < LEAST_PX or d - c < LEAST_PX:
        return None
    return picture[c:d, a:b]
