"""The camera's motion told from the tracks alone: found where it is plain, else refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.tracking.common_motion import GAIN_AT_REST, CommonMotion, common_shift
from perception.tracking.motion import BoxMotion, Floats


def crowd(seed: int, people: int) -> tuple[BoxMotion, Floats]:
    """Tracks and their boxes, about 40x100 px, apart from one another."""
    random = np.random.default_rng(seed)
    corner = np.arange(people)[:, None] * [150.0, 0] + random.uniform(0, 90, (people, 2))
    boxes = np.hstack([corner, corner + [40, 100] * random.uniform(0.8, 1.2, (people, 1))])
    return BoxMotion.start(boxes), boxes


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    people=st.integers(3, 12),
    way=st.tuples(st.floats(-120, 120), st.floats(-60, 60)),
)
def test_a_turn_of_the_camera_is_found(seed: int, people: int, way: tuple[float, float]) -> None:
    tracks, boxes = crowd(seed, people)
    moved = boxes + np.tile(way, 2) + np.random.default_rng(seed).normal(0, 1.5, boxes.shape)

    shift = common_shift(tracks, moved, GAIN_AT_REST)

    if np.hypot(*way) > 50:  # five sigmas of a box of this size
        assert shift is not None
    if shift is not None:
        assert shift == pytest.approx(way, abs=5)


def test_people_who_walk_each_their_way_are_no_turn() -> None:
    tracks, boxes = crowd(1, 8)
    ways = np.random.default_rng(2).normal(0, 8, (8, 2))

    assert common_shift(tracks, boxes + np.tile(ways, 2), GAIN_AT_REST) is None


def test_one_who_runs_does_not_move_the_camera() -> None:
    tracks, boxes = crowd(1, 5)
    boxes[0] += [60, 0, 60, 0]

    assert common_shift(tracks, boxes, GAIN_AT_REST) is None


@pytest.mark.parametrize(("people", "seen"), [(0, 0), (1, 1), (3, 0), (0, 3)])
def test_too_few_tell_nothing(people: int, seen: int) -> None:
    tracks, _boxes = crowd(1, people)

    assert common_shift(tracks, crowd(1, seen)[1] + 30, GAIN_AT_REST) is None


def test_a_steady_turn_is_expected_to_go_on_and_fades() -> None:
    camera = CommonMotion()
    tracks, boxes = crowd(3, 6)
    camera.measure(tracks, boxes + np.tile([60.0, 0], 2), 10.0, 0.1)

    first, second = camera.drift(0.1), camera.drift(0.1)

    assert first == pytest.approx([30, 0], abs=1)
    assert 0 < second[0] < first[0]
    camera.drift(60.0)
    assert camera.drift(0.1) == pytest.approx([0, 0], abs=1e-6)
