"""A parked unit's gate: shut where nothing is, open where something moves, and nobody is lost."""

import random

import numpy as np
import pytest

from config.devices import CameraSource
from config.perception import ParkedConfig, TrackerConfig
from drivers.samples import Frame
from edge.seeing.chain import unplaced
from edge.seeing.gate import SETTLED_S, Gate
from edge.seeing.look import Look
from perception.detections import Detections
from perception.tracking.tracker import Tracker

FPS = 10.0
LOST_S = 1.5
THRESHOLD = 0.4
EMPTY = np.full((90, 160, 3), 100, np.uint8)
PERSON = EMPTY.copy()
PERSON[30:60, 70:82] = 200
BOX = (70.0, 30.0, 82.0, 60.0)


class Post:
    """A parked camera with gate and tracker, on a clock of its own."""

    def __init__(self, *, sees: float = 1.0, source: CameraSource | None = None) -> None:
        """`sees`: how often the detector finds somebody who is there."""
        self.parked = True
        source = source or CameraSource()
        self.gate = Gate(ParkedConfig(), source, LOST_S, lambda: self.parked)
        self.tracker = Tracker(TrackerConfig(lost_after_s=LOST_S), high_score=THRESHOLD)
        self.sees = sees
        self.random = random.Random(5)
        self.now_s = 100.0
        self.looks = 0
        self.ids: list[tuple[int, ...]] = []

    def watch(self, image: np.ndarray, seconds: float) -> int:
        """Looks in that time."""
        before = self.looks
        for _ in range(round(seconds * FPS)):
            self.now_s += 1 / FPS
            if not self.gate.stands(self.now_s):
                self.gate.passes()
            elif not self.gate.opens(image, self.now_s, None):
                continue
            self._look(image)
        return self.looks - before

    def _look(self, image: np.ndarray) -> None:
        self.looks += 1
        there = image is PERSON and self.random.random() < self.sees
        found = Detections.none()
        if there:
            found = Detections(
                np.array([BOX], np.float32), np.array([0.6], np.float32), np.zeros(1, np.int64)
            )
        frame = Frame(camera="a", number=0, mono_s=self.now_s, image=image)
        tracks = tuple(self.tracker.update(found, self.now_s))
        self.ids.append(tuple(track.track_id for track in tracks))
        look = Look(frame=frame, found=found, tracks=tracks, scene=unplaced(frame, tracks))
        self.gate.saw(look, THRESHOLD)


def test_an_empty_scene_costs_a_look_every_other_second() -> None:
    post = Post()
    post.watch(EMPTY, 5)

    assert 28 <= post.watch(EMPTY, 60) <= 31


@pytest.mark.parametrize("sees", [1.0, 0.8, 0.6])
def test_who_stands_still_for_ten_minutes_is_one_track(sees: float) -> None:
    post = Post(sees=sees)
    post.watch(EMPTY, 5)
    post.watch(PERSON, 3)
    post.ids.clear()

    looks = post.watch(PERSON, 600)

    assert set(post.ids) == {(1,)}, "followed without a gap"
    if sees == 1:  # whoever is missed now and then is looked at as often as can be
        assert looks < 600 * FPS / 2


def test_who_was_there_before_the_unit_parked_is_found_though_he_never_moves() -> None:
    post = Post()
    post.parked = False
    post.watch(EMPTY, 5)
    post.parked = True
    post.watch(EMPTY, 10)
    background = post.gate  # the scene has him in it from now on: no movement ever tells of him
    post.watch(PERSON, 0.1)
    background.passes()
    post.watch(PERSON, 12)

    assert post.ids[-1] == (1,)


def test_who_comes_opens_the_gate_at_once() -> None:
    post = Post()
    post.watch(EMPTY, 20)

    assert post.watch(PERSON, 1) == FPS


def test_a_unit_that_moves_or_has_just_stopped_looks_at_everything() -> None:
    post = Post()
    post.parked = False
    assert post.watch(EMPTY, 10) == 10 * FPS

    post.parked = True

    assert post.watch(EMPTY, SETTLED_S - 0.2) == round((SETTLED_S - 0.2) * FPS)
    post.watch(EMPTY, 5)
    assert post.watch(EMPTY, 10) <= 6
    post.parked = False
    assert post.watch(EMPTY, 1) == FPS


def test_a_fixed_camera_needs_no_word_of_the_unit_s_speed() -> None:
    post = Post(source=CameraSource(fixed=True))
    post.parked = False
    post.watch(EMPTY, 5)

    assert post.watch(EMPTY, 10) <= 6


def test_a_region_is_a_part_of_the_picture_and_never_empty() -> None:
    gate = Gate(ParkedConfig(), CameraSource(region=(0.25, 0.5, 1, 1)), LOST_S, lambda: True)

    assert gate.window(1280, 720) == (320, 360, 1280, 720)
    assert gate.window(1, 1) == (0, 0, 1, 1)
    assert Gate(ParkedConfig(), CameraSource(), LOST_S, lambda: True).window(1280, 720) is None
    with pytest.raises(ValueError, match="holds nothing"):
        CameraSource(region=(0.5, 0, 0.5, 1))
