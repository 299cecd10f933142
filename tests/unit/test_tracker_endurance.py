"""Ten thousand pictures: no id comes twice, memory stays, the same again."""

import tracemalloc

import numpy as np

from config.perception import TrackerConfig
from perception.detections import Detections
from perception.tracking.tracker import Tracker

FRAMES = 10_000
WATCHED_FROM = 9_000
FPS = 10.0
PER_FRAME = 4


def frame(random: np.random.Generator, i: int) -> Detections:
    """Walkers who come and go every 40 frames, a few left out, some clutter."""
    lane = np.arange(PER_FRAME)
    left = 20.0 + (i + 10 * lane) % 40 * 12
    boxes = np.stack([left, 150.0 * lane, left + 40, 150.0 * lane + 100], axis=1)
    seen = random.random(PER_FRAME) > 0.1
    boxes = boxes[seen] + random.normal(0, 1, (seen.sum(), 4))
    if i % 7 == 0:
        x, y = random.uniform(0, 600, 2).tolist()
        boxes = np.concatenate([boxes, [[x, y, x + 40, y + 100]]])
    scores = np.full(len(boxes), 0.9, np.float32)
    return Detections(boxes.astype(np.float32), scores, np.zeros(len(boxes), np.int64))


def test_ten_thousand_frames() -> None:
    random = np.random.default_rng(1)
    tracker = Tracker(TrackerConfig(lost_after_s=1.0), high_score=0.5)
    ended: set[int] = set()
    alive: set[int] = set()
    held_bytes = []
    for i in range(FRAMES):
        now = {track.track_id for track in tracker.update(frame(random, i), i / FPS)}
        assert not now & ended  # who is gone does not come back under his id
        ended |= alive - now
        alive = now
        if i == WATCHED_FROM:
            tracemalloc.start()
        if i >= WATCHED_FROM and i % 40 == 0:  # the scene is the same every 40 frames
            held_bytes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert len(ended) > 500
    # 100 bytes a frame would show; the test's own set of ids takes some of it.
    settled = held_bytes[len(held_bytes) // 2 :]
    assert max(settled) - min(settled) < 100 * (FRAMES - WATCHED_FROM)


def test_the_same_again() -> None:
    answers = []
    for _ in range(2):
        random, tracker = np.random.default_rng(2), Tracker(TrackerConfig(), high_score=0.5)
        answers.append([tracker.update(frame(random, i), i / FPS) for i in range(500)])

    assert answers[0] == answers[1]
