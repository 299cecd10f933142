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
    pairs = meeting(tracks, detections, buffer)
    iou = np.zeros((len(tracks), len(detections)))
    iou[pairs] = _iou_of(pairs, tracks, detections, buffer)
    return iou


def likeness(tracks: Floats, detections: Floats, buffer: Floats) -> Floats:
    """(N, M) buffered IoU, less where the heights differ: people who pass each other stand at
    different depths. Arguments as in `buffered_iou`; boxes have an area."""
    rows, columns = pairs = meeting(tracks, detections, buffer)
    tall, other = (np.log(boxes[:, 3] - boxes[:, 1]) for boxes in (tracks, detections))
    agreement = np.exp(-0.5 * ((tall[rows] - other[columns]) / HEIGHT_SIGMA) ** 2)
    alike = np.zeros((len(tracks), len(detections)))
    alike[pairs] = _iou_of(pairs, tracks, detections, buffer) * agreement
    return alike


def meeting(tracks: Floats, detections: Floats, buffer: Floats) -> Pairs:
    """The pairs (rows, columns) whose boxes, grown by the largest buffer, overlap: of a crowd
    these are few, and only they are worth arithmetic."""
    most = float(buffer.max(initial=0.0))
    x1, y1, x2, y2 = _grown(tracks, most).T[:, :, None]
    left, top, right, bottom = _grown(detections, most).T[:, None, :]
    meet = x1 < right
    meet &= x2 > left
    meet &= y1 < bottom
    meet &= y2 > top
    rows, columns = np.nonzero(meet)
    return rows, columns


def _iou_of(pairs: Pairs, tracks: Floats, detections: Floats, buffer: Floats) -> Floats:
    """(P,)"""
    rows, columns = pairs
    grow = buffer[rows][:, None]
    one, other = _grown(tracks[rows], grow), _grown(detections[columns], grow)
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    both = (one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1)
    iou: Floats = shared / np.maximum(both - shared, 1e-9)
    return iou


def _grown(boxes: Floats, share: Floats | float) -> Floats:
    """(N, 4) boxes with a share of their size added on each side."""
    more = share * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)


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
