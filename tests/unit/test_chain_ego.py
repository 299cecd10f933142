"""The chain and the camera's own motion: taken out while the unit may move, not paid for parked."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from config.cameras import GroundConfig, LensConfig, MountConfig
from config.perception import PerceptionConfig, TrackerConfig
from drivers.samples import Frame
from edge.seeing.chain import Chain, unplaced
from perception.detections import Detections, Track
from perception.place.geometry import turned
from perception.place.placed import Scene
from perception.place.placer import CameraSetup, Placer
from perception.place.pose import UnitPose
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


def test_while_nobody_is_followed_no_pictures_are_compared_and_the_first_loses_nothing_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who appears in a picture is told from the next by what lies between these two."""
    measured: list[bool] = []
    measures = EgoMotion.measure

    def noted(self: EgoMotion, image: np.ndarray, followed: np.ndarray) -> np.ndarray | None:
        warp = measures(self, image, followed)
        measured.append(warp is not None)
        return warp

    monkeypatch.setattr(EgoMotion, "measure", noted)
    chain = Chain.build(PerceptionConfig(), ["front"], 0.5, itertools.count(1), unplaced)
    for i in range(5):
        chain.see(frame(i, 0), found())
    assert measured == []

    chain.see(frame(5, 0), found(600))
    for i, shift_px in enumerate((120, 240, 360), start=6):
        look = chain.see(frame(i, shift_px), found(600 + shift_px))

    assert measured == [True, True, True]
    assert [track.track_id for track in look.tracks if track.seen] == [1]


def test_the_quality_goes_with_the_track() -> None:
    chain = Chain.build(PerceptionConfig(), ["front"], 0.5, itertools.count(1), unplaced)
    for i in range(4):
        look = chain.see(frame(i, 0), found(600))

    assert [one.quality for one in look.scene.tracks] == [one.quality for one in look.tracks]
    assert 0.5 < look.tracks[0].quality < 0.9


def test_in_the_dark_the_poses_tell_of_a_turn() -> None:
    """Black pictures; between two looks the camera turns right by 7 degrees, so that one who stands
    moves to the left by 120 px."""
    lens = np.array([[980.0, 0, 640], [0, 980, 360], [0, 0, 1]])
    ahead = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # camera axes to the body's
    ids = {}
    for known in (True, False):
        headings = iter([10.0] * 6 + [17.0] * 4)
        chain = Chain.build(
            PerceptionConfig(),
            ["front"],
            0.5,
            itertools.count(1),
            unplaced,
            lambda _frame, to=headings, known=known: (
                lens @ (turned(next(to), 0, 0) @ ahead).T if known else None
            ),
        )
        for i in range(10):
            black = replace(frame(i, 0), image=np.zeros((720, 1280, 3), np.uint8))
            look = chain.see(black, found(600 if i < 6 else 480))
        ids[known] = [track.track_id for track in look.tracks if track.seen]

    assert ids == {True: [1], False: [2]}


@pytest.mark.parametrize(("heading_error_deg", "known"), [(0.5, True), (5.0, False)])
def test_a_pose_that_is_sure_projects_the_world_into_the_picture(
    heading_error_deg: float, known: bool
) -> None:
    setup = CameraSetup(
        lens=LensConfig(horizontal_fov_deg=60), mount=MountConfig(height_m=1.5, pitch_deg=0)
    )
    placer = Placer({"front": setup}, GroundConfig(), 0.3)
    pose = UnitPose(
        mono_s=0,
        lat_deg=54,
        lon_deg=12,
        position_error_m=1,
        heading_deg=90,
        heading_error_deg=heading_error_deg,
    )
    matrix = placer.projection("front", (1280, 720), pose)

    assert (matrix is not None) == known
    if matrix is not None:
        x, y, w = matrix @ [1.0, 0.0, 0.0]  # due east, at the height of the lens
        assert (x / w, y / w) == pytest.approx((639.5, 359.5))
