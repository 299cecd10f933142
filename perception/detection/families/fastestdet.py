"""FastestDet: one output [1, 5 + classes, rows, columns], one scale of 16 pixels.

Conventions of github.com/dog-qiuqiu/FastestDet: `example/onnx-runtime/runtime.py` and
`utils/tool.py` (BGR / 255, stretched to the input by area; channel 0 objectness and 5.. class
scores, both already probabilities; centre = tanh + cell, sides = sigmoid, all relative; NMS 0.45).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.detection.families.family import (
    Candidates,
    Columns,
    Graph,
    centred,
    pick_best_class,
    sigmoid,
)
from perception.detection.families.grid import cells
from perception.detection.preprocess import InputFormat

STRIDE = 16


class FastestDet:
    name = "fastestdet"
    nms_iou = 0.45
    input_format = InputFormat(
        fit="squash",
        pad=0,
        mean=(0.0, 0.0, 0.0),
        scale=(1 / 255, 1 / 255, 1 / 255),
        rgb=False,
        area=True,
    )

    def __init__(self, graph: Graph) -> None:
        self._columns = Columns(graph, graph.shapes[0][1] - 5)
        self._cells, _ = cells(graph.width_px, graph.height_px, (STRIDE,))
        self._size = np.array([graph.width_px, graph.height_px], np.float32)

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        planes = outputs[0][0]
        table = planes.reshape(planes.shape[0], -1).T
        rows, scores, classes = pick_best_class(table[:, 0], table[:, 5:], self._columns, score_min)
        middle = (np.tanh(table[rows, 1:3]) + self._cells[rows]) * STRIDE
        sides = sigmoid(table[rows, 3:5]) * self._size
        return Candidates(centred(np.concatenate([middle, sides], axis=1)), scores, classes)


def recognise(graph: Graph) -> FastestDet | None:
    """One output with a plane per value, a sixteenth of the input's size."""
    grid = (graph.height_px // STRIDE, graph.width_px // STRIDE)
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][2:] != grid or shapes[0][1] < 6:
        return None
    return FastestDet(graph)
