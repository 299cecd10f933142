"""What eight bits bring and cost: the shipped model beside the float32 one it was made of."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edge.cli.vision.model_versions import in_turn
from perception.detection.detector import Detector
from perception.inference.catalogue import Catalogue
from tests.bench.bench_ap import ANNOTATIONS, AP, COCO_DIR, stats, through_the_command
from tests.bench.figures import Figure

ORIGINAL, SHIPPED = "nanodet-g-416", "nanodet-g-416-int8"
SERIES = 5
PERSON = [1]


def measure() -> Iterator[Figure]:
    known = Catalogue()
    first, second = (
        Detector.open(replace(known.find(name)), threads=1) for name in (ORIGINAL, SHIPPED)
    )
    ratios = []
    for _ in range(SERIES):
        before_ms, after_ms = in_turn(first, second)
        ratios.append(before_ms / after_ms)
    yield Figure(
        name="pictures/s of the shipped model, times float32, one thread",
        value=float(np.median(ratios)),
        unit="x",
        limit=1.6,
        sense=">=",
        peer=f"float32 {before_ms:.1f} ms, int8 {after_ms:.1f} ms, in turn",
    )
    if not ANNOTATIONS.exists():
        return
    pictures = sorted((COCO_DIR / "train2017").glob("*.jpg"))
    found = {name: through_the_command(pictures, name) for name in (ORIGINAL, SHIPPED)}
    # Every second picture, from the first, was among those that ranges were measured on.
    for name, some in (
        ("all 128 pictures", pictures),
        ("the 64 not calibrated with", pictures[1::2]),
    ):
        float32, int8 = (float(stats(found[m], PERSON, some)[AP]) for m in (ORIGINAL, SHIPPED))
        yield Figure(
            name=f"AP person lost by eight bits, {name}",
            value=float32 - int8,
            unit="AP",
            limit=1.0,
            peer=f"float32 {float32:.2f}, int8 {int8:.2f}",
        )
