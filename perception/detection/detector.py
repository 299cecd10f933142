"""A picture in, boxes of persons and vehicles out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from perception.detection import tiles
from perception.detection.batching import Batching
from perception.detection.families import kinds
from perception.detection.families.family import Candidates, Graph
from perception.detection.input import Input
from perception.detection.nms import suppress
from perception.detection.preprocess import Placement, Preprocessor
from perception.detections import Detections
from perception.errors import ModelError
from perception.inference import model_shape, model_trial
from perception.inference.model_spec import ModelSpec
from perception.inference.session import Session, Tensor, Tuning, release_memory

MAX_DETECTIONS = 100  # per picture, as COCO evaluates and NanoDet's authors keep
USUAL_NMS_IOU = 0.6  # between parts of a picture, where the model itself needs none
DEFAULT_INPUT_PX = (640, 640)  # where neither graph nor catalogue says it
MAX_INPUT_SIDE_PX = 4096

# Second inputs that tell a model what size to scale its boxes to. They get the size of the input,
# so that all families answer in its pixels. Value: element type, and whether height is first.
SIZE_INPUTS = {
    "orig_target_sizes": (np.int64, False),  # RT-DETR, D-FINE
    "image_shape": (np.float32, True),  # the ONNX model zoo's YOLOv3
}


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall-clock of the last picture, in milliseconds."""

    pre_ms: float = 0.0
    inference_ms: float = 0.0
    post_ms: float = 0.0


