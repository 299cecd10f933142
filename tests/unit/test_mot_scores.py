"""The scores of the bench, against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.tracking.mot import MotRow
from perception.tracking.mot_scores import has_reference, reference_score, score


def walk(track_id: int, frames: range, *, left: float = 0, flag: float = 1) -> list[MotRow]:
    return [MotRow(frame, track_id, left, 0, 10, 20, flag) for frame in frames]


def test_the_truth_itself_is_perfect() -> None:
    truth = walk(1, range(1, 11)) + walk(2, range(5, 11), left=100)
    result = score(truth, truth)

    assert (result.hota, result.idf1, result.mota) == pytest.approx((100, 100, 100))


def test_nothing_found_is_nothing() -> None:
    result = score(walk(1, range(1, 11)), [])

    assert (result.hota, result.idf1, result.mota) == (0, 0, 0)


def test_one_switch_in_the_middle() -> None:
    truth = walk(1, range(1, 11))
    result = score(truth, walk(7, range(1, 6)) + walk(8, range(6, 11)))

    # DetA is 1; each of the 10 matches agrees in 5 of 10 boxes: AssA 0.5.
    assert result.hota == pytest.approx(100 * 0.5**0.5)
    assert result.idf1 == pytest.approx(50)
    assert (result.switches, result.mota) == (1, pytest.approx(90))


def test_a_box_half_a_width_off_counts_below_its_overlap_only() -> None:
    truth = walk(1, range(1, 11))
    result = score(truth, walk(1, range(1, 11), left=5))  # IoU 1/3: 6 of 19 alphas

    assert result.hota == pytest.approx(100 * 6 / 19)
    assert result.mota == pytest.approx(-100)


def test_a_row_with_flag_0_is_no_truth() -> None:
    truth = walk(1, range(1, 11)) + walk(2, range(1, 11), left=100, flag=0)

    assert score(truth, walk(1, range(1, 11))).mota == pytest.approx(100)


@pytest.mark.skipif(not has_reference(), reason="trackeval (extra `eval`) is not installed")
@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), objects=st.integers(0, 4), tracks=st.integers(0, 5))
def test_the_reference_gives_the_same(seed: int, objects: int, tracks: int) -> None:
    """Boxes at random, so that no two overlap equally: where they do, either pairing is right."""
    random = np.random.default_rng(seed)
    truth, told = scene(random, objects), scene(random, tracks)
    ours, theirs = score(truth, told), reference_score(truth, told)

    assert (ours.hota, ours.mota, ours.idf1) == pytest.approx(
        (theirs.hota, theirs.mota, theirs.idf1), abs=1e-6
    )


def scene(random: np.random.Generator, walkers: int) -> list[MotRow]:
    return [
        MotRow(frame, name, *random.normal([0, 0, 10, 20], 1.5).tolist(), 1)
        for name in range(walkers)
        for frame in range(*sorted(random.integers(1, 12, 2).tolist()))
    ]
