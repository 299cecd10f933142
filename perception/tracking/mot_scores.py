"""HOTA, IDF1 and MOTA of tracking results, written from their papers.

HOTA: Luiten et al., IJCV 2021 (alpha 0.05 to 0.95, averaged). IDF1: Ristani et al., ECCV workshop
2016. MOTA: Bernardin and Stiefelhagen, 2008. IDF1 and MOTA count a box as found from IoU 0.5 on.
The same sums can be had from trackeval (Luiten and Hoffhues, MIT), the reference, where it is
installed (extra `eval`): `score` is checked against `reference_score` by a test.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from perception.tracking.match import assign, buffered_iou
from perception.tracking.mot import MotRow, by_frame

Floats = NDArray[np.float64]
ALPHAS = np.arange(0.05, 0.99, 0.05)
FOUND_IOU = 0.5
EPSILON = float(np.finfo(float).eps)


@dataclass(slots=True)
class Scores:
    """Sums over sequences, from which the scores are made; add them up with `+`."""

    tp: Floats  # per alpha
    fn: Floats  # per alpha
    fp: Floats  # per alpha
    association: Floats  # per alpha, sum over the matches of their track's agreement
    identity_tp: float = 0
    boxes_true: int = 0
    boxes_told: int = 0
    found: int = 0
    switches: int = 0
    tracks_true: int = 0
    tracks_told: int = 0

    @classmethod
    def none(cls) -> Self:
        tp, fn, fp, association = (np.zeros(len(ALPHAS)) for _ in range(4))
        return cls(tp, fn, fp, association)

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def hota(self) -> float:
        """0..100, as all three."""
        detection = self.tp / np.maximum(self.tp + self.fn + self.fp, 1)
        association = self.association / np.maximum(self.tp, 1)
        return float(100 * np.sqrt(detection * association).mean())

    @property
    def idf1(self) -> float:
        return 200 * self.identity_tp / max(self.boxes_true + self.boxes_told, 1)

    @property
    def mota(self) -> float:
        missed, false = self.boxes_true - self.found, self.boxes_told - self.found
        return 100 * (1 - (missed + false + self.switches) / max(self.boxes_true, 1))


@dataclass(slots=True)
class _Scene:
    """One sequence: for every frame the ids (from 0) on both sides and the IoU between them."""

    frames: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]]
    true_counts: Floats
    told_counts: Floats


def score(truth: Iterable[MotRow], result: Iterable[MotRow]) -> Scores:
    """One sequence. Rows of the truth with flag (the seventh column) 0 do not count."""
    scene = _counted(truth, result)
    total = _of_counts(scene)
    _add_hota(scene, total)
    _add_clear(scene, total)
    overlaps = np.zeros((len(scene.true_counts), len(scene.told_counts)))
    for true, told, iou in scene.frames:
        overlaps[np.ix_(true, told)] += iou >= FOUND_IOU
    # The best one-to-one naming of tracks: as many common boxes as can be.
    total.identity_tp = float(overlaps[assign(overlaps, 0.0)].sum())
    return total


def has_reference() -> bool:
    return find_spec("trackeval") is not None


def reference_score(truth: Iterable[MotRow], result: Iterable[MotRow]) -> Scores:
    """As `score`, computed by trackeval. Raises ImportError without it."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    scene = _counted(truth, result)
    data = _as_trackeval(scene)
    quiet = {"PRINT_CONFIG": False, "THRESHOLD": FOUND_IOU}
    hota = HOTA().eval_sequence(data)
    clear = CLEAR(quiet).eval_sequence(data)
    identity = Identity(quiet).eval_sequence(data)
    total = _of_counts(scene)
    total.tp, total.fn, total.fp = hota["HOTA_TP"], hota["HOTA_FN"], hota["HOTA_FP"]
    total.association = hota["AssA"] * np.maximum(total.tp, 1)
    total.identity_tp = int(identity.get("IDTP", 0))
    total.found, total.switches = int(clear["CLR_TP"]), int(clear["IDSW"])
    return total


