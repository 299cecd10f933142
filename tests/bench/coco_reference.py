"""The shipped model run the way its authors document it: the yardstick for our own path.

Written from github.com/RangiLyu/nanodet (`data/transform/warp.py`, `model/head/gfl_head.py`,
`model/module/nms.py`), plainly and slowly, and sharing no code with `perception`: all 80 classes,
the 1000 best cells per level, score above 0.05, suppression per class at 0.6, the 100 best.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort

SIDE = 416
MEAN = np.array([103.53, 116.28, 123.675], np.float32)
DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
PATROL = {0: 1, 1: 2, 2: 3, 3: 4, 5: 6, 7: 8}  # column of the model -> COCO category id


def resize_matrix(width: int, height: int) -> np.ndarray:
    """(3, 3): the picture's middle to the input's middle, scaled to fit."""
    ratio = SIDE / height if width / height < 1 else SIDE / width
    from_middle = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    scale = np.diag([ratio, ratio, 1.0])
    to_middle = np.array([[1, 0, SIDE / 2], [0, 1, SIDE / 2], [0, 0, 1]])
    return to_middle @ scale @ from_middle


def distances(logits: np.ndarray) -> np.ndarray:
    """(n, 4 * bins) → (n, 4): the mean of each softmax distribution, in cells."""
    bins = logits.reshape(-1, 4, logits.shape[1] // 4).astype(np.float64)
    weights = np.exp(bins)
    weights /= weights.sum(axis=2, keepdims=True)
    return (weights * np.arange(bins.shape[2])).sum(axis=2)


def level(scores: np.ndarray, logits: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (k, 4) and scores (k, 80) of the 1000 best cells of one stride."""
    columns = SIDE // stride
    at = np.arange(len(scores))
    x, y = (at % columns + 0.5) * stride, (at // columns + 0.5) * stride
    best = np.argsort(-scores.max(axis=1), kind="stable")[:1000]
    left, top, right, bottom = (distances(logits[best]) * stride).T
    boxes = np.stack([x[best] - left, y[best] - top, x[best] + right, y[best] + bottom], axis=1)
    return boxes.clip(0, SIDE), scores[best]


def suppress(boxes: np.ndarray, scores: np.ndarray, iou_max: float) -> list[int]:
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[overlap(boxes[best], boxes[order]) <= iou_max]
    return kept


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with (n, 4) others."""
    width = (np.minimum(a[2], b[:, 2]) - np.maximum(a[0], b[:, 0])).clip(0)
    height = (np.minimum(a[3], b[:, 3]) - np.maximum(a[1], b[:, 1])).clip(0)
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return width * height / np.maximum(area - width * height, 1e-9)


class Reference:
    def __init__(self, model: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def detect(self, image: np.ndarray, image_id: int) -> list[dict[str, Any]]:
        """COCO results of one picture, of the six patrol classes."""
        height, width = image.shape[:2]
        matrix = resize_matrix(width, height)
        warped = cv2.warpPerspective(image, matrix, (SIDE, SIDE)).astype(np.float32)
        tensor = ((warped - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        names = [f"{kind}_{stride}" for stride in (8, 16, 32) for kind in ("cls", "reg")]
        outputs = self._session.run(names, {"images": np.ascontiguousarray(tensor)})
        levels = [
            level(outputs[2 * i][0], outputs[2 * i + 1][0], stride)
            for i, stride in enumerate((8, 16, 32))
        ]
        boxes = np.concatenate([boxes for boxes, _ in levels])
        scores = np.concatenate([scores for _, scores in levels])
        found: list[tuple[float, int, np.ndarray]] = []
        for column in range(80):
            over = np.nonzero(scores[:, column] > 0.05)[0]
            kept = over[suppress(boxes[over], scores[over, column], 0.6)]
            found += [(float(scores[row, column]), column, boxes[row]) for row in kept]
        found.sort(key=lambda item: -item[0])
        back = np.linalg.inv(matrix)
        return [
            as_result(image_id, score, PATROL[column], box, back, (width, height))
            for score, column, box in found[:100]
            if column in PATROL
        ]


def as_result(
    image_id: int,
    score: float,
    category_id: int,
    box: np.ndarray,
    back: np.ndarray,
    size: tuple[int, int],
) -> dict[str, Any]:
    corners = back @ np.array([[box[0], box[2]], [box[1], box[3]], [1, 1]])
    (x1, x2), (y1, y2) = corners[0].clip(0, size[0]), corners[1].clip(0, size[1])
    bbox = [float(value) for value in (x1, y1, x2 - x1, y2 - y1)]
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}
