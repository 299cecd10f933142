"""Of many boxes around one object, keep the best."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

BLOCK = 128  # candidates compared with each other at once; larger matrices leave the cache


def iou_matrix(first: Floats, second: Floats) -> Floats:
    """Intersection over union, (N, M), of (N, 4) and (M, 4) boxes x1 y1 x2 y2; 0 where empty."""
    x1, y1, x2, y2 = np.ascontiguousarray(first.T)[:, :, None]
    u1, v1, u2, v2 = np.ascontiguousarray(second.T)
    overlap = np.minimum(x2, u2)
    overlap -= np.maximum(x1, u1)
    np.maximum(overlap, 0, out=overlap)
    height = np.minimum(y2, v2)
    height -= np.maximum(y1, v1)
    np.maximum(height, 0, out=height)
    overlap *= height
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - overlap
    result: Floats = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return result


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int64],
    *,
    iou_max: float,
    keep_max: int,
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression within each class.

    `boxes` (N, 4), `scores` (N,), `classes` (N,). Returns the indices kept, best score first, at
    most `keep_max`. Boxes of different classes never suppress each other: each class is moved to
    its own part of the plane first.
    """
    order = np.argsort(-scores, kind="stable")
    span = float(np.abs(boxes).max()) * 2 + 1 if len(boxes) else 1.0
    apart = boxes[order].astype(np.float64) + classes[order, None] * span
    kept: list[int] = []
    for start in range(0, len(order), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(order)))
        if kept:
            taken = (iou_matrix(apart[block], apart[kept]) > iou_max).any(axis=1)
            block = block[~taken]
        kept += _best_of(block, apart[block], iou_max)
        if len(kept) >= keep_max:
            break
    return order[kept[:keep_max]]


def _best_of(indices: NDArray[np.intp], boxes: Floats, iou_max: float) -> list[int]:
    """Of boxes in order of score, those that no better one of them covers."""
    covers = iou_matrix(boxes, boxes) > iou_max
    gone = np.zeros(len(boxes), np.bool_)
    kept = []
    for row, index in enumerate(indices.tolist()):
        if not gone[row]:
            kept.append(index)
            gone |= covers[row]
    return kept
