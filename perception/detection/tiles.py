"""A picture in parts: small objects are seen larger, and one that two parts share is still one.

The way of slicing, and of taking the whole picture along for what is larger than a part, is that of
SAHI (Akyon et al. 2022, "Slicing Aided Hyper Inference", sec. 3). Where it compares boxes by their
scores alone, here one that a border cut off gives way to one that is whole.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perception.detection.nms import iou_matrix
from perception.detection.preprocess import Placement, Window
from perception.detections import Detections

AUTO_SCALE = 0.5  # `auto`: a part is shrunk at most to this, if that can be had with
AUTO_MOST = 6  # parts
CUT_PX = 3.0  # a box this near to a border between parts was cut off by it
COVERED = 0.6  # so much of a cut box inside another one: it is the same object
SAME_ACROSS = 0.6  # two halves agree so much along the border (intersection over union)


class Grid(NamedTuple):
    columns: int
    rows: int


def grid_of(
    tiles: str, size: tuple[int, int], input_px: tuple[int, int], overlap: float
) -> Grid | None:
    """How to part a picture of `size` (width, height) for a model that takes `input_px`.

    `full`: not at all. `3x2`: so. `auto`: into as few as show it at AUTO_SCALE or larger, and into
    AUTO_MOST at most.
    """
    if tiles == "full":
        return None
    if tiles != "auto":
        columns, _, rows = tiles.partition("x")
        return Grid(int(columns), int(rows))

    def scale(grid: Grid) -> float:
        sides = (
            _tile_side(length, count, overlap) for length, count in zip(size, grid, strict=True)
        )
        return min(side_px / side for side_px, side in zip(input_px, sides, strict=True))

    if scale(Grid(1, 1)) >= AUTO_SCALE:
        return None
    grids = [
        Grid(columns, rows)
        for columns in range(1, AUTO_MOST + 1)
        for rows in range(1, AUTO_MOST // columns + 1)
    ]
    enough = [grid for grid in grids if scale(grid) >= AUTO_SCALE]
    return min(enough, key=math.prod) if enough else max(grids, key=scale)


def windows_at_most(tiles: str) -> int:
    """Into how many windows `tiles` may part a picture, the whole of it among them."""
    if tiles == "full":
        return 1
    if tiles == "auto":
        return 1 + AUTO_MOST
    columns, _, rows = tiles.partition("x")
    return 1 + int(columns) * int(rows)


def windows_of(grid: Grid | None, size: tuple[int, int], overlap: float) -> tuple[Window, ...]:
    """The whole picture of `size` (width, height), then the parts of the grid, row by row.

    Neighbours share `overlap` (0 to 0.5) of their side. Empty where there is nothing but the whole.
    """
    if grid is None or math.prod(grid) <= 1 or min(size) < max(grid):
        return ()
    columns = _spans(size[0], grid.columns, overlap)
    rows = _spans(size[1], grid.rows, overlap)
    parts = ((left, top, right, bottom) for top, bottom in rows for left, right in columns)
    return ((0, 0, *size), *parts)


def _tile_side(length: float, count: int, overlap: float) -> float:
    return length / (count - (count - 1) * overlap)


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    side = math.ceil(_tile_side(length, count, overlap))
    if count == 1:
        return [(0, length)]
    starts = [round(number * (length - side) / (count - 1)) for number in range(count)]
    return [(start, min(length, start + side)) for start in starts]


def merge(
    found: Sequence[Detections], placements: Sequence[Placement], iou_max: float, keep_max: int
) -> Detections:
    """What the windows of one picture show together, best first; boxes in its pixels.

    The first window is the whole picture, as `windows_of` has it.
    """
    boxes = np.concatenate([one.boxes for one in found])
    scores = np.concatenate([one.scores for one in found])
    classes = np.concatenate([one.classes for one in found])
    whole = placements[0]
    cut = np.concatenate(
        [_cut(one.boxes, placed, whole) for one, placed in zip(found, placements, strict=True)]
    )
    kept: list[int] = []
    for index in np.lexsort((-scores, cut.any(axis=1))).tolist():  # whole ones first, then by score
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not _known(index, rivals, boxes, cut, iou_max):
            kept.append(index)
    kept = sorted(kept, key=lambda index: -scores[index])[:keep_max]
    return Detections(boxes[kept], scores[kept], classes[kept])


def _cut(boxes: NDArray[np.float32], placed: Placement, whole: Placement) -> NDArray[np.bool_]:
    """(N, 2): whether a border between parts cuts the box off left or right, above or below."""
    left, top = placed.left_px, placed.top_px
    right, bottom = left + placed.width_px, top + placed.height_px
    x1, y1, x2, y2 = boxes.T
    across = (left > 0) & (x1 <= left + CUT_PX) | (right < whole.width_px) & (x2 >= right - CUT_PX)
    along = (top > 0) & (y1 <= top + CUT_PX) | (bottom < whole.height_px) & (y2 >= bottom - CUT_PX)
    return np.stack([across, along], axis=1)


def _known(
    index: int,
    rivals: list[int],
    boxes: NDArray[np.float32],
    cut: NDArray[np.bool_],
    iou_max: float,
) -> bool:
    """Whether one of the rivals is the same object; the halves of one become one box there."""
    if not rivals:
        return False
    box, others = boxes[index], boxes[rivals]
    if (iou_matrix(box[None], others) > iou_max).any():
        return True
    if not cut[index].any():
        return False
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    overlap = np.maximum(shared, 0).prod(axis=1)
    if (overlap > COVERED * (box[2:] - box[:2]).prod()).any():
        return True
    union = np.maximum(box[2:], others[:, 2:]) - np.minimum(box[:2], others[:, :2])
    agrees = shared > SAME_ACROSS * union  # (M, 2), by axis
    for row, rival in enumerate(rivals):
        halves = cut[index] & cut[rival] & agrees[row, ::-1]  # cut across, agreeing along
        if overlap[row] > 0 and halves.any():
            boxes[rival, :2] = np.minimum(box[:2], others[row, :2])
            boxes[rival, 2:] = np.maximum(box[2:], others[row, 2:])
            return True
    return False
