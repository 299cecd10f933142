"""End-to-end transformers: a few hundred finished boxes, no suppression needed.

- RT-DETR and D-FINE as their authors export them (github.com/lyuwenyu/RT-DETR, Peterande/D-FINE,
  `tools/.../onnx_inf.py`): a second input `orig_target_sizes` (width, height); outputs labels
  [1, k] (COCO-80), boxes [1, k, 4] x1 y1 x2 y2 scaled to that size, scores [1, k]. RGB / 255.
- The same two from Hugging Face: logits [1, k, 80] and pred_boxes [1, k, 4], cx cy w h in 0..1.
- RF-DETR (github.com/roboflow/rf-detr, `export`): dets [1, k, 4] likewise and labels [1, k, 91] of
  logits whose column is the COCO category id; RGB with ImageNet mean and deviation.
- RT-DETR from Ultralytics' export: one output [1, k, 4 + 80] of boxes in 0..1 and probabilities.

All stretch the picture to the input. Their authors resample with PIL's antialiasing, we bilinearly
without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.detection.families.family import (
    Candidates,
    Columns,
    Graph,
    as_probabilities,
    centred,
    pick_by_class,
    pick_labelled,
    sigmoid,
)
from perception.detection.preprocess import InputFormat
from perception.inference.model_spec import LABEL_COUNTS

MAX_QUERIES = 1000
PLAIN = InputFormat(
    fit="squash",
    pad=0,
    mean=(0.0, 0.0, 0.0),
    scale=(1 / 255, 1 / 255, 1 / 255),
    rgb=True,
)
IMAGENET = InputFormat(
    fit="squash",
    pad=0,
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    scale=(1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)),
    rgb=True,
)


class Detr:
    """Labels, boxes and scores, ready to use."""

    name = "detr"
    nms_iou = None
    input_format = PLAIN

    def __init__(self, graph: Graph, labels_at: int, boxes_at: int, scores_at: int) -> None:
        self._labels_at, self._boxes_at, self._scores_at = labels_at, boxes_at, scores_at
        named = len(graph.labels) if isinstance(graph.labels, tuple) else 0
        self._columns = Columns(graph, named or (91 if graph.labels == "coco91" else 80))

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        rows, scores, classes = pick_labelled(
            outputs[self._labels_at][0], outputs[self._scores_at][0], self._columns, score_min
        )
        return Candidates(outputs[self._boxes_at][0][rows], scores, classes)


@dataclass(frozen=True, slots=True)
class DetrRaw:
    """Relative boxes and a score per class, in two outputs or side by side in one."""

    name: str
    input_format: InputFormat
    columns: Columns
    size: tuple[int, int]  # width, height of the input
    boxes_at: int
    scores_at: int  # the same output: scores follow the box
    nms_iou: None = None

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        if self.boxes_at == self.scores_at:
            wanted = as_probabilities(outputs[0][0][:, 4:][:, self.columns.columns])
        else:
            wanted = sigmoid(outputs[self.scores_at][0][:, self.columns.columns])
        rows, scores, classes = pick_by_class(wanted, self.columns, score_min)
        boxes = centred(outputs[self.boxes_at][0][rows, :4])
        return Candidates(boxes * np.array(self.size * 2, np.float32), scores, classes)


def recognise(graph: Graph) -> Detr | DetrRaw | None:
    """Three finished outputs, or boxes and COCO-80 scores."""
    shapes = graph.shapes
    names = [name for name, _ in graph.outputs]
    if len(shapes) == 3 and {"labels", "boxes", "scores"} == set(names):
        at = {name: index for index, name in enumerate(names)}
        queries = shapes[at["scores"]]
        fits = shapes[at["labels"]] == queries and shapes[at["boxes"]] == (*queries, 4)
        return Detr(graph, at["labels"], at["boxes"], at["scores"]) if fits else None
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] <= MAX_QUERIES:
        return _raw(graph, "detr", PLAIN, 0, 0, shapes[0][2] - 4)
    pair = boxes_and_logits(graph)
    if pair is None or _is_rf(graph, pair):
        return None
    return _raw(graph, "detr", PLAIN, *pair, shapes[pair[1]][2])


def recognise_rf(graph: Graph) -> DetrRaw | None:
    """Boxes and logits by COCO category id (or, where labels are listed, by these)."""
    pair = boxes_and_logits(graph)
    if pair is None or not _is_rf(graph, pair):
        return None
    return _raw(graph, "rf-detr", IMAGENET, *pair, graph.shapes[pair[1]][2])


def _is_rf(graph: Graph, pair: tuple[int, int]) -> bool:
    named = "dets" in {name for name, _ in graph.outputs}
    return named or LABEL_COUNTS.get(graph.shapes[pair[1]][2]) == "coco91"


def boxes_and_logits(graph: Graph) -> tuple[int, int] | None:
    """Which of two outputs [1, k, ...] are the boxes, and which the class scores."""
    shapes = graph.shapes
    if len(shapes) != 2 or any(len(s) != 3 or s[1] > MAX_QUERIES for s in shapes):
        return None
    if shapes[0][1] != shapes[1][1]:
        return None
    boxes = [index for index, shape in enumerate(shapes) if shape[2] == 4]
    return (boxes[0], 1 - boxes[0]) if len(boxes) == 1 else None


def _raw(
    graph: Graph, name: str, form: InputFormat, boxes_at: int, scores_at: int, count: int
) -> DetrRaw | None:
    named = len(graph.labels) if isinstance(graph.labels, tuple) else 0
    if count not in LABEL_COUNTS and count != named:
        return None
    size = (graph.width_px, graph.height_px)
    return DetrRaw(name, form, Columns(graph, count), size, boxes_at, scores_at)
