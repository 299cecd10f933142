"""Files of detections to files of tracks: what the whole recording adds."""

import numpy as np
import pytest

from perception.tracking.mot import MotRow
from perception.tracking.track_file import follow_rows, sure


def walker(name: int, score: float, *, frames: int = 60, left: float = 0.0) -> list[MotRow]:
    return [
        MotRow(frame, name, left + 2 * frame, 100, 40, 100, score) for frame in range(1, frames)
    ]


def test_a_doubtful_track_is_left_out_of_a_recording_but_told_online() -> None:
    rows = walker(-1, 0.99) + walker(-1, 0.98, left=300) + walker(-1, 0.62, left=600)

    whole, online = (follow_rows(rows, 10, online=online) for online in (False, True))

    assert whole.tracks == 2
    assert {row.track_id for row in sure(whole.rows, [0.6, 0.6])} == {1, 2}
    assert online.tracks <= 3


@pytest.mark.parametrize("scores", [[0.4, 0.3], [-1.0, 5.0], [80.0, 90.0]])
def test_scores_that_are_no_sure_probabilities_leave_nothing_out(scores: list[float]) -> None:
    rows = walker(1, scores[0]) + walker(2, scores[1], left=300)

    assert sure(rows, [row.score for row in rows]) == rows


def test_a_smooth_path_is_smooth_on_the_ground_not_in_a_shaking_picture() -> None:
    """Five stand, the camera jumps about by a width and back: the boxes told go along."""
    random = np.random.default_rng(1)
    jumps = np.where(np.arange(80) > 20, random.normal(0, 40, 80), 0.0)
    rows = [
        MotRow(frame, -1, 150 * one + jumps[frame], 100, 40, 100, 0.9)
        for frame in range(1, 80)
        for one in range(5)
    ]

    found = follow_rows(rows, 10)

    assert found.tracks == 5
    off = [
        min(abs(row.left_px - 150 * one - jumps[row.frame]) for one in range(5))
        for row in found.rows
        if row.frame > 30
    ]
    assert float(np.median(off)) < 4
