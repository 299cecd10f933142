"""Average precision of the shipped model through `patrol-edge detect`, beside its authors' way."""

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.cli import main
from perception.detections import COCO_IDS
from tests.bench.coco_reference import Reference
from tests.bench.figures import Figure
from tests.shared_data import SHARED

COCO_DIR = SHARED / "data" / "coco"
ANNOTATIONS = COCO_DIR / "annotations" / "instances_train2017.json"
MODEL = Path(__file__).parents[2] / "perception" / "models" / "nanodet_g_416.onnx"
AP, AP50 = 0, 1  # places in COCOeval's stats


def measure() -> Iterator[Figure]:
    if not ANNOTATIONS.exists():
        yield Figure(
            name="AP of nanodet-g-416 (shared recordings missing)",
            value=float("nan"),
            unit="AP",
            limit=0.3,
        )
        return
    pictures = sorted((COCO_DIR / "train2017").glob("*.jpg"))
    ours, theirs = through_the_command(pictures), as_documented(pictures)
    for name, ids in (("six classes", sorted(COCO_IDS.values())), ("person", [1])):
        mine, reference = stats(ours, ids, pictures), stats(theirs, ids, pictures)
        peer = f"authors' way: {reference[AP]:.2f} / {reference[AP50]:.2f}"
        yield Figure(
            name=f"AP behind the authors' way, {name}",
            value=max(0.0, float(reference[AP] - mine[AP])),
            unit="AP",
            limit=0.3,
            peer=f"ours {mine[AP]:.2f} / {mine[AP50]:.2f}, {peer}",
        )
    for label, number in COCO_IDS.items():
        mine, reference = stats(ours, [number], pictures), stats(theirs, [number], pictures)
        yield Figure(
            name=f"AP50:95 of nanodet-g-416, {label}",
            value=float(mine[AP]),
            unit="AP",
            sense=">=",
            peer=f"AP50 {mine[AP50]:.1f}; authors' way {reference[AP]:.2f} / {reference[AP50]:.1f}",
        )


def through_the_command(pictures: list[Path], model: str = "nanodet-g-416") -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.json"
        silent = io.StringIO()
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            code = main.main(["detect", *map(str, pictures), "--model", model, "--coco", str(out)])
        if code != 0:
            raise RuntimeError(silent.getvalue())
        results: list[dict[str, Any]] = json.loads(out.read_text())
        return results


def as_documented(pictures: list[Path]) -> list[dict[str, Any]]:
    reference = Reference(MODEL)
    results = []
    for path in pictures:
        image = cv2.imread(str(path))
        results += reference.detect(image, int(path.stem))
    return results


def stats(results: list[dict[str, Any]], categories: list[int], pictures: list[Path]) -> Any:
    """COCOeval's twelve numbers, in percent, over these categories and pictures."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ANNOTATIONS))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.params.imgIds = [int(path.stem) for path in pictures]
        evaluation.params.catIds = categories
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return np.asarray(evaluation.stats) * 100
