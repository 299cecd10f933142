"""The other way round: from known boxes to the tensors that each family's network would put out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from perception.detections import PATROL_CLASSES

COCO80 = {"person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "truck": 7}
COCO91 = {"person": 1, "bicycle": 2, "car": 3, "motorcycle": 4, "bus": 6, "truck": 8}


@dataclass(frozen=True)
class Known:
    """One object, in pixels of the model's input."""

    label: str
    score: float
    box: tuple[float, float, float, float]  # x1 y1 x2 y2

    @property
    def centre(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def sides(self) -> tuple[float, float]:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    @property
    def class_index(self) -> int:
        return PATROL_CLASSES.index(self.label)


Outputs = dict[str, np.ndarray]
Head = Callable[[Sequence[Known], int, int], Outputs]


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def cell_of(known: Known, stride: int, width: int) -> tuple[int, int, int]:
    """Column, row and index of the cell that holds the centre."""
    column, row = int(known.centre[0] // stride), int(known.centre[1] // stride)
    return column, row, row * -(-width // stride) + column


def sides_as_bins(known: Known, x: float, y: float, stride: int, bins: int) -> np.ndarray:
    """Distances to the four sides as logits of two neighbouring bins, as GFL is trained."""
    x1, y1, x2, y2 = known.box
    logits = np.full((4, bins), -60.0, np.float32)
    for side, distance in enumerate((x - x1, y - y1, x2 - x, y2 - y)):
        cells = distance / stride
        low = min(int(cells), bins - 2)
        share = min(max(cells - low, 1e-6), 1 - 1e-6)
        logits[side, low], logits[side, low + 1] = np.log(1 - share), np.log(share)
    return logits.reshape(-1)


def gfl_stride(known: Known, strides: Sequence[int], bins: int) -> int:
    """The finest stride whose bins reach all sides."""
    return next(s for s in strides if max(known.sides) / 2 + s < s * (bins - 1))


def nanodet(objects: Sequence[Known], width: int, height: int, bins: int = 11) -> Outputs:
    outputs: Outputs = {}
    for stride in (8, 16, 32):
        cells = -(-width // stride) * -(-height // stride)
        outputs[f"cls_{stride}"] = np.zeros((1, cells, 80), np.float32)
        outputs[f"reg_{stride}"] = np.zeros((1, cells, 4 * bins), np.float32)
    for known in objects:
        stride = gfl_stride(known, (8, 16, 32), bins)
        column, row, at = cell_of(known, stride, width)
        x, y = (column + 0.5) * stride, (row + 0.5) * stride
        outputs[f"cls_{stride}"][0, at, COCO80[known.label]] = known.score
        outputs[f"reg_{stride}"][0, at] = sides_as_bins(known, x, y, stride, bins)
    return outputs


def nanodet_plus(objects: Sequence[Known], width: int, height: int) -> Outputs:
    strides, bins = (8, 16, 32, 64), 8
    counts = [-(-width // s) * -(-height // s) for s in strides]
    table = np.zeros((1, sum(counts), 80 + 4 * bins), np.float32)
    for known in objects:
        stride = gfl_stride(known, strides, bins)
        column, row = (round(side / stride) for side in known.centre)  # the nearest corner
        at = row * -(-width // stride) + column + sum(counts[: strides.index(stride)])
        table[0, at, COCO80[known.label]] = known.score
        table[0, at, 80:] = sides_as_bins(known, column * stride, row * stride, stride, bins)
    return {"output": table}


def yolox(objects: Sequence[Known], width: int, height: int) -> Outputs:
    strides = (8, 16, 32)
    counts = [(width // s) * (height // s) for s in strides]
    table = np.zeros((1, sum(counts), 85), np.float32)
    for number, known in enumerate(objects):
        stride = strides[number % 3]
        column, row, at = cell_of(known, stride, width)
        at += sum(counts[: strides.index(stride)])
        (x, y), (w, h) = known.centre, known.sides
        table[0, at, :4] = (
            x / stride - column,
            y / stride - row,
            np.log(w / stride),
            np.log(h / stride),
        )
        table[0, at, 4], table[0, at, 5 + COCO80[known.label]] = 0.95, known.score / 0.95
    return {"output": table}


def yolov5(objects: Sequence[Known], width: int, height: int) -> Outputs:
    rows = 3 * sum((width // s) * (height // s) for s in (8, 16, 32))
    table = np.zeros((1, rows, 85), np.float32)
    for number, known in enumerate(objects):
        table[0, 7 * number, :4] = (*known.centre, *known.sides)
        table[0, 7 * number, 4] = 0.95
        table[0, 7 * number, 5 + COCO80[known.label]] = known.score / 0.95
    return {"output0": table}


def yolov8(objects: Sequence[Known], width: int, height: int) -> Outputs:
    cells = sum((width // s) * (height // s) for s in (8, 16, 32))
    planes = np.zeros((1, 84, cells), np.float32)
    for number, known in enumerate(objects):
        planes[0, :4, 5 * number] = (*known.centre, *known.sides)
        planes[0, 4 + COCO80[known.label], 5 * number] = known.score
    return {"output0": planes}


def yolo_e2e(objects: Sequence[Known], width: int, height: int) -> Outputs:
    table = np.zeros((1, 300, 6), np.float32)
    for row, known in enumerate(objects):
        table[0, row] = (*known.box, known.score, COCO80[known.label])
    return {"output0": table}


ANCHORS = {32: ((81, 82), (135, 169), (344, 319)), 16: ((10, 14), (23, 27), (37, 58))}


def yolov3_tiny(objects: Sequence[Known], width: int, height: int) -> Outputs:
    heads = {
        stride: np.full((1, 3 * 85, height // stride, width // stride), -20.0, np.float32)
        for stride in (32, 16)
    }
    for number, known in enumerate(objects):
        stride, anchor = (32, 16)[number % 2], number % 3
        column, row, _ = cell_of(known, stride, width)
        (x, y), (w, h) = known.centre, known.sides
        size = ANCHORS[stride][anchor]
        values = heads[stride][0, anchor * 85 : (anchor + 1) * 85, row, column]
        values[0] = logit(min(max(x / stride - column, 1e-4), 1 - 1e-4))
        values[1] = logit(min(max(y / stride - row, 1e-4), 1 - 1e-4))
        values[2:4] = np.log(w / size[0]), np.log(h / size[1])
        values[4] = logit(0.999)
        values[5 + COCO80[known.label]] = logit(min(known.score / 0.999, 0.9999))
    return {"head_32": heads[32], "head_16": heads[16]}


def yolov3_tiny_zoo(objects: Sequence[Known], width: int, height: int) -> Outputs:
    count = 3 * sum((width // s) * (height // s) for s in (16, 32))
    boxes, scores = np.zeros((1, count, 4), np.float32), np.zeros((1, 80, count), np.float32)
    for row, known in enumerate(objects):
        boxes[0, row] = np.array(known.box)[[1, 0, 3, 2]]
        scores[0, COCO80[known.label], row] = known.score
    return {"boxes": boxes, "scores": scores, "indices": np.zeros((1, 1, 3), np.int32)}


def detr(objects: Sequence[Known], width: int, height: int) -> Outputs:
    labels, scores = np.zeros((1, 300), np.int64), np.zeros((1, 300), np.float32)
    boxes = np.zeros((1, 300, 4), np.float32)
    for row, known in enumerate(objects):
        labels[0, row], scores[0, row] = COCO80[known.label], known.score
        boxes[0, row] = known.box
    return {"labels": labels, "boxes": boxes, "scores": scores}


def relative(known: Known, width: int, height: int) -> np.ndarray:
    return np.array([*known.centre, *known.sides]) / np.array([width, height] * 2)


def detr_logits(
    objects: Sequence[Known],
    width: int,
    height: int,
    names: tuple[str, str] = ("logits", "pred_boxes"),
    columns: dict[str, int] = COCO80,
    count: int = 80,
) -> Outputs:
    logits = np.full((1, 300, count), -20.0, np.float32)
    boxes = np.zeros((1, 300, 4), np.float32)
    for row, known in enumerate(objects):
        logits[0, row, columns[known.label]] = logit(known.score)
        boxes[0, row] = relative(known, width, height)
    return {names[0]: logits, names[1]: boxes}


def rf_detr(objects: Sequence[Known], width: int, height: int) -> Outputs:
    outputs = detr_logits(objects, width, height, ("labels", "dets"), COCO91, 91)
    return {"dets": outputs["dets"], "labels": outputs["labels"]}


def detr_one(objects: Sequence[Known], width: int, height: int) -> Outputs:
    table = np.zeros((1, 300, 84), np.float32)
    for row, known in enumerate(objects):
        table[0, row, :4] = relative(known, width, height)
        table[0, row, 4 + COCO80[known.label]] = known.score
    return {"output0": table}


def fastestdet(objects: Sequence[Known], width: int, height: int) -> Outputs:
    planes = np.zeros((1, 85, height // 16, width // 16), np.float32)
    for known in objects:
        column, row, _ = cell_of(known, 16, width)
        (x, y), (w, h) = known.centre, known.sides
        values = planes[0, :, row, column]
        values[1], values[2] = np.arctanh(x / 16 - column), np.arctanh(y / 16 - row)
        values[3], values[4] = logit(w / width), logit(h / height)
        values[0], values[5 + COCO80[known.label]] = 0.95, known.score / 0.95
    return {"758": planes}


# Family as it is recognised, and what writes its outputs.
HEADS: list[tuple[str, Head]] = [
    ("nanodet", nanodet),
    ("nanodet-plus", nanodet_plus),
    ("yolox", yolox),
    ("yolov5", yolov5),
    ("yolov8", yolov8),
    ("yolo-e2e", yolo_e2e),
    ("yolov3-tiny", yolov3_tiny),
    ("yolov3-tiny-zoo", yolov3_tiny_zoo),
    ("detr", detr),
    ("detr", detr_logits),
    ("detr", detr_one),
    ("rf-detr", rf_detr),
    ("fastestdet", fastestdet),
]
IDS = [f"{family}-{writer.__name__}" for family, writer in HEADS]