class Detector:
    """One model, ready.

    `detect` is the whole, for one thread. Who wants its parts to overlap makes an `Input` for each
    picture under way (`make_input`), fills it, `run`s it, and hands what comes out to `conclude`:
    three threads, each at its own part, never two at the same.
    """

    def __init__(self, spec: ModelSpec, session: Session, score_min: float) -> None:
        """Warms the model up. Raises ModelError where its inputs or outputs are not understood."""
        self.spec = spec
        self.session = session
        self.score_min = score_min
        self.timings = Timings()
        image_input, width, height = _image_input(session, spec)
        self._image_name = image_input.name
        self._feed = _feed(session, image_input, width, height)
        outputs = session.run(self._feed)  # a real run, which also warms the session up
        self._graph = _graph(spec, session, outputs, width, height)
        self.family = kinds.fit(self._graph, spec.family)
        self._nms_iou = spec.nms_iou if spec.nms_iou is not None else self.family.nms_iou
        self.input_px = (width, height)
        self.batching: Batching | None = None  # measured by `measure_batching`
        self._free_batch = image_input.shape[0] is None and len(session.inputs) == 1
        self._input = self.make_input()
        self._input.fill(np.zeros((height, width, 3), np.uint8))
        self.conclude([outputs], self._input.placements)

    @classmethod
    def open(
        cls,
        spec: ModelSpec,
        *,
        providers: Sequence[str] = ("cpu",),
        threads: int | Literal["auto"] = "auto",
        score_min: float | None = None,
        input_px: tuple[int, int] | None = None,
        tuning: Tuning = Tuning(),  # noqa: B008 - frozen
    ) -> "Detector":
        """Read, check, load and warm up a model; takes up to a few seconds. Raises ModelError.

        `score_min` None: down to `spec.score_low`, what a tracker can use. `spec.score_threshold`
        is the score from which a single detection is worth showing. `input_px` (width, height):
        other than the model's own, where its graph allows it.
        """
        spec.require("detection")
        content = model_trial.content_of(spec)
        session = Session.open(content, providers=providers, threads=threads, tuning=tuning)
        least = spec.score_low if score_min is None else score_min
        image, *own = _image_input(session, spec)
        if input_px is None or input_px == tuple(own):
            detector = cls(spec, session, least)
        else:
            try:
                content = model_shape.resized(content, image.name, *input_px)
                session = Session.open(content, providers=providers, threads=threads, tuning=tuning)
                detector = cls(replace(spec, input_px=input_px), session, least)
                detector.spec = spec  # what it was made of; its own `input_px` says the size
            except ModelError as error:
                raise model_shape.cannot(input_px, (own[0], own[1]), error) from error
        del content
        release_memory()
        return detector

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """What is seen in a (H, W, 3) uint8 BGR picture, at most 100 boxes, best first.

        Boxes are in the picture's pixels and inside it. Raises ImageError for what is no picture,
        ModelError where the model fails or gives scores that are no probabilities.
        """
        start = time.perf_counter()
        self._input.fill(image)
        filled = time.perf_counter()
        outputs = self.run(self._input)
        inferred = time.perf_counter()
        found = self.conclude(outputs, self._input.placements)
        done = time.perf_counter()
        self.timings = Timings(
            (filled - start) * 1e3, (inferred - filled) * 1e3, (done - inferred) * 1e3
        )
        return found

    @property
    def tensor(self) -> NDArray[np.float32]:
        """What the model was last given, (1, 3, height, width) float32; overwritten by `detect`."""
        return self._input.tensor

    def infer(self, tensor: NDArray[np.float32]) -> list[NDArray[Any]]:
        """The bare model on a ready tensor, for measurements. Raises ModelError."""
        return self.session.run({**self._feed, self._image_name: tensor})

    # --- the parts of `detect` ---

    def make_input(self, windows: int = 1) -> Input:
        """A place for a picture: 18 bytes per pixel of the model's input, 12 per further window."""
        width, height = self.input_px
        return Input(Preprocessor(self.family.input_format, width, height, windows))

    def takes(self, place: Input, windows: int) -> bool:
        """Whether a picture of so many windows can be put there for this model."""
        count, _, height, width = place.tensor.shape
        return (width, height) == self.input_px and count >= windows

    def run(self, filled: Input) -> list[list[NDArray[Any]]]:
        """The model's outputs for each window of a filled input, in arrays of their own.

        Raises ModelError.
        """
        count = len(filled.placements)
        if count > 1 and self.batching is not None and self.batching.gains:
            return self._run_batch(filled.tensor[:count])
        return [self.infer(filled.tensor[index : index + 1]) for index in range(count)]

    def measure_batching(self, windows: int) -> Batching | None:
        """Time so many windows in one run and in a run each, and use what is faster from now on.

        None where the model takes one at a time, or answers for all of them together.
        """
        if not self._free_batch or windows < 2:
            return None
        tensor = self.make_input(windows).tensor
        try:
            if len(self._run_batch(tensor)) != windows:  # also the warm-up for this size
                return None
        except ModelError:
            return None
        self.batching = Batching.measured(
            windows,
            lambda: [self.infer(tensor[index : index + 1]) for index in range(windows)],
            lambda: self._run_batch(tensor),
        )
        return self.batching

    def _run_batch(self, tensor: NDArray[np.float32]) -> list[list[NDArray[Any]]]:
        """The outputs of one run, window by window; empty where they cannot be told apart."""
        outputs, count = self.infer(tensor), len(tensor)
        if any(output.ndim < 2 or len(output) != count for output in outputs):
            return []
        return [[output[index : index + 1] for output in outputs] for index in range(count)]

    def conclude(
        self, outputs: Sequence[Sequence[NDArray[Any]]], placements: Sequence[Placement]
    ) -> Detections:
        """What the outputs say of the picture whose windows lay so in the input.

        Raises ModelError.
        """
        found = [
            self._decode(one, placement) for one, placement in zip(outputs, placements, strict=True)
        ]
        if len(found) == 1:
            return found[0]
        return tiles.merge(found, placements, self._nms_iou or USUAL_NMS_IOU, MAX_DETECTIONS)

    def _decode(self, outputs: Sequence[NDArray[Any]], placement: Placement) -> Detections:
        shapes = tuple(output.shape for output in outputs)
        if shapes != self._graph.shapes and not self._fits(shapes):
            raise ModelError(
                f"the model gives outputs of other shapes than at its start: {list(shapes)}",
                "export it again, with a fixed input size",
            )
        with np.errstate(all="ignore"):  # what is no number is found just below
            candidates = self.family.decode(outputs, self.score_min)
        return self._finish(candidates, placement)

    def _fits(self, shapes: tuple[tuple[int, ...], ...]) -> bool:
        """Some models put out as many rows as they have found."""
        names = [name for name, _ in self._graph.outputs]
        if len(names) != len(shapes):
            return False
        now = replace(self._graph, outputs=tuple(zip(names, shapes, strict=True)))
        return kinds.KINDS[self.family.name](now) is not None

    def _finish(self, candidates: Candidates, placement: Placement) -> Detections:
        if not np.isfinite(candidates.boxes).all():
            raise ModelError("the model gives boxes that are no numbers", "export it again")
        boxes = placement.to_original(candidates.boxes)
        sides = boxes[:, 2:] - boxes[:, :2]
        # A box outside the picture was clipped to nothing.
        real = np.nonzero((sides > 0).all(axis=1))[0]
        boxes, classes = boxes[real], candidates.classes[real]
        scores = np.minimum(candidates.scores[real], np.float32(1.0))
        if self._nms_iou is None:
            kept = np.argsort(-scores, kind="stable")[:MAX_DETECTIONS]
        else:
            kept = suppress(boxes, scores, classes, iou_max=self._nms_iou, keep_max=MAX_DETECTIONS)
        return Detections(boxes[kept], scores[kept], classes[kept])


