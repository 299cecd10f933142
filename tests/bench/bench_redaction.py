"""How many faces are covered in what leaves the unit, and what it costs.

There is no public set of labelled faces on this machine. The truth here was made for this purpose:
tests/data/redaction/coco128_faces.json says how. It was found with the help of the same model, on
larger pictures; so the figures for pictures as they are flatter the model, those for small, blurred
and dark ones do so less. A face counts as covered where nine tenths of its box are.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from config.perception import PerceptionConfig
from perception.detection.detector import Detector
from perception.inference.catalogue import find
from perception.redaction import jpeg
from perception.redaction.faces import SCORE_MIN, FaceFinder
from perception.redaction.redactor import FACE_MARGIN, Redactor
from perception.redaction.regions import PERSON_FROM, Boxes, widened
from tests.bench.figures import Figure
from tests.shared_data import SHARED

Image = NDArray[np.uint8]

TRUTH = Path(__file__).parents[1] / "data" / "redaction" / "coco128_faces.json"
PICTURES = SHARED / "data" / "coco" / "train2017"
FACE_MODEL = SHARED / "models" / "face_yunet.onnx"
COVERED = 0.9  # of a face's box
REPEATS = 15
# What is held, a little below what was measured.
LEAST = {
    "as they are": 0.95,
    "half the size": 0.95,
    "blurred, sigma 2 px": 0.93,
    "dark, a quarter": 0.9,
}


def half(image: Image) -> Image:
    return np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0))


def dark(image: Image) -> Image:
    """A quarter of the light, and the noise of a sensor that turns its gain up."""
    noise = np.random.default_rng(1).normal(0, 6, image.shape)
    return np.clip(image * 0.25 + noise, 0, 255).astype(np.uint8)


VARIANTS: dict[str, tuple[Callable[[Image], Image], float]] = {
    "as they are": (lambda image: image, 1.0),
    "half the size": (half, 0.5),
    "blurred, sigma 2 px": (blurred, 1.0),
    "dark, a quarter": (dark, 1.0),
}


@dataclass(slots=True)
class Tally:
    faces: int = 0
    covered: int = 0
    area: float = 0.0  # of pictures, covered, summed
    pictures: int = 0

    def add(self, shape: tuple[int, ...], truth: Boxes, regions: Boxes) -> None:
        mask = np.zeros(shape[:2], np.uint8)
        for box in regions:
            x1, y1, x2, y2 = (round(float(v)) for v in box)
            mask[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = 1
        for box in truth:
            x1, y1, x2, y2 = (max(0, round(float(v))) for v in box)
            part = mask[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
            self.covered += bool(part.size and part.mean() >= COVERED)
            self.faces += 1
        self.area += float(mask.mean())
        self.pictures += 1

    @property
    def recall(self) -> float:
        return self.covered / self.faces

    @property
    def share(self) -> float:
        return self.area / self.pictures


def measure() -> Iterator[Figure]:
    if not PICTURES.exists() or not FACE_MODEL.exists():
        yield Figure(
            name="faces covered (shared recordings missing)", value=float("nan"), unit="", limit=0.9
        )
        return
    detector = Detector.open(find(PerceptionConfig().model, "detection"), score_min=PERSON_FROM)
    finder = FaceFinder.open(find(str(FACE_MODEL), "redaction"))
    for name, (change, scale) in VARIANTS.items():
        yield from _recall(name, change, scale, detector, finder)
    yield from _cost(detector, finder)


def truth() -> dict[int, Boxes]:
    found = json.loads(TRUTH.read_text())["faces"]
    return {int(number): np.array(faces, np.float32) for number, faces in found.items()}


def _recall(
    name: str,
    change: Callable[[Image], Image],
    scale: float,
    detector: Detector,
    finder: FaceFinder,
) -> Iterator[Figure]:
    ways = {"both": Tally(), "face model": Tally(), "heads by geometry": Tally(), "peer": Tally()}
    peer = Peer(FACE_MODEL)
    for number, faces in truth().items():
        image = change(_read(number))
        by_model = widened(finder.find(image), FACE_MARGIN)
        by_geometry = Redactor(None).regions(image, detector.detect(image))
        regions = {
            "both": np.concatenate([by_model, by_geometry]),
            "face model": by_model,
            "heads by geometry": by_geometry,
            "peer": peer.find(image),
        }
        for way, tally in ways.items():
            tally.add(image.shape, faces * np.float32(scale), regions[way])
    peer_text = f"FaceDetectorYN {ways['peer'].recall:.3f}"
    others = ", ".join(
        f"{way} {ways[way].recall:.3f}" for way in ("face model", "heads by geometry")
    )
    yield Figure(
        name=f"faces covered, {name}",
        value=ways["both"].recall,
        unit=f"of {ways['both'].faces}",
        limit=LEAST[name],
        sense=">=",
        peer=f"{others}; {peer_text}",
    )
    yield Figure(
        name=f"share of a picture that is covered, {name}",
        value=ways["both"].share,
        unit="",
        peer=f"by the face model alone {ways['face model'].share:.3f}",
    )


class Peer:
    """OpenCV's FaceDetectorYN on the picture as it is, from our score, with the same margin."""

    def __init__(self, model: Path) -> None:
        self._net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), SCORE_MIN, 0.3, 5000)

    def find(self, image: Image) -> Boxes:
        self._net.setInputSize(image.shape[1::-1])
        faces = self._net.detect(image)[1]
        if faces is None:
            return np.zeros((0, 4), np.float32)
        boxes = np.asarray(faces[:, :4], np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return widened(boxes, FACE_MARGIN)


def _cost(detector: Detector, finder: FaceFinder) -> Iterator[Figure]:
    """Per 720p picture with persons in it, after the detector: from the look to the JPEG."""
    image = np.asarray(cv2.resize(_read(389), (1280, 720)), np.uint8)
    found, redactor, peer = detector.detect(image), Redactor(finder), Peer(FACE_MODEL)
    ours_ms, theirs_ms = [], []
    for _ in range(REPEATS):
        start_s = time.perf_counter()
        jpeg.encode(redactor.redact(image, found), quality=75, max_bytes=64 * 1024)
        between_s = time.perf_counter()
        peer.find(image)
        ours_ms.append((between_s - start_s) * 1e3)
        theirs_ms.append((time.perf_counter() - between_s) * 1e3)
    yield Figure(
        name="a 720p picture redacted and written as JPEG, against finding faces by FaceDetectorYN",
        value=median(ours_ms) / median(theirs_ms),
        unit="of its time",
        limit=1.5,
        peer=f"{median(ours_ms):.1f} ms, FaceDetectorYN alone {median(theirs_ms):.1f} ms",
    )


def _read(number: int) -> Image:
    return np.asarray(cv2.imread(str(PICTURES / f"{number:012d}.jpg")), np.uint8)
