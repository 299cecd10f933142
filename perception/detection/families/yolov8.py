"""YOLOv8-style heads (v8, v9, v11, v12): one output [1, 4 + classes, n], no objectness.

And what their end-to-end successors (v10 and later) put out: [1, k, 6] of finished boxes. Columns
of the first are cx cy w h in input pixels and class probabilities; rows of the second x1 y1 x2 y2,
score, class. Documented at docs.ultralytics.com/modes/export and in OpenCV's `dnn` samples
(letterbox of 114, RGB / 255, NMS 0.7).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.detection.families.family import (
    Candidates,
    Columns,
    Graph,
    centred,
    pick_by_class,
    pick_labelled,
)
from perception.detection.families.grid import cell_count
from perception.detection.families.yolov5 import ANCHORS, LETTERBOX

STRIDES = ((8, 16, 32), (8, 16, 32, 64))
MAX_FINISHED = 1000  # rows of an end-to-end model; grids of usable inputs have more


class YoloV8:
    name = "yolov8"
    nms_iou = 0.7
    input_format = LETTERBOX

    def __init__(self, graph: Graph) -> None:
        self._columns = Columns(graph, graph.shapes[0][1] - 4)

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        planes = outputs[0][0]
        wanted = planes[4 + self._columns.columns].T
        rows, scores, classes = pick_by_class(wanted, self._columns, score_min)
        return Candidates(centred(planes[:4, rows].T), scores, classes)


class YoloEndToEnd:
    name = "yolo-e2e"
    nms_iou = None
    input_format = LETTERBOX

    def __init__(self, graph: Graph) -> None:
        named = len(graph.labels) if isinstance(graph.labels, tuple) else 80
        self._columns = Columns(graph, named)

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        table = outputs[0][0]
        rows, scores, classes = pick_labelled(table[:, 5], table[:, 4], self._columns, score_min)
        return Candidates(table[rows, :4], scores, classes)


def recognise(graph: Graph) -> YoloV8 | None:
    """One output with a column per cell, and at least one class."""
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][1] < 5:
        return None
    size = (graph.width_px, graph.height_px)
    if shapes[0][2] not in {cell_count(*size, strides) for strides in STRIDES}:
        return None
    return YoloV8(graph)


def recognise_end_to_end(graph: Graph) -> YoloEndToEnd | None:
    """One output of a few hundred rows of six, that are not the cells of a grid."""
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] != 6:
        return None
    rows = shapes[0][1]
    grid = {cell_count(graph.width_px, graph.height_px, strides) for strides in STRIDES}
    if rows > MAX_FINISHED or rows in grid | {ANCHORS * cells for cells in grid}:
        return None
    return YoloEndToEnd(graph)
