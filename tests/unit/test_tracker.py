"""The tracker on made-up scenes, where the truth is known."""

import math
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.perception import TrackerConfig
from perception.detections import PATROL_CLASSES, Detections, Track
from perception.tracking.match import buffered_iou
from perception.tracking.tracker import Tracker

Seen = tuple[float, float, float, float, float, str]  # x1 y1 x2 y2 score label


def detections(*seen: Seen) -> Detections:
    return Detections(
        np.array([s[:4] for s in seen], np.float32).reshape(-1, 4),
        np.array([s[4] for s in seen], np.float32),
        np.array([PATROL_CLASSES.index(s[5]) for s in seen], np.int64),
    )


def at(x: float, y: float = 100, *, score: float = 0.9, label: str = "person") -> Seen:
    """A box of 40x100 px whose left edge is at x."""
    return (x, y, x + 40, y + 100, score, label)


def tracker(**config: float) -> Tracker:
    return Tracker(TrackerConfig(**config), high_score=0.5)  # type: ignore[arg-type]  # by name


def ids(tracks: list[Track]) -> list[int]:
    return [track.track_id for track in tracks]


def test_a_track_counts_after_its_third_detection() -> None:
    follow = tracker(confirm_hits=3)
    answers, places = [], []
    for i in range(4):
        answers.append(follow.update(detections(at(10 + 2 * i)), i / 10))
        places.append([sighting.box[0] for sighting in follow.sightings().get(1, ())])

    assert [ids(answer) for answer in answers] == [[], [], [1], [1]]
    assert places == [[], [], [10, 12, 14], [16]]
    assert answers[2][0].age_s == pytest.approx(0.2)


def test_a_weak_detection_continues_a_track_but_starts_none() -> None:
    follow = tracker()
    for i in range(3):
        follow.update(detections(at(10)), i / 10)
    answer = follow.update(detections(at(10, score=0.2), at(400, score=0.4)), 0.3)

    assert [(t.track_id, t.seen) for t in answer] == [(1, True)]
    for i in range(4, 9):
        assert ids(follow.update(detections(at(10), at(400, score=0.4)), i / 10)) == [1]


def test_an_unseen_track_is_predicted_and_found_again_under_its_id() -> None:
    follow = tracker(lost_after_s=1.0)
    for i in range(10):
        follow.update(detections(at(10 + 10 * i)), i / 10)
    gone = [follow.update(Detections.none(), i / 10) for i in range(10, 15)]
    (back,) = follow.update(detections(at(160)), 1.5)

    assert [t.seen for answer in gone for t in answer] == [False] * 5
    assert gone[-1][0].box[0] == pytest.approx(150, abs=6)
    assert (back.track_id, back.seen) == (1, True)


def test_a_track_unseen_for_too_long_ends_and_its_id_is_not_given_again() -> None:
    follow = tracker(lost_after_s=1.0)
    for i in range(5):
        follow.update(detections(at(10)), i / 10)

    assert ids(follow.update(Detections.none(), 1.4)) == [1]
    assert ids(follow.update(Detections.none(), 1.41)) == []
    answers = [follow.update(detections(at(10)), 2 + i / 10) for i in range(3)]
    assert ids(answers[-1]) == [2]


def test_a_gap_longer_than_the_patience_ends_all_tracks() -> None:
    follow = tracker()
    for i in range(5):
        follow.update(detections(at(10)), i / 10)

    assert follow.update(detections(at(10)), 60.0) == []


def test_a_car_that_flickers_to_a_truck_stays_one_car() -> None:
    follow = tracker()
    labels = ["car", "car", "truck", "car", "truck", "truck", "car", "car"]
    answers = [
        follow.update(detections(at(10 + i, label=label)), i / 10) for i, label in enumerate(labels)
    ]

    assert {t.track_id for answer in answers for t in answer} == {1}
    assert [t.label for answer in answers for t in answer] == ["car"] * 6


def test_a_car_reported_as_car_and_truck_at_once_is_one_track() -> None:
    follow = tracker()
    both = detections(at(10, label="car"), at(11, label="truck", score=0.8))
    answers = [follow.update(both, i / 10) for i in range(8)]

    assert ids(answers[-1]) == [1]


def test_a_person_never_becomes_a_vehicle() -> None:
    follow = tracker()
    for i in range(5):
        follow.update(detections(at(10)), i / 10)
    answers = [follow.update(detections(at(10, label="bicycle")), i / 10) for i in range(5, 9)]

    assert [(t.track_id, t.label, t.seen) for t in answers[-1]] == [
        (1, "person", False),
        (2, "bicycle", True),
    ]


