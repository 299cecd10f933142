"""What is known of one model: where it comes from, and how its numbers are to be read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from perception.errors import ModelError, WrongNameError

# What a model is for. A model for one task is never taken for another: one that finds faces, to
# blur them, cannot be configured as what looks for persons.
Precision = Literal["fp32", "fp16", "int8"]
Task = Literal["detection", "redaction", "audio"]

# A model's class columns, by the name of its label map. COCO-80 numbers the classes without
# gaps; COCO-91 uses the category ids of the annotation files (column 0 means nothing).
LABEL_MAPS: dict[str, dict[str, int]] = {
    "coco80": {"person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "truck": 7},
    "coco91": {"person": 1, "bicycle": 2, "car": 3, "motorcycle": 4, "bus": 6, "truck": 8},
    "person": {"person": 0},
}
LABEL_COUNTS = {80: "coco80", 91: "coco91", 90: "coco91", 1: "person"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model. With `path` None it is known, but its file is not on this computer."""

    name: str
    family: str | None  # None: to be recognised from the graph
    labels: str | tuple[str, ...] | None  # a LABEL_MAPS name, or the class of every column
    licence: str = "unknown"
    origin: str = ""
    url: str | None = None
    file: str = ""
    sha256: str | None = None  # lower-case hex; None: not checked
    size_bytes: int | None = None
    input_px: tuple[int, int] | None = None  # width, height; None: as the graph says
    score_threshold: float = 0.5  # one that may start a track, or be shown to a person
    score_low: float = 0.1  # one that may still continue a track
    score_floor: float = 0.01  # as the authors evaluate: for average precision only
    nms_iou: float | None = None  # None: the family's
    path: Path | None = None
    task: Task = "detection"
    precision: Precision = "fp32"
    untried: bool = False  # a file of unknown content: it is run in a process of its own first

    def require(self, task: Task) -> None:
        """Raises WrongNameError unless this is a model for that task."""
        if self.task != task:
            raise WrongNameError(
                f"{self.name} is a model for {self.task}, not for {task}",
                f"patrol-edge models list shows those for {task}",
            )


def label_columns(labels: str | tuple[str, ...] | None, columns: int) -> dict[str, int]:
    """The column of each class we look for, in a model with that many class columns.

    Raises ModelError where the label map is unknown or does not fit the model.
    """
    if isinstance(labels, tuple):
        wanted = LABEL_MAPS["coco80"]
        found = {label: labels.index(label) for label in wanted if label in labels}
        if not found or len(labels) != columns:
            raise ModelError(
                f"the model has {columns} classes, its label list names {len(labels)}, "
                f"{len(found)} of them known here",
                f"list one name per class; known: {', '.join(wanted)}",
            )
        return found
    name = labels or LABEL_COUNTS.get(columns)
    if name not in LABEL_MAPS:
        raise ModelError(
            f"a model with {columns} classes does not say what they are",
            "give its label map: coco80, coco91, person, or a list of names",
        )
    if max(LABEL_MAPS[name].values()) >= columns:
        raise ModelError(f"label map {name} does not fit a model with {columns} classes")
    return LABEL_MAPS[name]
