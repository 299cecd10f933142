"""Trackers of other packages on the same detections, with their own default settings.

They are in requirements-bench.lock; without them there are none, and the bench says so. The frame
rate is given to those that ask for it. Where a package has no default, its choice is said here.
"""

import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from perception.tracking.mot import MotRow, by_frame, read_rows
from tests.mot_data import Sequence

Boxes = NDArray[np.float64]
# (boxes (N, 4) x1 y1 x2 y2, scores (N,)) of one frame to [(id, box)]
Step = Callable[[Boxes, Boxes], list[tuple[int, Boxes]]]
Maker = Callable[[float], Step]  # from the frame rate

ROBOFLOW = ("SORT", "ByteTrack", "OCSORT", "CBIoU", "BoTSORT", "McByte")  # trackers 2.6
NORFAIR_IOU_DISTANCE = 0.5  # has no default; the half is where MOTA counts a box as found


def peers() -> dict[str, Maker]:
    """By name, those that are installed."""
    found: dict[str, Maker] = {}
    if find_spec("trackers"):
        found |= {name: _roboflow_maker(name) for name in ROBOFLOW}
    if find_spec("norfair"):
        found["norfair"] = _norfair
    if find_spec("motpy"):
        found["motpy"] = _motpy
    return found


def follow(sequence: Sequence, maker: Maker) -> list[MotRow]:
    """What a peer says online, frame by frame."""
    frames = by_frame(read_rows(sequence.detections))
    rows: list[MotRow] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of their own dependencies
        step = maker(sequence.fps)
        for frame in range(1, max(frames) + 1):
            found = frames.get(frame, [])
            boxes = np.array([row.corners for row in found], np.float64).reshape(-1, 4)
            for name, box in step(boxes, np.array([row.score for row in found])):
                x1, y1, x2, y2 = np.asarray(box, np.float64).tolist()
                rows.append(MotRow.of_corners(frame, name, (x1, y1, x2, y2), 1.0))
    return rows


def seconds_per_frame(maker: Maker, frames: list[tuple[Boxes, Boxes]], fps: float) -> float:
    """Median CPU time of this thread over made-up frames."""
    costs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = maker(fps)
        for boxes, scores in frames:
            began_s = time.thread_time()
            step(boxes, scores)
            costs.append(time.thread_time() - began_s)
    return float(np.median(costs))


def _roboflow_maker(name: str) -> Maker:
    def make(fps: float) -> Step:
        import supervision
        import trackers

        tracker = getattr(trackers, f"{name}Tracker")(frame_rate=fps)

        def step(boxes: Boxes, scores: Boxes) -> list[tuple[int, Boxes]]:
            found = supervision.Detections(
                xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int)
            )
            told = tracker.update(found)
            return [
                (int(one), box)
                for one, box in zip(told.tracker_id, told.xyxy, strict=True)
                if one >= 0
            ]

        return step

    return make


def _norfair(_fps: float) -> Step:
    import norfair

    tracker = norfair.Tracker(distance_function="iou", distance_threshold=NORFAIR_IOU_DISTANCE)

    def step(boxes: Boxes, scores: Boxes) -> list[tuple[int, Boxes]]:
        told = tracker.update(
            [
                norfair.Detection(box.reshape(2, 2), np.array([score, score]))
                for box, score in zip(boxes, scores, strict=True)
            ]
        )
        return [(one.id, one.estimate.reshape(4)) for one in told if one.live_points.any()]

    return step


def _motpy(fps: float) -> Step:
    import motpy

    tracker = motpy.MultiObjectTracker(dt=1 / fps)
    names: dict[str, int] = {}

    def step(boxes: Boxes, scores: Boxes) -> list[tuple[int, Boxes]]:
        told = tracker.step(
            [
                motpy.Detection(box=box, score=score)
                for box, score in zip(boxes, scores, strict=True)
            ]
        )
        return [(names.setdefault(one.id, len(names) + 1), one.box) for one in told]

    return step