def _image_input(session: Session, spec: ModelSpec) -> tuple[Tensor, int, int]:
    """The input for the picture, and its width and height in pixels."""
    pictures = [tensor for tensor in session.inputs if len(tensor.shape) == 4]
    others = [tensor.name for tensor in session.inputs if len(tensor.shape) != 4]
    if len(pictures) != 1 or any(name not in SIZE_INPUTS for name in others):
        names = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in session.inputs)
        raise ModelError(f"the model's inputs are not understood: {names}")
    tensor = pictures[0]
    batch, channels, height, width = tensor.shape
    if tensor.kind != "tensor(float)" or channels not in (3, None) or batch not in (1, None):
        raise ModelError(
            f"the model wants {tensor.kind} {list(tensor.shape)} as its picture",
            "export it for float32 pictures of shape [1, 3, height, width]",
        )
    declared = spec.input_px or DEFAULT_INPUT_PX
    size = (width or declared[0], height or declared[1])
    if spec.input_px is not None and spec.input_px != size:
        raise ModelError(
            f"the model's input is {size[0]}x{size[1]}, the catalogue says "
            f"{spec.input_px[0]}x{spec.input_px[1]}",
            "correct input_px in the catalogue",
        )
    if max(size) > MAX_INPUT_SIDE_PX or min(size) < 1:
        raise ModelError(f"the model wants pictures of {size[0]}x{size[1]} pixels")
    return tensor, size[0], size[1]


def _feed(session: Session, image: Tensor, width: int, height: int) -> dict[str, NDArray[Any]]:
    """All inputs of a run; the picture is grey until the first one comes."""
    feed: dict[str, NDArray[Any]] = {image.name: np.zeros((1, 3, height, width), np.float32)}
    for tensor in session.inputs:
        if tensor.name in SIZE_INPUTS:
            kind, height_first = SIZE_INPUTS[tensor.name]
            size = (height, width) if height_first else (width, height)
            feed[tensor.name] = np.array([size], kind)
    return feed


def _graph(
    spec: ModelSpec, session: Session, outputs: Sequence[NDArray[Any]], width: int, height: int
) -> Graph:
    """What a family is told from: the outputs of a real run."""
    shapes = tuple(
        (tensor.name, tuple(output.shape))
        for tensor, output in zip(session.outputs, outputs, strict=True)
    )
    return Graph(width_px=width, height_px=height, outputs=shapes, labels=spec.labels)
