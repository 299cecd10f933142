"""HOTA, IDF1 and MOTA of the tracker on seven sequences of MOT15, and what a frame costs.

The floor measured beside it is a tracker of 25 lines: greedy IoU with the box before. ByteTrack as
the `trackers` package 2.6.1 has it by default (its own thresholds, fps given) reaches HOTA 36.65,
IDF1 47.86, MOTA 38.65 on the same files, measured with trackeval 1.3.0 on 2026-11-22; those are
the limits here for what the unit says online.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from config.perception import TrackerConfig
from edge.cli.main import main
from perception.detections import Detections
from perception.tracking.match import buffered_iou
from perception.tracking.mot import MotRow, by_frame, read_rows
from perception.tracking.tracker import Tracker
from tests.bench.figures import Figure
from tests.bench.mot_scores import Scores, score
from tests.mot_data import NAMES, Sequence
from tests.shared_data import SHARED

MOT_DIR = SHARED / "data" / "mot"
VIDEO = SHARED / "data" / "video" / "vtest.avi"  # is PETS09-S2L1, frame by frame
BYTETRACK = {"HOTA": 36.65, "IDF1": 47.86, "MOTA": 38.65}
OBJECTS = 30


def measure() -> Iterator[Figure]:
    if MOT_DIR.exists():
        yield from _accuracy()
    else:
        yield Figure(
            name="tracking accuracy (shared recordings missing)",
            value=float("nan"),
            unit="",
            limit=0.0,
        )
    yield _cost()
    if MOT_DIR.exists() and VIDEO.exists():
        yield from _video()


def _accuracy() -> Iterator[Figure]:
    sequences = [Sequence.load(MOT_DIR / name) for name in NAMES]
    floor = _figures(_total(sequences, greedy))
    for how, flags in (("recording", ()), ("online", ("--online",))):
        reached = _figures(_total(sequences, lambda one, flags=flags: command(one, *flags)))
        for name, value in reached.items():
            yield Figure(
                name=f"{name} on MOT15, {how}",
                value=value,
                unit="%",
                limit=BYTETRACK[name],
                sense=">=",
                peer=f"greedy IoU: {floor[name]:.2f}",
            )


def _total(sequences: list[Sequence], follow: Callable[[Sequence], list[MotRow]]) -> Scores:
    return sum((score(one.truth, follow(one)) for one in sequences), start=Scores.none())


def _figures(scores: Scores) -> dict[str, float]:
    return {"HOTA": scores.hota, "IDF1": scores.idf1, "MOTA": scores.mota}


def command(sequence: Sequence, *flags: str) -> list[MotRow]:
    """What `patrol-edge track` writes for a sequence."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        size = f"{sequence.width_px}x{sequence.height_px}"
        argv = ["track", "--detections", str(sequence.detections), "--fps", str(sequence.fps)]
        if main([*argv, "--size", size, "-o", str(out), *flags]) != 0:
            raise RuntimeError(f"track failed on {sequence.name}")
        return read_rows(out)


def greedy(sequence: Sequence) -> list[MotRow]:
    """The floor: each box goes to the track whose last box overlaps it most, if by 0.3."""
    frames = by_frame(read_rows(sequence.detections))
    last: dict[int, MotRow] = {}
    rows: list[MotRow] = []
    for frame in range(1, max(frames) + 1):
        found = sorted(frames.get(frame, []), key=lambda row: -row.score)
        last = {name: row for name, row in last.items() if frame - row.frame <= sequence.fps}
        free = dict(last)
        for row in found:
            name = _nearest(row, free)
            free.pop(name, None)
            last[name or len(rows) + 1] = row
            rows.append(MotRow(row.frame, name or len(rows) + 1, *_box(row), row.score))
    return rows


def _nearest(row: MotRow, tracks: dict[int, MotRow]) -> int:
    if not tracks:
        return 0
    boxes = np.array([track.corners for track in tracks.values()])
    overlaps = buffered_iou(boxes, np.array([row.corners]), np.zeros(len(boxes)))[:, 0]
    best = int(overlaps.argmax())
    return list(tracks)[best] if overlaps[best] >= 0.3 else 0


def _box(row: MotRow) -> tuple[float, float, float, float]:
    return row.left_px, row.top_px, row.width_px, row.height_px


def _cost() -> Figure:
    """CPU time of this thread, so that neighbours on the machine do not count."""
    random = np.random.default_rng(1)
    start, speed = random.uniform(0, 1500, (OBJECTS, 2)), random.uniform(-80, 80, (OBJECTS, 2))
    tracker, costs = Tracker(TrackerConfig(), high_score=0.5), []
    for i in range(300):
        corner = start + speed * i / 10 + random.normal(0, 3, start.shape)
        found = Detections(
            np.hstack([corner, corner + np.array([40, 100])]).astype(np.float32),
            np.sort(random.uniform(0.3, 0.95, OBJECTS))[::-1].astype(np.float32),
            np.zeros(OBJECTS, np.int64),
        )
        began_s = time.thread_time()
        tracker.update(found, i / 10)
        costs.append((time.thread_time() - began_s) * 1e3)
    return Figure(
        name=f"tracker, {OBJECTS} objects, CPU time per frame (median)",
        value=statistics.median(costs),
        unit="ms",
        limit=2.0,
    )


def _video() -> Iterator[Figure]:
    """From pixels to tracks: the shipped model and the tracker, through `patrol-edge detect`."""
    truth = Sequence.load(MOT_DIR / "PETS09-S2L1").truth
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        if main(["detect", str(VIDEO), "--tracks", str(out)]) != 0:
            raise RuntimeError("detect failed")
        reached = _figures(score(truth, read_rows(out)))
    for name, value in reached.items():
        yield Figure(name=f"{name} on vtest.avi, detect --tracks", value=value, unit="%")