def test_two_that_cross_keep_their_ids() -> None:
    follow = tracker()
    for i in range(40):
        left, right = 10.0 + 10 * i, 400.0 - 10 * i
        seen = [at(left, 100), at(right, 110)]
        if abs(left - right) < 25:
            seen = seen[:1]  # one hides the other
        answer = follow.update(detections(*seen), i / 25)

    places = {t.track_id: t.box[0] for t in answer}
    assert places[1] == pytest.approx(400, abs=8)
    assert places[2] == pytest.approx(10, abs=8)


@pytest.mark.parametrize("fps", [30, 15, 7.5, 3.75, 1.5])
def test_the_frame_rate_changes_little(fps: float) -> None:
    """Three walkers, 60 px/s at 100 px tall; the prediction over the same gap is the same."""
    follow = tracker()
    frames = int(6 * fps)
    for i in range(frames):
        t = i / fps
        seen = [at(10 + 60 * t, 100), at(600 - 60 * t, 250), at(200, 100 + 60 * t)]
        answer = follow.update(detections(*seen), t)
    last_s = (frames - 1) / fps
    (one, *_) = follow.update(Detections.none(), last_s + 0.8)

    assert ids(answer) == [1, 2, 3]
    assert one.box[0] == pytest.approx(10 + 60 * (last_s + 0.8), abs=8)


def test_uneven_stamps_do_not_bend_a_straight_walk() -> None:
    follow = tracker()
    stamps = np.cumsum([0.03, 0.2, 0.03, 0.03, 0.25, 0.1, 0.03, 0.3, 0.03, 0.1]).tolist()
    for t in stamps:
        answer = follow.update(detections(at(10 + 100 * t)), t)

    assert ids(answer) == [1]
    assert answer[0].box[0] == pytest.approx(10 + 100 * stamps[-1], abs=2)


@pytest.mark.parametrize("stamp", [0.4, 0.2, -1.0, math.nan])
def test_time_that_does_not_go_on_is_refused_and_counted(stamp: float) -> None:
    follow = tracker()
    for i in range(5):
        before = follow.update(detections(at(10)), i / 10)

    assert follow.update(detections(at(300)), stamp) == before
    assert follow.counts.stale_frames == 1


def test_boxes_that_cannot_be_are_counted_and_left_out() -> None:
    follow = tracker(confirm_hits=1)
    broken = Detections(
        np.array(
            [
                [10, 10, 50, 90],
                [np.nan, 0, 1, 1],
                [5, 5, 5, 9],
                [9, 9, 1, 1],
                [0, 0, np.inf, 9],
                [0, 0, 9, 9],
            ],
            np.float32,
        ),
        np.array([0.9, 0.9, 0.9, 0.9, 0.9, np.nan], np.float32),
        np.zeros(6, np.int64),
    )

    assert len(follow.update(broken, 0.0)) == 1
    assert follow.counts.bad_boxes == 5


def test_cameras_that_share_an_id_source_share_no_id() -> None:
    source = count(7)
    cameras = [Tracker(TrackerConfig(), high_score=0.5, ids=source) for _ in range(2)]
    for i in range(5):
        answers = [camera.update(detections(at(10), at(300)), i / 10) for camera in cameras]

    assert ids(answers[0]) + ids(answers[1]) == [7, 8, 9, 10]


def test_a_reset_forgets_the_tracks_but_not_the_ids() -> None:
    follow = tracker()
    for i in range(5):
        follow.update(detections(at(10)), i / 10)
    follow.reset()

    answers = [follow.update(detections(at(10)), 1 + i / 10) for i in range(3)]
    assert [ids(answer) for answer in answers] == [[], [], [2]]


def test_the_camera_s_own_motion_can_be_taken_out() -> None:
    follow = tracker()
    shift = np.array([[1.0, 0, 150], [0, 1.0, 0]])
    for i in range(6):
        answer = follow.update(detections(at(10 + 150 * i)), i / 10, warp=shift if i else None)

    assert ids(answer) == [1]


