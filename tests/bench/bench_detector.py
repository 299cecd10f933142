"""What the detector costs on top of the bare model: same tensor, same threads, in turn."""

import time
from collections.abc import Iterator

import cv2
import numpy as np

from perception.detection.detector import Detector
from perception.inference.catalogue import Catalogue
from tests.bench.figures import Figure
from tests.shared_data import SHARED

ROUNDS = 60
WARM_UP = 5
FRAMES = 8


def frames_720p() -> list[np.ndarray]:
    """Pictures with persons in them where we have some: what is found has to be decoded."""
    paths = sorted((SHARED / "data" / "coco" / "train2017").glob("*.jpg"))[8 : 8 + FRAMES]
    pictures = [cv2.imread(str(path)) for path in paths]
    random = np.random.default_rng(0)
    while len(pictures) < FRAMES:
        pictures.append(random.integers(0, 256, (45, 80, 3), dtype=np.uint8))
    return [cv2.resize(picture, (1280, 720)) for picture in pictures]


def measure() -> Iterator[Figure]:
    detector = Detector.open(Catalogue().find("nanodet-g-416"))
    frames = frames_720p()
    tensor = detector.tensor.copy()
    bare_ms, whole_ms, stages = [], [], []
    for number in range(WARM_UP + ROUNDS):
        start = time.perf_counter()
        detector.infer(tensor)
        middle = time.perf_counter()
        detector.detect(frames[number % FRAMES])
        end = time.perf_counter()
        if number >= WARM_UP:
            bare_ms.append((middle - start) * 1e3)
            whole_ms.append((end - middle) * 1e3)
            stages.append((detector.timings.pre_ms, detector.timings.post_ms))
    bare, whole = float(np.median(bare_ms)), float(np.median(whole_ms))
    pre, post = np.median(stages, axis=0)
    peer = f"bare run {bare:.1f} ms, whole {whole:.1f} ms, {detector.session.threads} threads"
    # The two medians swing with the machine's load; the stages are measured within one call.
    yield Figure(
        name="detector on top of the bare run, 720p to 416",
        value=(whole / bare - 1) * 100,
        unit="%",
        limit=15,
        peer=peer,
    )
    yield Figure(
        name="detector: pre- and post-processing",
        value=float(pre + post),
        unit="ms",
        peer=f"pre {pre:.2f} ms, post {post:.2f} ms",
    )
    yield Figure(name="detector p50", value=whole, unit="ms")
    yield Figure(name="detector p95", value=float(np.percentile(whole_ms, 95)), unit="ms")
    yield Figure(name="detector rate", value=1e3 / whole, unit="/s", sense=">=")
