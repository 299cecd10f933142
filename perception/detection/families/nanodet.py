"""NanoDet (GFL head) and NanoDet-Plus: distances to the four sides, each as a distribution.

Conventions of github.com/RangiLyu/nanodet: `gfl_head.py` and `nanodet_plus_head.py` (softmax over
bins 0..reg_max, times stride; cell centres at +0.5 in the older head and at +0 in Plus; NMS 0.6 per
class), `data/transform/warp.py` (aspect kept, centred, black bars), `config/*.yml` (BGR mean and
deviation).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.detection.families.family import Candidates, Columns, Graph, pick_by_class
from perception.detection.families.grid import cell_count, cells
from perception.detection.preprocess import InputFormat

FORMAT = InputFormat(
    fit="warp",
    pad=0,
    mean=(103.53, 116.28, 123.675),
    scale=(1 / 57.375, 1 / 57.12, 1 / 58.395),
    rgb=False,
)
STRIDES = (8, 16, 32)
STRIDES_PLUS = (8, 16, 32, 64)
BINS = range(5, 33)  # reg_max + 1 of any published model: 8 or 11


class NanoDet:
    """Separate score and distance outputs per stride: [1, n, classes] and [1, n, 4 * bins]."""

    name = "nanodet"
    input_format = FORMAT
    nms_iou = 0.6

    def __init__(self, graph: Graph, scores_at: list[int], distances_at: list[int]) -> None:
        self._scores_at, self._distances_at = scores_at, distances_at
        self._columns = Columns(graph, graph.shapes[scores_at[0]][2])
        places, strides = cells(graph.width_px, graph.height_px, STRIDES)
        self._centres = (places + 0.5) * strides
        self._strides = strides

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        wanted = [outputs[i][0][:, self._columns.columns] for i in self._scores_at]
        distances = np.concatenate([outputs[i][0] for i in self._distances_at])
        rows, found, classes = pick_by_class(np.concatenate(wanted), self._columns, score_min)
        boxes = boxes_from(distances[rows], self._centres[rows], self._strides[rows])
        return Candidates(boxes, found, classes)


class NanoDetPlus:
    """One output [1, n, classes + 4 * bins], four strides, cell centres not shifted."""

    name = "nanodet-plus"
    input_format = FORMAT
    nms_iou = 0.6

    def __init__(self, graph: Graph, classes: int) -> None:
        self._classes = classes
        self._columns = Columns(graph, classes)
        places, strides = cells(graph.width_px, graph.height_px, STRIDES_PLUS)
        self._centres = places * strides
        self._strides = strides

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        table = outputs[0][0]
        rows, found, classes = pick_by_class(
            table[:, self._columns.columns], self._columns, score_min
        )
        distances = table[rows, self._classes :]
        boxes = boxes_from(distances, self._centres[rows], self._strides[rows])
        return Candidates(boxes, found, classes)


def boxes_from(
    distances: NDArray[np.float32], centres: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(K, 4 * bins) logits, (K, 2) centres in pixels, (K, 1) strides → (K, 4) x1 y1 x2 y2."""
    bins = distances.reshape(len(distances), 4, distances.shape[1] // 4)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    sides = weights @ np.arange(bins.shape[2], dtype=np.float32) * strides
    return np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)


def recognise(graph: Graph) -> NanoDet | None:
    """Six outputs: for each stride's number of cells one of scores and one of distances."""
    shapes = graph.shapes
    if len(shapes) != 2 * len(STRIDES) or any(len(s) != 3 or s[0] != 1 for s in shapes):
        return None
    scores_at, distances_at = [], []
    for stride in STRIDES:
        cells_here = cell_count(graph.width_px, graph.height_px, (stride,))
        here = [i for i, shape in enumerate(shapes) if shape[1] == cells_here]
        pair = score_and_distance(graph, here)
        if pair is None:
            return None
        scores_at.append(pair[0])
        distances_at.append(pair[1])
    widths = {(shapes[s][2], shapes[d][2]) for s, d in zip(scores_at, distances_at, strict=True)}
    return NanoDet(graph, scores_at, distances_at) if len(widths) == 1 else None


def score_and_distance(graph: Graph, here: list[int]) -> tuple[int, int] | None:
    """Which of two outputs holds the scores: the one whose width is no 4 * bins, or is known."""
    if len(here) != 2:
        return None
    first, second = here
    widths = [graph.shapes[i][2] for i in here]
    could_be_distance = [width % 4 == 0 and width // 4 in BINS for width in widths]
    if could_be_distance == [True, True]:  # 80 classes are also 4 * 20: the known count decides
        could_be_distance = [width != 80 for width in widths]
    if could_be_distance == [False, True]:
        return first, second
    return (second, first) if could_be_distance == [True, False] else None


def recognise_plus(graph: Graph) -> NanoDetPlus | None:
    """One output, one row per cell of four strides, wider than the classes by 4 * bins."""
    shapes = graph.shapes
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    rows, width = shapes[0][1:]
    if rows != cell_count(graph.width_px, graph.height_px, STRIDES_PLUS):
        return None
    known = len(graph.labels) if isinstance(graph.labels, tuple) else 0
    for classes in (known, 80, 1):
        bins, rest = divmod(width - classes, 4)
        if classes and rest == 0 and bins in BINS:
            return NanoDetPlus(graph, classes)
    return None
