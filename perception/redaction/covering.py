"""Pixels made unrecognisable for good: what is left of a region are a few coarse colours.

A mosaic that keeps 6 x 7 cells of a face can still be told from others by a trained network
(McPherson, Shokri, Shmatikov: Defeating Image Obfuscation with Deep Learning, 2016). So at most
three cells are kept along the short side of a region, in 16 levels of each colour: for a face
9 x 3 x 4 bits, whatever its size. The rest is interpolated, so that nobody takes it for a picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.errors import ImageError
from perception.redaction.regions import Boxes

CELLS = 3  # along the short side of a region
MOST_CELLS = 8  # along the long one
LEVELS_KEPT = 0xF0  # of 8 bits per channel
MIDDLE_OF_LEVEL = 8


def cover(image: NDArray[np.uint8], regions: Boxes) -> NDArray[np.uint8]:
    """A copy of the (H, W, 3) uint8 picture with every region (x1 y1 x2 y2, pixels) covered.

    Regions may overlap, and reach out of the picture. The picture itself is not touched. Raises
    ImageError for what is no picture, or a region that is no number.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(f"a picture of shape {image.shape}, {image.dtype}, cannot be redacted")
    if not np.isfinite(regions).all():
        raise ImageError("a region to be covered has a side that is no number")
    covered = image.copy()
    height, width = image.shape[:2]
    limits = np.array([width, height, width, height], np.float64)
    inside = np.clip(regions.astype(np.float64), 0, limits)
    low, high = np.floor(inside[:, :2]).astype(int), np.ceil(inside[:, 2:]).astype(int)
    for (left, top), (right, bottom) in zip(low, high, strict=True):
        if right > left and bottom > top:
            _coarsen(covered[top:bottom, left:right])
    return covered


def _coarsen(patch: NDArray[np.uint8]) -> None:
    """In place: nothing of the patch is left but the means of its cells."""
    height, width = patch.shape[:2]
    cell_px = min(height, width) / CELLS
    columns = max(1, min(MOST_CELLS, width, round(width / cell_px)))
    rows = max(1, min(MOST_CELLS, height, round(height / cell_px)))
    means = cv2.resize(patch, (columns, rows), interpolation=cv2.INTER_AREA)
    cells = (np.asarray(means, np.uint8) & LEVELS_KEPT) + MIDDLE_OF_LEVEL
    patch[:] = cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)
