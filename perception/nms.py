"""Of many boxes around one object, keep the best."""

import numpy as np
from numpy.typing import NDArray


def iou(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one (4,) box with (N, 4) others; x1 y1 x2 y2; 0 where empty."""
    top_left = np.maximum(box[:2], others[:, :2])
    sides = np.minimum(box[2:], others[:, 2:])
    sides -= top_left
    np.maximum(sides, 0, out=sides)
    overlap = sides[:, 0] * sides[:, 1]
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    union = (box[2] - box[0]) * (box[3] - box[1]) + areas - overlap
    result: NDArray[np.float32] = np.divide(
        overlap, union, out=np.zeros_like(overlap), where=union > 0
    )
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
    alive = np.arange(len(order))
    while len(alive) and len(kept) < keep_max:
        best, alive = alive[0], alive[1:]
        kept.append(int(best))
        alive = alive[iou(apart[best], apart[alive]) <= iou_max]
    return order[kept]
