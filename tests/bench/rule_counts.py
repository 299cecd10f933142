"""Counts at lines across real recordings, against the truth: MOT15 sequences of standing cameras,
by the detections that come with them and our tracker, in the picture's own pixels."""

import itertools
from collections.abc import Iterator

import numpy as np

from config.perception import TrackerConfig
from perception.detections import Detections, Track
from perception.place.placed import Scene, Unplaced, WorldTrack
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Count
from perception.tracking.mot import MotRow, by_frame, read_rows
from perception.tracking.track_file import high_score
from perception.tracking.tracker import Tracker
from perception.zones.zones import Zone
from tests.bench.figures import Figure
from tests.mot_data import Sequence
from tests.rules.scripts import RULE
from tests.shared_data import SHARED

# Seen from above for 80 s; and 7 s at eye level, where people hide each other: no limit.
STANDING = {"PETS09-S2L1": 5.0, "TUD-Stadtmitte": None}
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)  # of the width, where lines stand upright
SURE_SHARE = 0.02  # of the width: so far from the line the truth is on one side


def measure() -> Iterator[Figure]:
    """Nothing where the recordings are not at hand."""
    folder = SHARED / "data" / "mot"
    if not folder.is_dir():
        return
    for name, limit in STANDING.items():
        sequence = Sequence.load(folder / name)
        told = list(_told(sequence))
        true = [_true(sequence, share, way) for share in SHARES for way in (1, -1)]
        wrong = sum(abs(a - b) for a, b in zip(told, true, strict=True))
        yield Figure(
            name=f"counts on {name}, errors of {len(SHARES)} lines",
            value=float(100 * wrong / sum(true)),
            unit="%",
            limit=limit,
            peer=f"{sum(told)} told, {sum(true)} crossed; errors by line and direction, added up",
        )


def _told(sequence: Sequence) -> Iterator[int]:
    """Forward and backward at each line; forward is to the right."""
    zones = [
        Zone(name=f"line_{n}", kind="line", camera="one", points=np.array([(s, 1.0), (s, 0.0)]))
        for n, s in enumerate(SHARES)
    ]
    rule = {"kind": "count", "zones": [zone.name for zone in zones], "period_s": 3600}
    engine = Engine(build_rules({"ours": RULE.validate_python(rule)}, zones), zones)
    for one in _scenes(sequence):
        engine.see(one)
    for count in engine.end(None, "shutdown", 0.0):
        if isinstance(count, Count):
            yield from (sum(count.forward.values()), sum(count.backward.values()))


def _scenes(sequence: Sequence) -> Iterator[Scene]:
    frames = by_frame(read_rows(sequence.detections))
    scores = [row.score for rows in frames.values() for row in rows]
    tracker = Tracker(TrackerConfig(), high_score=high_score(scores))
    for number in range(1, max(frames) + 1):
        mono_s = number / sequence.fps
        tracks = tracker.update(_detections(frames.get(number, [])), mono_s)
        yield Scene(
            camera="one", mono_s=mono_s, width_px=sequence.width_px, height_px=sequence.height_px,
            tracks=tuple(_unplaced(each) for each in tracks), parked=True,
            unplaced=Unplaced.NO_POSE,
        )  # fmt: skip


def _detections(rows: list[MotRow]) -> Detections:
    rows = sorted(rows, key=lambda row: -row.score)
    boxes = np.array([row.corners for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row.score for row in rows], np.float32)
    return Detections(boxes, scores, np.zeros(len(rows), np.int64))


def _unplaced(each: Track) -> WorldTrack:
    return WorldTrack(
        track_id=each.track_id, camera="one", label=each.label, score=each.score, box=each.box,
        mono_s=each.mono_s, seen=each.seen, age_s=each.age_s,
    )  # fmt: skip


def _true(sequence: Sequence, share: float, way: int) -> int:
    """How often the persons of the truth go over a line in one way (1: to the right)."""
    line, sure = share * sequence.width_px, SURE_SHARE * sequence.width_px
    walks: dict[int, list[MotRow]] = {}
    for row in sequence.truth:
        if row.score:
            walks.setdefault(row.track_id, []).append(row)
    crossed = 0
    for walk in walks.values():
        centres = [row.left_px + row.width_px / 2 - line
                   for row in sorted(walk, key=lambda row: row.frame)]  # fmt: skip
        sides = [1 if centre > 0 else -1 for centre in centres if abs(centre) > sure]
        crossed += sum(a != b and b == way for a, b in itertools.pairwise(sides))
    return crossed