def _as_trackeval(scene: _Scene) -> dict[str, Any]:
    """A scene in the form that trackeval's datasets hand to its metrics."""
    true, told, overlaps = zip(*scene.frames, strict=True) if scene.frames else ((), (), ())
    return {
        "num_timesteps": len(scene.frames),
        "num_gt_ids": len(scene.true_counts),
        "num_tracker_ids": len(scene.told_counts),
        "num_gt_dets": int(scene.true_counts.sum()),
        "num_tracker_dets": int(scene.told_counts.sum()),
        "gt_ids": true,
        "tracker_ids": told,
        "similarity_scores": overlaps,
    }


def _counted(truth: Iterable[MotRow], result: Iterable[MotRow]) -> _Scene:
    return _scene([row for row in truth if row.score != 0], list(result))


def _of_counts(scene: _Scene) -> Scores:
    total = Scores.none()
    total.boxes_true = int(scene.true_counts.sum())
    total.boxes_told = int(scene.told_counts.sum())
    total.tracks_true, total.tracks_told = len(scene.true_counts), len(scene.told_counts)
    return total


def _scene(truth: list[MotRow], result: list[MotRow]) -> _Scene:
    true_names = {name: i for i, name in enumerate(sorted({row.track_id for row in truth}))}
    told_names = {name: i for i, name in enumerate(sorted({row.track_id for row in result}))}
    true_rows, told_rows = by_frame(truth), by_frame(result)
    frames = []
    for frame in sorted(true_rows.keys() | told_rows.keys()):
        true, told = true_rows.get(frame, []), told_rows.get(frame, [])
        boxes, others = (
            np.array([r.corners for r in rows]).reshape(-1, 4) for rows in (true, told)
        )
        iou = buffered_iou(boxes, others, np.zeros(len(boxes)))
        true_ids = np.array([true_names[row.track_id] for row in true], np.int64)
        told_ids = np.array([told_names[row.track_id] for row in told], np.int64)
        frames.append((true_ids, told_ids, iou))
    true_counts = np.bincount([true_names[r.track_id] for r in truth], minlength=len(true_names))
    told_counts = np.bincount([told_names[r.track_id] for r in result], minlength=len(told_names))
    return _Scene(frames, true_counts.astype(float), told_counts.astype(float))


def _add_hota(scene: _Scene, total: Scores) -> None:
    likely = np.zeros((len(scene.true_counts), len(scene.told_counts)))
    for true, told, iou in scene.frames:
        around = iou.sum(0)[None, :] + iou.sum(1)[:, None] - iou
        likely[np.ix_(true, told)] += np.where(
            around > EPSILON, iou / np.maximum(around, EPSILON), 0
        )
    either = scene.true_counts[:, None] + scene.told_counts[None, :]
    agreement = likely / (either - likely)
    matches = np.zeros((len(ALPHAS), *likely.shape))
    for true, told, iou in scene.frames:
        rows, columns = assign(agreement[np.ix_(true, told)] * iou, 0.0)
        good = iou[rows, columns] >= ALPHAS[:, None] - EPSILON
        for step in range(len(ALPHAS)):
            matches[step, true[rows[good[step]]], told[columns[good[step]]]] += 1
    tp = matches.sum(axis=(1, 2))
    total.tp += tp
    total.fn += total.boxes_true - tp
    total.fp += total.boxes_told - tp
    total.association += (matches * matches / np.maximum(either - matches, 1)).sum(axis=(1, 2))


def _add_clear(scene: _Scene, total: Scores) -> None:
    last = np.full(len(scene.true_counts), -1)  # the track each object was last given
    before = np.full(len(scene.true_counts), -1)  # the same, if in the frame before this one
    for true, told, iou in scene.frames:
        if not len(true):
            continue  # as trackeval: a frame without truth ends no match
        wish = 1000.0 * (before[true][:, None] == told[None, :]) + iou
        wish[iou < FOUND_IOU - EPSILON] = 0
        rows, columns = assign(wish, EPSILON)
        objects, tracks = true[rows], told[columns]
        total.switches += int(((last[objects] != -1) & (last[objects] != tracks)).sum())
        last[objects] = tracks
        before[:] = -1
        before[objects] = tracks
        total.found += len(rows)
