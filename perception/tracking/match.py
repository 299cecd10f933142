"""Which detection belongs to which track: how alike boxes are, and the best assignment."""

import lap
import numpy as np
from numpy.typing import NDArray

from perception.tracking.motion import Floats

HEIGHT_SIGMA = 0.4  # 1 sigma of the logarithm of the height of one object, prediction to detection

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def buffered_iou(tracks: Floats, detections: Floats, buffer: Floats) -> Floats:
    """(N, M) intersection over union after growing both boxes by a share of their size.

    tracks (N, 4), detections (M, 4) x1 y1 x2 y2; buffer (N,), 0 gives the plain IoU. Growing lets
    boxes meet that a low frame rate or a poor prediction drew apart (Yang et al. 2023, C-BIoU).
    """
    grow = buffer[:, None]
    left, top, right, bottom = (_sides(tracks, side, grow, axis=0) for side in range(4))
    left_2, top_2, right_2, bottom_2 = (_sides(detections, side, grow, axis=1) for side in range(4))
    width = np.minimum(right, right_2) - np.maximum(left, left_2)
    height = np.minimum(bottom, bottom_2) - np.maximum(top, top_2)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    both = (right - left) * (bottom - top) + (right_2 - left_2) * (bottom_2 - top_2)
    iou: Floats = shared / np.maximum(both - shared, 1e-9)
    return iou


def _sides(boxes: Floats, side: int, grow: Floats, *, axis: int) -> Floats:
    """One of x1 y1 x2 y2 of the grown boxes, as rows (axis 0) or columns (axis 1) of (N, M)."""
    first, last = boxes[:, side % 2], boxes[:, side % 2 + 2]
    line = slice(None), None
    along = line if axis == 0 else line[::-1]
    outward = 1 if side >= 2 else -1
    sides: Floats = boxes[:, side][along] + outward * grow * (last - first)[along]
    return sides


def height_agreement(tracks: Floats, detections: Floats) -> Floats:
    """(N, M) 1 for boxes of the same height, falling to 0: people who pass each other differ.

    tracks (N, 4), detections (M, 4) x1 y1 x2 y2, with an area.
    """
    one, other = (np.log(boxes[:, 3] - boxes[:, 1]) for boxes in (tracks, detections))
    agreement: Floats = np.exp(-0.5 * ((one[:, None] - other[None, :]) / HEIGHT_SIGMA) ** 2)
    return agreement


def assign(likeness: Floats, least: float) -> Pairs:
    """The pairs (rows, columns) with the largest sum of likeness, each at least `least`.

    likeness (N, M), finite. Solved exactly (Jonker-Volgenant), the same for the same input.
    """
    if not likeness.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    worst = 1.0 - least
    columns = lap.lapjv(1.0 - likeness, extend_cost=True, cost_limit=worst, return_cost=False)[0]
    rows = np.flatnonzero(columns >= 0)
    columns = columns[rows].astype(np.int64)
    good = likeness[rows, columns] >= least
    return rows[good], columns[good]


class Matching:
    """Pairs found so far in one frame, round by round: what is taken is not offered again."""

    def __init__(self, tracks: int, detections: int) -> None:
        self.free_rows = np.ones(tracks, np.bool_)
        self.free_columns = np.ones(detections, np.bool_)
        self._rows: list[NDArray[np.int64]] = []
        self._columns: list[NDArray[np.int64]] = []

    def add(
        self,
        likeness: Floats,
        tracks: NDArray[np.bool_],
        detections: NDArray[np.bool_],
        least: float,
    ) -> None:
        """One round over the free ones among `tracks` (N,) and `detections` (M,)."""
        rows = np.flatnonzero(self.free_rows & tracks)
        columns = np.flatnonzero(self.free_columns & detections)
        chosen_rows, chosen_columns = assign(likeness[np.ix_(rows, columns)], least)
        self._rows.append(rows[chosen_rows])
        self._columns.append(columns[chosen_columns])
        self.free_rows[self._rows[-1]] = False
        self.free_columns[self._columns[-1]] = False

    def pairs(self) -> Pairs:
        """All pairs (rows, columns), in the order of the rounds."""
        return np.concatenate(self._rows), np.concatenate(self._columns)
