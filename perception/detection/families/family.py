"""What every family of detectors offers, and the parts that several of them share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perception.detection.preprocess import InputFormat
from perception.detections import PATROL_CLASSES
from perception.errors import ModelError
from perception.inference.model_spec import label_columns

# More than this is never needed for 100 boxes, and keeps suppression from growing quadratically.
MAX_CANDIDATES = 3000

# Exponents of a damaged or exotic model must not overflow: e^12 input pixels is beyond any box.
MAX_EXPONENT = 12.0

SCORE_ROUNDING = 1e-3  # what float arithmetic may add to a probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A model as seen from outside: its input size, and the outputs of one real run."""

    width_px: int
    height_px: int
    outputs: tuple[tuple[str, tuple[int, ...]], ...]  # name and shape, batch of one
    labels: str | tuple[str, ...] | None  # what is declared of its classes

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(shape for _, shape in self.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """K boxes before suppression, in no order."""

    boxes: NDArray[np.float32]  # (K, 4) float32, x1 y1 x2 y2, pixels of the model's input
    scores: NDArray[np.float32]  # (K,) float32, 0..1
    classes: NDArray[np.int64]  # (K,) int64, index into PATROL_CLASSES


class Family(Protocol):
    """One family, fitted to one graph."""

    @property
    def name(self) -> str: ...

    @property
    def input_format(self) -> InputFormat: ...

    @property
    def nms_iou(self) -> float | None:
        """Boxes of one class that overlap more are one object; None: the model did that itself."""

    def decode(self, outputs: Sequence[NDArray[np.float32]], score_min: float) -> Candidates:
        """All candidates with a score above `score_min`, from the outputs in graph order."""


class Columns:
    """Which class column of a model means which class of ours."""

    def __init__(self, graph: Graph, count: int) -> None:
        """`count` class columns. Raises ModelError where the labels do not fit."""
        pairs = label_columns(graph.labels, count)
        self.columns = np.array(list(pairs.values()), np.int64)  # (k,) columns we read
        self.patrol = np.array([PATROL_CLASSES.index(label) for label in pairs], np.int64)  # (k,)
        self.of_column = np.full(count, -1, np.int64)  # (count,) our class, or -1
        self.of_column[self.columns] = self.patrol


def pick_by_class(
    wanted: NDArray[np.float32], columns: Columns, score_min: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int64]]:
    """Every (row, class) above `score_min`: rows, scores, classes.

    `wanted` is (n, k), the scores of our classes only: `scores[:, columns.columns]`.
    """
    need_probabilities(wanted)
    rows, which = np.nonzero(wanted > score_min)
    found = wanted[rows, which]
    return strongest(rows, found, columns.patrol[which])


def pick_best_class(
    objectness: NDArray[np.float32],
    scores: NDArray[np.float32],
    columns: Columns,
    score_min: float,
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int64]]:
    """Rows whose best class is one of ours, by objectness (n,) times class score (n, classes)."""
    need_probabilities(objectness)
    rows = np.nonzero(objectness > score_min)[0]  # class scores are at most 1
    classes = scores[rows]
    need_probabilities(classes)
    best = classes.argmax(axis=1)
    found = objectness[rows] * classes[np.arange(len(rows)), best]
    ours = columns.of_column[best]
    keep = (found > score_min) & (ours >= 0)
    return strongest(rows[keep], found[keep], ours[keep])


def pick_labelled(
    labels: NDArray[Any], scores: NDArray[np.float32], columns: Columns, score_min: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int64]]:
    """Rows that already have one class number and one score, both (n,)."""
    need_probabilities(scores)
    with np.errstate(invalid="ignore"):  # NaN as a class number becomes some number, out of range
        numbers = labels.astype(np.int64)
    known = (numbers >= 0) & (numbers < len(columns.of_column))
    ours = np.where(known, columns.of_column[np.where(known, numbers, 0)], -1)
    rows = np.nonzero((scores > score_min) & (ours >= 0))[0]
    return strongest(rows, scores[rows], ours[rows])


def need_probabilities(scores: NDArray[np.float32]) -> None:
    """Raises ModelError unless all of them lie in 0..1; one that is not a number does not."""
    if not scores.size:
        return
    least, most = float(scores.min()), float(scores.max())
    if not (least >= -SCORE_ROUNDING and most <= 1 + SCORE_ROUNDING):  # false for NaN, too
        raise ModelError(
            f"the model gives scores from {least:.3g} to {most:.3g}, not from 0 to 1",
            "export it with its last sigmoid, so that scores are probabilities",
        )


def strongest(
    rows: NDArray[np.intp], scores: NDArray[np.float32], classes: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int64]]:
    """At most MAX_CANDIDATES of them, the best."""
    if len(scores) <= MAX_CANDIDATES:
        return rows, scores, classes
    top = np.argpartition(-scores, MAX_CANDIDATES)[:MAX_CANDIDATES]
    return rows[top], scores[top], classes[top]


def centred(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 4) cx cy w h → x1 y1 x2 y2."""
    half = boxes[:, 2:4] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + e^-x), without overflow."""
    result: NDArray[np.float32] = 0.5 * (np.tanh(0.5 * values) + 1)
    return result


def as_probabilities(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores as they are if they already lie in 0..1, else the sigmoid of logits."""
    if values.size and (values.min() < 0 or values.max() > 1):
        return sigmoid(values)
    return values
