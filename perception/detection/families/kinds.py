"""All families there are, and which of them a graph belongs to."""

from collections.abc import Callable

from perception.detection.families import (
    detr,
    fastestdet,
    nanodet,
    yolov3_tiny,
    yolov5,
    yolov8,
    yolox,
)
from perception.detection.families.family import Family, Graph
from perception.errors import ModelError, WrongNameError

KINDS: dict[str, Callable[[Graph], Family | None]] = {
    "nanodet": nanodet.recognise,
    "nanodet-plus": nanodet.recognise_plus,
    "yolox": yolox.recognise,
    "yolov5": yolov5.recognise,
    "yolov8": yolov8.recognise,
    "yolo-e2e": yolov8.recognise_end_to_end,
    "yolov3-tiny": yolov3_tiny.recognise,
    "yolov3-tiny-zoo": yolov3_tiny.recognise_zoo,
    "detr": detr.recognise,
    "rf-detr": detr.recognise_rf,
    "fastestdet": fastestdet.recognise,
}


def fit(graph: Graph, declared: str | None) -> Family:
    """The family of the graph: the declared one, or the only one that recognises it.

    Raises ModelError, with the shapes found, where there is none or more than one.
    """
    if declared is not None and declared not in KINDS:
        raise WrongNameError(f"there is no family {declared}", f"there are: {', '.join(KINDS)}")
    names = [declared] if declared else list(KINDS)
    found = [family for name in names if (family := KINDS[name](graph)) is not None]
    if len(found) == 1:
        return found[0]
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in graph.outputs)
    size = f"{graph.width_px}x{graph.height_px}"
    if found:
        raise ModelError(
            f"several families fit a model of {size} with the outputs {shapes}",
            f"say which one it is: {', '.join(family.name for family in found)}",
        )
    what = f"do not fit the family {declared}" if declared else "fit no family"
    raise ModelError(
        f"the outputs of this model {what}: {shapes} at {size}",
        f"families: {', '.join(KINDS)}",
    )
