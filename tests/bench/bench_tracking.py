"""HOTA, IDF1 and MOTA of the tracker on seven sequences of MOT15, and what a frame costs.

Every peer of `tracking_peers` runs on the same detections, frame by frame; the best of each figure
is the limit of what the unit says online. Without them the limit is what the best reached on
2026-11-27, and the figure says so. The floor is a tracker of 25 lines: greedy IoU, last box.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from config.perception import TrackerConfig
from edge.cli.main import main
from perception.detections import Detections
from perception.tracking.ego_motion import STANDING, EgoMotion
from perception.tracking.match import buffered_iou
from perception.tracking.mot import MotRow, by_frame, read_rows
from perception.tracking.mot_scores import Scores, score
from perception.tracking.track_file import high_score
from perception.tracking.tracker import Tracker
from tests.bench import tracking_peers
from tests.bench.figures import Figure
from tests.mot_data import NAMES, Sequence
from tests.shared_data import SHARED

MOT_DIR = SHARED / "data" / "mot"
VIDEO = SHARED / "data" / "video" / "vtest.avi"  # is PETS09-S2L1, frame by frame
AIMS = {"HOTA": 40.0, "IDF1": 55.0}
# The best of trackers 2.6.1 (SORT, ByteTrack, OC-SORT, C-BIoU, BoT-SORT, McByte), norfair 2.3.0 and
# motpy 0.0.10, on 2026-11-27: McByte, and BoT-SORT for MOTA.
BEST_PEER = {"HOTA": 38.72, "IDF1": 51.96, "MOTA": 39.72}
CROWDS = (50, 200)
CROWD_FPS = 10.0


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
    yield from _cost()
    if MOT_DIR.exists() and VIDEO.exists():
        yield from _shaken()
        yield from _video()


def _accuracy() -> Iterator[Figure]:
    sequences = [Sequence.load(MOT_DIR / name) for name in NAMES]
    best = yield from _peers(sequences)
    for how, flags in (("online", ("--online",)), ("recording", ())):
        each = [score(one.truth, command(one, *flags)) for one in sequences]
        reached = _figures(sum(each, start=Scores.none()))
        for name, value in reached.items():
            limit, whose = best[name]
            yield Figure(
                name=f"{name} on MOT15, {how}",
                value=value,
                unit="%",
                limit=max(limit, AIMS.get(name, 0.0)),
                sense=">=",
                peer=f"best peer: {limit:.2f} {whose}",
            )
        for one, scores in zip(sequences, each, strict=True):
            yield Figure(
                name=f"  HOTA on {one.name}, {how}",
                value=scores.hota,
                unit="%",
                peer=f"IDF1 {scores.idf1:.1f}, MOTA {scores.mota:.1f}, {scores.switches} switches",
            )


def _peers(sequences: list[Sequence]) -> Generator[Figure, None, dict[str, tuple[float, str]]]:
    """A figure for each peer. Returns of each score the best value and whose it is."""
    best = dict.fromkeys(BEST_PEER, (0.0, ""))
    others = tracking_peers.peers()
    everyone = {name: partial(tracking_peers.follow, maker=maker) for name, maker in others.items()}
    for name, follow in (everyone | {"greedy IoU": greedy}).items():
        reached = _figures(_total(sequences, follow))
        told = f"IDF1 {reached['IDF1']:.2f}, MOTA {reached['MOTA']:.2f}"
        yield Figure(name=f"HOTA on MOT15, {name}", value=reached["HOTA"], unit="%", peer=told)
        best = {key: max(one, (reached[key], name)) for key, one in best.items()}
    if others:
        return best
    return {key: (value, "(2026-11-27; none installed)") for key, value in BEST_PEER.items()}


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


def crowd(objects: int, frames: int) -> Iterator[Detections]:
    """Walkers on straight lines, measured with noise, over and behind one another."""
    random = np.random.default_rng(1)
    start = random.uniform(0, 1500, (objects, 2))
    speed = random.uniform(-80, 80, (objects, 2))
    for i in range(frames):
        corner = start + speed * i / CROWD_FPS + random.normal(0, 3, start.shape)
        yield Detections(
            np.hstack([corner, corner + np.array([40, 100])]).astype(np.float32),
            np.sort(random.uniform(0.3, 0.95, objects))[::-1].astype(np.float32),
            np.zeros(objects, np.int64),
        )


def _cost() -> Iterator[Figure]:
    """CPU time of this thread, so that neighbours on the machine do not count."""
    for objects in CROWDS:
        frames = list(crowd(objects, 200))
        tracker, costs = Tracker(TrackerConfig(), high_score=0.5), []
        for i, found in enumerate(frames):
            began_s = time.thread_time()
            tracker.update(found, i / CROWD_FPS)
            costs.append(time.thread_time() - began_s)
        plain = [(one.boxes.astype(np.float64), one.scores.astype(np.float64)) for one in frames]
        beside = {
            name: 1 / tracking_peers.seconds_per_frame(maker, plain[:60], CROWD_FPS)
            for name, maker in tracking_peers.peers().items()
            if name in ("SORT", "ByteTrack")
        }
        yield Figure(
            name=f"tracker, updates per s of CPU at {objects} objects",
            value=1 / statistics.median(costs),
            unit="/s",
            limit=900.0 if objects == CROWDS[0] else None,
            sense=">=",
            peer=", ".join(f"{name} {rate:.0f}" for name, rate in beside.items()),
        )


def _shaken() -> Iterator[Figure]:
    """The same pictures as a hand or a walking robot would hold them: 2 Hz, 3 % of the width, and
    a degree or so. Detections and truth are moved along; the pictures are at hand, or are not."""
    sequence = Sequence.load(MOT_DIR / "PETS09-S2L1")
    truth = by_frame(row for row in sequence.truth if row.score)
    held = [
        row
        for frame, rows in truth.items()
        for row in _held(rows, _hand(frame / sequence.fps, sequence.width_px))
    ]
    switches: dict[str, int] = {}
    costs: list[float] = []
    for how in ("without", "tracks alone", "pictures"):
        reached = score(held, _followed_shaken(sequence, how, costs))
        switches[how] = reached.switches
        yield Figure(
            name=f"HOTA on PETS09-S2L1, shaken, ego-motion: {how}",
            value=reached.hota,
            unit="%",
            peer=f"IDF1 {reached.idf1:.1f}, {reached.switches} switches",
        )
    yield Figure(
        name="id switches on it with pictures, share of those without",
        value=switches["pictures"] / max(switches["without"], 1),
        unit="",
        limit=0.5,
    )
    yield Figure(
        name="ego-motion from a 768x576 picture, CPU time (median)",
        value=statistics.median(costs),
        unit="ms",
        limit=8.0,
    )


def _followed_shaken(sequence: Sequence, how: str, costs: list[float]) -> list[MotRow]:
    """Online, with ego-motion as `how` says; what a picture costs goes into `costs`, ms."""
    found = by_frame(read_rows(sequence.detections))
    high = high_score([row.score for rows in found.values() for row in rows])
    tracker, ego = Tracker(TrackerConfig(), high_score=high), EgoMotion()
    told: list[MotRow] = []
    boxes = np.zeros((0, 4))
    for frame, picture in _frames():
        hand = _hand(frame / sequence.fps, sequence.width_px)
        warp = STANDING if how == "without" else None
        if how == "pictures":
            shaken = cv2.warpAffine(picture, hand, (sequence.width_px, sequence.height_px))
            began_s = time.thread_time()
            warp = ego.measure(np.asarray(shaken, np.uint8), boxes)
            costs.append((time.thread_time() - began_s) * 1e3)
        rows = _as_found(_held(found.get(frame, []), hand))
        tracks = tracker.update(rows, frame / sequence.fps, warp)
        boxes = np.array([one.box for one in tracks]).reshape(-1, 4)
        told += [
            MotRow.of_corners(frame, one.track_id, one.box, one.score) for one in tracks if one.seen
        ]
    return told


def _frames() -> Iterator[tuple[int, NDArray[np.uint8]]]:
    video = cv2.VideoCapture(str(VIDEO))
    for frame in itertools.count(1):
        there, picture = video.read()
        if not there:
            return
        yield frame, np.asarray(picture, np.uint8)


def _hand(t_s: float, width_px: float) -> NDArray[np.float64]:
    """(2, 3) where the picture is held at t_s."""
    turn = np.radians(1.2) * np.sin(2 * np.pi * 1.1 * t_s)
    way = 0.03 * width_px * np.array([np.sin(2 * np.pi * 2.2 * t_s), np.cos(2 * np.pi * 1.7 * t_s)])
    return np.array([[np.cos(turn), -np.sin(turn), way[0]], [np.sin(turn), np.cos(turn), way[1]]])


def _held(rows: list[MotRow], hand: NDArray[np.float64]) -> list[MotRow]:
    """The rows with their middle moved along."""
    moved = []
    for row in rows:
        half = np.array([row.width_px, row.height_px]) / 2
        corner = hand[:, :2] @ (np.array([row.left_px, row.top_px]) + half) + hand[:, 2] - half
        moved.append(replace(row, left_px=float(corner[0]), top_px=float(corner[1])))
    return moved


def _as_found(rows: list[MotRow]) -> Detections:
    ranked = sorted(rows, key=lambda row: -row.score)
    return Detections(
        np.array([row.corners for row in ranked], np.float32).reshape(-1, 4),
        np.array([row.score for row in ranked], np.float32),
        np.zeros(len(ranked), np.int64),
    )


def _video() -> Iterator[Figure]:
    """From pixels to tracks: the shipped model and the tracker, through `patrol-edge detect`."""
    truth = Sequence.load(MOT_DIR / "PETS09-S2L1").truth
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.txt"
        if main(["detect", str(VIDEO), "--tracks", str(out)]) != 0:
            raise RuntimeError("detect failed")
        reached = _figures(score(truth, read_rows(out)))
    limits = {"MOTA": 85.0, "IDF1": 75.0}
    for name, value in reached.items():
        yield Figure(
            name=f"{name} on vtest.avi, detect --tracks",
            value=value,
            unit="%",
            limit=limits.get(name),
            sense=">=",
        )
