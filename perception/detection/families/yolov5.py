"""YOLOv5 heads, decoded in the graph: one output [1, n, 5 + classes], three anchors per cell.

The same layout comes from YOLOv7 and from YOLOv3-tiny as exported with YOLOv5's tools (strides 16
and 32 only). Rows are cx cy w h in input pixels, objectness, class probabilities. Documented at
docs.ultralytics.com/yolov5 (letterbox of 114, RGB / 255) and in OpenCV's `dnn` samples; NMS 0.45.
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
)
from perception.detection.families.grid import cell_count
from perception.detection.preprocess import InputFormat

ANCHORS = 3
STRIDES = ((8, 16, 32), (8, 16, 32, 64), (16, 32))

# How the YOLO families after YOLOX want their pictures.
LETTERBOX = InputFormat(
    fit="centre",
    pad=114,
    mean=(0.0, 0.0, 0.0),
    scale=(1 / 255, 1 / 255, 1 / 255),
    rgb=True,
    half_up=True,
)


class YoloV5:
    name = "yolov5"
    nms_iou = 0.45
    input_format = LETTERBOX

    def __init__(self, graph: Graph) -> None:
        self._columns = Columns(graph, graph.shapes[0][2] - 5)

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        table = outputs[0][0]
        rows, scores, classes = pick_best_class(table[:, 4], table[:, 5:], self._columns, score_min)
        return Candidates(centred(table[rows, :4]), scores, classes)


def recognise(graph: Graph) -> YoloV5 | None:
    """One output with three rows per cell, and at least one class."""
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] < 6:
        return None
    size = (graph.width_px, graph.height_px)
    if shapes[0][1] not in {ANCHORS * cell_count(*size, strides) for strides in STRIDES}:
        return None
    return YoloV5(graph)
