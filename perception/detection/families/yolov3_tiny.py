"""YOLOv3-tiny: two raw heads, or the ONNX model zoo's export with boxes and scores.

Conventions of github.com/pjreddie/darknet: `cfg/yolov3-tiny.cfg` (anchors; 3, 4, 5 at stride 32
and 0, 1, 2 at stride 16), `src/yolo_layer.c` (centre = (sigmoid + cell) * stride, side = anchor *
e^value, score = sigmoid objectness * sigmoid class, every class on its own), `src/image.c`
`letterbox_image` (RGB / 255, centred, bars of one half), NMS 0.45.
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
    pick_by_class,
    sigmoid,
)
from perception.detection.families.grid import cells
from perception.detection.preprocess import InputFormat

ANCHORS = {
    32: np.array([[81, 82], [135, 169], [344, 319]], np.float32),
    16: np.array([[10, 14], [23, 27], [37, 58]], np.float32),
}
FORMAT = InputFormat(
    fit="centre",
    pad=128,
    mean=(0.0, 0.0, 0.0),
    scale=(1 / 255, 1 / 255, 1 / 255),
    rgb=True,
)


class YoloV3Tiny:
    """Outputs [1, 3 * (5 + classes), rows, columns], or the same with the channels last."""

    name = "yolov3-tiny"
    nms_iou = 0.45
    input_format = FORMAT

    def __init__(self, graph: Graph, strides: list[int], channels_last: bool, width: int) -> None:
        self._strides = strides  # of each output
        self._channels_last = channels_last
        self._columns = Columns(graph, width - 5)
        self._cells = [cells(graph.width_px, graph.height_px, (stride,))[0] for stride in strides]
        self._width = width

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        levels = [self._level(at, output[0], score_min) for at, output in enumerate(outputs)]
        return Candidates(
            np.concatenate([level.boxes for level in levels]),
            np.concatenate([level.scores for level in levels]),
            np.concatenate([level.classes for level in levels]),
        )

    def _level(self, at: int, head: NDArray[np.float32], score_min: float) -> Candidates:
        last = head if self._channels_last else head.transpose(1, 2, 0)
        table = last.reshape(-1, self._width)  # row, column, anchor
        anchors = len(ANCHORS[16])
        likely = np.nonzero(sigmoid(table[:, 4]) > score_min)[0]
        few = table[likely]
        wanted = sigmoid(few[:, 5:][:, self._columns.columns]) * sigmoid(few[:, 4:5])
        rows, scores, classes = pick_by_class(wanted, self._columns, score_min)
        stride, raw, origin = self._strides[at], few[rows], likely[rows]
        middle = (sigmoid(raw[:, :2]) + self._cells[at][origin // anchors]) * stride
        sides = np.exp(np.minimum(raw[:, 2:4], MAX_EXPONENT)) * ANCHORS[stride][origin % anchors]
        return Candidates(centred(np.concatenate([middle, sides], axis=1)), scores, classes)


class YoloV3TinyZoo:
    """The ONNX model zoo's export: boxes [1, n, 4] as y1 x1 y2 x2, scores [1, classes, n].

    Its third output is the result of a suppression with fixed thresholds, and is not used.
    """

    name = "yolov3-tiny-zoo"
    nms_iou = 0.45
    input_format = FORMAT

    def __init__(self, graph: Graph, boxes_at: int, scores_at: int) -> None:
        self._boxes_at, self._scores_at = boxes_at, scores_at
        self._columns = Columns(graph, graph.shapes[scores_at][1])

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        wanted = outputs[self._scores_at][0][self._columns.columns].T
        rows, scores, classes = pick_by_class(wanted, self._columns, score_min)
        boxes = outputs[self._boxes_at][0][rows][:, [1, 0, 3, 2]]
        return Candidates(boxes, scores, classes)


def recognise(graph: Graph) -> YoloV3Tiny | None:
    """Two outputs, a 16th and a 32nd of the input's size, with three anchors each."""
    shapes = graph.shapes
    if len(shapes) != 2 or any(len(shape) != 4 for shape in shapes):
        return None
    for channels_last in (False, True):
        grids = [shape[1:3] if channels_last else shape[2:4] for shape in shapes]
        depths = {shape[3] if channels_last else shape[1] for shape in shapes}
        strides = [graph.height_px // max(1, grid[0]) for grid in grids]
        expected = [(graph.height_px // s, graph.width_px // s) for s in strides if s]
        if sorted(strides) == [16, 32] and expected == grids and len(depths) == 1:
            width, rest = divmod(depths.pop(), len(ANCHORS[16]))
            if rest == 0 and width >= 6:
                return YoloV3Tiny(graph, strides, channels_last, width)
    return None


def recognise_zoo(graph: Graph) -> YoloV3TinyZoo | None:
    """Three outputs: boxes, scores by class, and the indices of what was kept."""
    shapes = graph.shapes
    boxes = [i for i, shape in enumerate(shapes) if len(shape) == 3 and shape[2] == 4]
    if len(shapes) != 3 or len(boxes) != 1:
        return None
    count = shapes[boxes[0]][1]
    scores = [i for i, s in enumerate(shapes) if len(s) == 3 and s[2] == count and i != boxes[0]]
    return YoloV3TinyZoo(graph, boxes[0], scores[0]) if len(scores) == 1 else None
