"""Which detection belongs to which track: how alike boxes are, and the best assignment."""

import lap
import numpy as np
from numpy.typing import NDArray

from perception.motion import Floats

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def buffered_iou(tracks: Floats, detections: Floats, buffer: Floats) -> Floats:
    """(N, M) intersection over union after growing both boxes by a share of their size.

    tracks (N, 4), detections (M, 4) x1 y1 x2 y2; buffer (N,), 0 gives the plain IoU. Growing lets
    boxes meet that a low frame rate or a poor prediction drew apart (Yang et al. 2023, C-BIoU).
    """
    grow = buffer[:, None]
    one = _grown(tracks[:, None, :], grow)
    other = _grown(detections[None, :, :], grow)
    top_left = np.maximum(one[..., :2], other[..., :2])
    bottom_right = np.minimum(one[..., 2:], other[..., 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=-1)
    union = _area(one) + _area(other) - shared
    iou: Floats = shared / np.maximum(union, 1e-9)
    return iou


def _grown(boxes: Floats, share: Floats) -> Floats:
    margin = (boxes[..., 2:] - boxes[..., :2]) * share[..., None]
    grown: Floats = np.concatenate([boxes[..., :2] - margin, boxes[..., 2:] + margin], axis=-1)
    return grown


def _area(boxes: Floats) -> Floats:
    area: Floats = np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    return area


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
