"""The chain and the camera's own motion: taken out while the unit may move, not paid for parked."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from config.perception import PerceptionConfig, TrackerConfig
from drivers.samples import Frame
from edge.seeing.chain import Chain, unplaced
from perception.detections import Detections, Track
from perception.place.placed import Scene
from perception.tracking.ego_motion import EgoMotion
from tests.unit.test_ego_motion import street


def frame(i: int, shift_px: int) -> Frame:
    picture = np.roll(street(1), shift_px, axis=1)
    return Frame(camera="front", number=i, mono_s=i / 10, image=picture)


def found(*lefts: float) -> Detections:
    boxes = np.array([[x, 300, x + 40, 400] for x in lefts], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def parked(frame: Frame, tracks: tuple[Track, ...]) -> Scene:
    return replace(unplaced(frame, tracks), parked=True)


def test_one_alone_keeps_its_id_through_a_turn_of_the_camera() -> None:
    """No other track tells of the turn, and the box jumps by three widths; the picture does."""
    ids = {}
    for ego_motion in (True, False):
        config = PerceptionConfig(tracker=TrackerConfig(ego_motion=ego_motion))
        chain = Chain.build(config, ["front"], 0.5, itertools.count(1), unplaced)
        for i in range(6):
            chain.see(frame(i, 0), found(600))
        for i in range(6, 10):
            look = chain.see(frame(i, 120), found(720))
        ids[ego_motion] = [track.track_id for track in look.tracks if track.seen]

    assert ids == {True: [1], False: [2]}


def test_a_parked_unit_compares_no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain.build(PerceptionConfig(), ["front"], 0.5, itertools.count(1), parked)
    chain.see(frame(0, 0), found(600))
    monkeypatch.setattr(EgoMotion, "measure", None)

    look = chain.see(frame(1, 0), found(600))

    assert look.scene.parked


def test_the_quality_goes_with_the_track() -> None:
    chain = Chain.build(PerceptionConfig(), ["front"], 0.5, itertools.count(1), unplaced)
    for i in range(4):
        look = chain.see(frame(i, 0), found(600))

    assert [one.quality for one in look.scene.tracks] == [one.quality for one in look.tracks]
    assert 0.5 < look.tracks[0].quality < 0.9
