"""YOLOX: one output [1, n, 5 + classes] of raw offsets from the cells.

Conventions of github.com/Megvii-BaseDetection/YOLOX: `data_augment.preproc` (BGR 0..255, aspect
kept, top left, bars of 114), `demo_utils.demo_postprocess` (centre = (offset + cell) * stride,
side = e^value * stride; objectness and classes already sigmoid), best class only, NMS 0.65.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.detection.families.family import (
    MAX_EXPONENT,
    Candidates,
    Columns,
    Graph,
    centred,
    pick_best_class,
)
from perception.detection.families.grid import cell_count, cells
from perception.detection.preprocess import InputFormat

STRIDES = (8, 16, 32)


class YoloX:
    name = "yolox"
    nms_iou = 0.65
    input_format = InputFormat(
        fit="corner", pad=114, mean=(0.0, 0.0, 0.0), scale=(1.0, 1.0, 1.0), rgb=False
    )

    def __init__(self, graph: Graph) -> None:
        self._columns = Columns(graph, graph.shapes[0][2] - 5)
        self._cells, self._strides = cells(graph.width_px, graph.height_px, STRIDES)

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        table = outputs[0][0]
        rows, scores, classes = pick_best_class(table[:, 4], table[:, 5:], self._columns, score_min)
        raw, strides = table[rows, :4], self._strides[rows]
        middle = (raw[:, :2] + self._cells[rows]) * strides
        sides = np.exp(np.minimum(raw[:, 2:], MAX_EXPONENT)) * strides
        return Candidates(centred(np.concatenate([middle, sides], axis=1)), scores, classes)


def recognise(graph: Graph) -> YoloX | None:
    """One output with a row per cell of strides 8, 16 and 32, and at least one class."""
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] < 6:
        return None
    if shapes[0][1] != cell_count(graph.width_px, graph.height_px, STRIDES):
        return None
    return YoloX(graph)
