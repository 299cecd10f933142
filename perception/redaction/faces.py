"""Where faces are, never whose: YuNet, for nothing but to cover them.

Decoding as in OpenCV's FaceDetectorYN (modules/objdetect/src/face_detect.cpp): a cell of a grid of
stride 8, 16 or 32 px has a score sqrt(cls * obj) and a box (x, y of its centre in cells from the
cell's corner; log of its sides in cells). Wu, Peng, Yu: YuNet, Machine Intelligence Research 2023.
The landmarks that the model also gives are not read.
"""

from collections.abc import Sequence
from typing import Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.detection.nms import suppress
from perception.errors import ImageError, ModelError
from perception.inference import model_trial
from perception.inference.model_spec import ModelSpec
from perception.inference.session import Session
from perception.redaction.regions import Boxes

Scores = NDArray[np.float32]  # (N,) float32, 0..1

STRIDES = (8, 16, 32)
GRID_PX = 32  # sides of the input are multiples of this
# A face that is not one costs a few blurred pixels; one that is missed cannot be called back.
SCORE_MIN = 0.35
NMS_IOU = 0.3
MOST_FACES = 300
# It knows faces of 10 to 300 px, so a picture is looked at twice. Small ones are scaled up for it,
# at most twice: faces of 5 px become 10. The second, small look finds who stands before the lens.
LONGEST_PX = (1280, 320)
MOST_SCALE = 2.0
BRIGHT_PERCENTILE, DARK_BELOW, MOST_GAIN = 98, 180.0, 8.0
LOG_SIDE_MOST = 6.0  # exp of it in cells: larger than any picture


class FaceFinder:
    """The face model, ready. Used by one thread at a time."""

    def __init__(self, session: Session, score_min: float = SCORE_MIN) -> None:
        """Raises ModelError where the model is no YuNet."""
        self._session = session
        self._score_min = score_min
        self._names = [tensor.name for tensor in session.outputs]
        wanted = {f"{head}_{stride}" for head in ("cls", "obj", "bbox") for stride in STRIDES}
        if not wanted <= set(self._names) or len(session.inputs) != 1:
            raise ModelError("this is no face model of the YuNet family", "media.face_model")
        self._input = session.inputs[0].name
        self.find(np.zeros((GRID_PX, GRID_PX, 3), np.uint8))  # warm, and known to answer

    @classmethod
    def open(
        cls,
        spec: ModelSpec,
        *,
        providers: Sequence[str] = ("cpu",),
        threads: int | Literal["auto"] = 1,
    ) -> Self:
        """Read, check and load. Raises ModelError."""
        spec.require("redaction")
        content = model_trial.content_of(spec)
        return cls(Session.open(content, providers=providers, threads=threads))

    def find(self, image: NDArray[np.uint8]) -> Boxes:
        """The faces in a (H, W, 3) uint8 BGR picture: (N, 4) x1 y1 x2 y2 in its pixels.

        Raises ImageError, ModelError.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ImageError(f"a picture of shape {image.shape}, {image.dtype}, has no faces")
        image = _lit(image)
        looks = [self._look(image, longest_px) for longest_px in LONGEST_PX]
        boxes = np.concatenate([boxes for boxes, _ in looks])
        scores = np.concatenate([scores for _, scores in looks])
        classes = np.zeros(len(scores), np.int64)
        kept = suppress(boxes, scores, classes, iou_max=NMS_IOU, keep_max=MOST_FACES)
        return boxes[kept]

    def _look(self, image: NDArray[np.uint8], longest_px: int) -> tuple[Boxes, Scores]:
        """Boxes in the picture's pixels and their scores, at one size of the input."""
        height, width = image.shape[:2]
        scale = min(longest_px / max(height, width), MOST_SCALE)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        padded = np.zeros((_on_grid(size[1]), _on_grid(size[0]), 3), np.uint8)
        padded[: size[1], : size[0]] = cv2.resize(image, size, interpolation=_sampling(scale))
        tensor = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32)
        outputs = dict(zip(self._names, self._session.run({self._input: tensor}), strict=True))
        boxes, scores = _decode(outputs, padded.shape[1], self._score_min)
        to_picture = np.array([width / size[0], height / size[1]] * 2, np.float32)
        return boxes * to_picture, scores


def _lit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A dark picture with more gain, as the model has learnt from pictures in daylight."""
    step = max(1, min(image.shape[:2]) // 100)
    brightest = float(np.percentile(image[::step, ::step], BRIGHT_PERCENTILE))
    if brightest >= DARK_BELOW:
        return image
    gain = min(MOST_GAIN, DARK_BELOW / max(brightest, 1.0))
    return np.asarray(cv2.convertScaleAbs(image, alpha=gain), np.uint8)


def _on_grid(side: int) -> int:
    return -(-side // GRID_PX) * GRID_PX


def _sampling(scale: float) -> int:
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def _decode(
    outputs: dict[str, NDArray[np.float32]], width_px: int, score_min: float
) -> tuple[Boxes, Scores]:
    """Boxes in input pixels and their scores, of all strides, from `score_min`."""
    boxes, scores = [], []
    for stride in STRIDES:
        cls, obj = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
        strong = np.nonzero(score >= score_min)[0]  # a comparison with NaN is False
        raw = outputs[f"bbox_{stride}"][0, strong]
        rows, columns = np.divmod(strong, width_px // stride)
        centre = (np.stack([columns, rows], axis=1) + raw[:, :2]) * stride
        half = np.exp(np.minimum(raw[:, 2:], LOG_SIDE_MOST)) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], axis=1))
        scores.append(score[strong])
    found, score = np.concatenate(boxes).astype(np.float32), np.concatenate(scores)
    sound = np.isfinite(found).all(axis=1)
    return found[sound], score[sound].astype(np.float32)
