"""Makes versions of a detector, and measures each beside the original: accuracy, size, speed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.cli.console import CommandError
from edge.cli.vision.coco_scores import ALL, Truth, average_precision
from edge.cli.vision.detect_run import at_least, coco_results
from edge.cli.vision.model_pictures import Picture
from edge.cli.vision.writing import progress_bar
from perception.detection.detector import Detector
from perception.detection.nms import iou_matrix
from perception.detections import Detections
from perception.inference import calibration, model_file, model_shape, model_trial, quantization
from perception.inference.model_spec import ModelSpec
from perception.inference.session import Session

CUTS = (0.0, 1e-7, 1e-6, 1e-5)  # shares of the values that a range leaves out
NEARLY = 1.0  # percent the same as float32: within this of the other, the faster is taken
FASTER = 1.05  # times the speed that are more than chance
WARM_UP, ROUNDS = 3, 15
SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one version does."""

    size_bytes: int
    rate: float  # pictures per second, bare model, one thread
    measures: dict[str, float]  # in percent; the first decides
    pictures: int


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A new version beside the original, measured in turn."""

    content: bytes
    how: str
    before: Verdict
    after: Verdict
    speed_up: float

    @property
    def digest(self) -> str:
        return model_file.digest(self.content)


class Judge:
    """How right a detector is: by what the original sees and, where there is one, by a truth.

    What the original sees decides. Average precision asks for the order of the scores only, and a
    version that has lost its highest scores can have the same; thresholds and the tracker ask for
    the scores themselves.
    """

    def __init__(self, pictures: Mapping[int, Picture], truth: Truth | None = None) -> None:
        """`pictures` by image id of the truth, or by any number where there is none."""
        self._pictures = pictures
        self._truth = truth
        self._known: dict[int, Detections] = {}

    @property
    def count(self) -> int:
        return len(self._pictures)

    def measures(self, detector: Detector, original: Detector) -> dict[str, float]:
        """In percent, by name; the first decides. Raises CommandError where nothing is seen."""
        same = there = 0
        results = []
        for number, picture in self._pictures.items():
            image = picture.read()
            if image is None:
                continue
            if number not in self._known:
                self._known[number] = surest(original, image)
            found = detector.detect(image)
            results += coco_results(found, number)
            sure = at_least(found, detector.spec.score_threshold)
            same += matches(self._known[number], sure)
            there += len(self._known[number]) + len(sure)
        if not there:
            raise CommandError(
                "the original sees nothing in the pictures that are judged",
                "give pictures that have persons or vehicles in them",
            )
        return {"same as float32, %": 200 * same / there} | self._precision(results)

    def _precision(self, results: list[dict[str, Any]]) -> dict[str, float]:
        if self._truth is None:
            return {}
        scores = {s.label: s.ap for s in average_precision(self._truth, results, self._pictures)}
        named = {"AP person": scores["person"], "AP all six": scores[ALL]}
        return {name: ap for name, ap in named.items() if ap is not None}


def surest(detector: Detector, image: NDArray[np.uint8]) -> Detections:
    """What is shown of a picture."""
    return at_least(detector.detect(image), detector.spec.score_threshold)


def matches(first: Detections, second: Detections) -> int:
    """How many of the first have one of the second for themselves: same class, IoU of 0.5."""
    overlap = iou_matrix(first.boxes, second.boxes)
    overlap[first.classes[:, None] != second.classes] = 0
    count = 0
    for row in range(len(first)):  # the best score first
        best = int(overlap[row].argmax()) if len(second) else 0
        if len(second) and overlap[row, best] >= SAME_IOU:
            count += 1
            overlap[:, best] = 0
    return count


class Maker:
    """One original, and what its versions are measured against."""

    def __init__(self, spec: ModelSpec, content: bytes, judge: Judge) -> None:
        """Raises ModelError."""
        self._spec = spec
        self._judge = judge
        self._original_bytes = content
        self._original = self._detector(content)
        width, height = self._original.input_px
        fixed = model_shape.resized(content, self._image_name(), width, height)
        self._prepared = quantization.prepared(fixed)

    @classmethod
    def open(cls, spec: ModelSpec, judge: Judge) -> "Maker":
        """Raises ModelError where the model cannot be opened or is quantised already."""
        return cls(spec, model_trial.content_of(spec), judge)

    def int8(
        self, pictures: Sequence[Picture], *, full_range: bool, cut: float | None = None
    ) -> Made:
        """One of two versions: clearly faster, or else more right. Raises ModelError.

        One has everything in eight bits, one the convolutions only; each with the ranges with which
        it is most right, or with those that leave out `cut` of the values. Both are nearly the same
        as a rule; then it is the first, so that the same pictures give the same file.
        """
        spreads = self._spreads(pictures)
        best = []
        with progress_bar() as progress:
            cuts = CUTS if cut is None else (cut,)
            task = progress.add_task("judging", total=2 * len(cuts))
            for between in (True, False):
                tried = []
                for share in cuts:
                    ranges = {name: spread.range(share) for name, spread in spreads.items()}
                    content = quantization.to_int8(
                        self._prepared, ranges, between=between, full_range=full_range
                    )
                    how = _how(share, between, full_range)
                    tried.append((self._measures(content), content, how))
                    progress.advance(task)
                best.append(max(tried, key=lambda one: _first(one[0])))
        most = max(_first(measures) for measures, _, _ in best)
        good = [self._made(*one) for one in best if _first(one[0]) >= most - NEARLY]
        return good[-1] if good[-1].speed_up > FASTER * good[0].speed_up else good[0]

    def fp16(self) -> Made:
        """Raises ModelError."""
        content = quantization.to_fp16(self._prepared)
        return self._made(self._measures(content), content, "half precision")

    def _spreads(self, pictures: Sequence[Picture]) -> dict[str, calibration.Spread]:
        names = quantization.observed(self._prepared)
        seen = quantization.seen_as(self._prepared, names)
        session = Session.open(quantization.revealing(self._prepared, names), threads=1)
        readable = [picture for picture in pictures if picture.read() is not None]
        filled = self._original.make_input()

        def tensors() -> Iterator[NDArray[np.float32]]:
            for picture in readable:
                image = picture.read()
                if image is not None:
                    filled.fill(image)
                    yield filled.tensor

        with progress_bar() as progress:
            task = progress.add_task("measuring ranges", total=2 * len(readable))
            found = calibration.observe(
                session, self._image_name(), seen, tensors, lambda: progress.advance(task)
            )
        return dict(zip(names, found.values(), strict=True))

    def _measures(self, content: bytes) -> dict[str, float]:
        model_file.check(content)
        return self._judge.measures(self._detector(content), self._original)

    def _made(self, measures: dict[str, float], content: bytes, how: str) -> Made:
        before_ms, after_ms = in_turn(self._original, self._detector(content))
        count = self._judge.count
        known = self._judge.measures(self._original, self._original)
        before = Verdict(len(self._original_bytes), 1e3 / before_ms, known, count)
        after = Verdict(len(content), 1e3 / after_ms, measures, count)
        return Made(content, how, before, after, before_ms / after_ms)

    def _detector(self, content: bytes) -> Detector:
        session = Session.open(content, threads=1)
        return Detector(self._spec, session, self._spec.score_floor)

    def _image_name(self) -> str:
        return next(
            tensor.name for tensor in self._original.session.inputs if len(tensor.shape) == 4
        )


def in_turn(first: Detector, second: Detector) -> tuple[float, float]:
    """Median milliseconds of a bare run of each, in turn: a busy machine slows both."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UP + ROUNDS):
        for which, detector in enumerate((first, second)):
            begun = time.perf_counter()
            detector.infer(detector.tensor)
            if number >= WARM_UP:
                times[which].append((time.perf_counter() - begun) * 1e3)
    return float(np.median(times[0])), float(np.median(times[1]))


def _first(measures: dict[str, float]) -> float:
    return next(iter(measures.values()))


def _how(cut: float, between: bool, full_range: bool) -> str:
    what = "convolutions and what is between them" if between else "convolutions only"
    ranges = f"without {cut:g} of the values" if cut else "with all values"
    return f"{what}, ranges {ranges}, weights of {8 if full_range else 7} bits"