def test_five_hundred_detections_are_followed() -> None:
    follow = tracker()
    grid = [at(60 * (i % 25), 120 * (i // 25)) for i in range(500)]
    for i in range(4):
        answer = follow.update(detections(*grid), i / 10)

    assert ids(answer) == list(range(1, 501))


boxes = st.tuples(*[st.floats(-1e4, 1e4, width=32) | st.just(math.nan)] * 4)
frames = st.lists(
    st.lists(
        st.tuples(boxes, st.floats(0, 1, width=32), st.sampled_from(PATROL_CLASSES)), max_size=8
    ),
    max_size=12,
)


@settings(deadline=None)
@given(frames=frames, gaps=st.lists(st.floats(-0.5, 3), min_size=12, max_size=12))
def test_whatever_comes_ids_are_unique_boxes_finite_and_the_answer_the_same(
    frames: list[list[tuple[tuple[float, float, float, float], float, str]]], gaps: list[float]
) -> None:
    twins = tracker(confirm_hits=2), tracker(confirm_hits=2)
    now = 0.0
    for frame, gap in zip(frames, gaps, strict=False):
        now += gap
        found = detections(*((*box, score, label) for box, score, label in frame))
        answer, other = (one.update(found, now) for one in twins)
        assert answer == other
        assert len(set(ids(answer))) == len(answer)
        for track in answer:
            assert np.isfinite(track.box).all()
            assert track.box[0] < track.box[2]
            assert track.box[1] < track.box[3]
            assert track.age_s >= 0


def test_a_camera_that_turns_at_once_costs_no_id_even_of_who_is_hidden() -> None:
    """Five stand; the picture jumps by three widths while one of them is hidden."""
    follow = tracker()
    places = [10.0, 130.0, 300.0, 420.0, 600.0]
    for i in range(8):
        follow.update(detections(*(at(x) for x in places)), i / 10)
    hidden = places[2]
    follow.update(detections(*(at(x + 120) for x in places if x != hidden)), 0.8)
    answer = follow.update(detections(*(at(x + 120) for x in places)), 0.9)

    assert {t.track_id: round(t.box[0]) for t in answer if t.seen} == pytest.approx(
        {i + 1: x + 120 for i, x in enumerate(places)}, abs=20
    )


def test_quality_grows_with_strong_detections_and_stays_low_with_weak_ones() -> None:
    follow = tracker()
    qualities = []
    for i in range(20):
        answer = follow.update(detections(at(10), at(300, score=0.55)), i / 10)
        qualities.append([t.quality for t in answer])

    first, last = qualities[2], qualities[-1]
    assert first[0] < last[0] <= 0.9
    assert last[1] < 0.56
    assert all(0 <= one <= 1 for told in qualities for one in told)


def test_an_id_of_0_is_an_id() -> None:
    follow = Tracker(TrackerConfig(), high_score=0.5, first_id=0)
    for i in range(6):
        answer = follow.update(detections(at(10), at(300)), i / 10)

    assert ids(answer) == [0, 1]


@settings(deadline=None)
@given(
    boxes=st.lists(st.tuples(*[st.floats(0, 200)] * 2, *[st.floats(1, 90)] * 2), max_size=8),
    others=st.lists(st.tuples(*[st.floats(0, 200)] * 2, *[st.floats(1, 90)] * 2), max_size=8),
    grow=st.floats(0, 0.5),
)
def test_the_overlap_of_few_pairs_is_that_of_all(
    boxes: list[tuple[float, ...]], others: list[tuple[float, ...]], grow: float
) -> None:
    """Against the overlap worked out pair by pair."""
    one, other = (
        np.array([[x, y, x + w, y + h] for x, y, w, h in side]).reshape(-1, 4)
        for side in (boxes, others)
    )
    found = buffered_iou(one, other, np.full(len(one), grow))

    for i, (a, b, w, h) in enumerate(boxes):
        for j, (c, d, v, k) in enumerate(others):
            wide = min(a + w * (1 + grow), c + v * (1 + grow)) - max(a - w * grow, c - v * grow)
            tall = min(b + h * (1 + grow), d + k * (1 + grow)) - max(b - h * grow, d - k * grow)
            shared = max(wide, 0) * max(tall, 0)
            both = (w * h + v * k) * (1 + 2 * grow) ** 2
            assert found[i, j] == pytest.approx(shared / (both - shared), abs=1e-9)


def test_what_is_only_weakly_seen_for_long_ends_and_a_short_weak_spell_is_bridged() -> None:
    """A post that once looked like somebody; beside it one who stands half hidden for 3 s."""
    follow = tracker()
    for i in range(100):
        strong = i < 4
        hidden = 30 <= i < 60
        answer = follow.update(
            detections(
                at(300, score=0.3 if hidden else 0.9),
                at(10, score=0.6 if strong else 0.3),
            ),
            i / 10,
        )

    assert [(t.track_id, t.seen) for t in answer] == [(1, True)]
