"""Parts of a picture: they cover it, and what several of them show is one object."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.detection.preprocess import Placement
from perception.detection.tiles import AUTO_MOST, AUTO_SCALE, Grid, grid_of, merge, windows_of
from perception.detections import PATROL_CLASSES, Detections

SIZE = (1280, 720)
MODEL = (416, 416)
SIDES = st.integers(8, 8000)


@given(
    width=SIDES,
    height=SIDES,
    columns=st.integers(1, 8),
    rows=st.integers(1, 8),
    overlap=st.floats(0, 0.5),
)
def test_parts_cover_the_picture_and_overlap_as_asked(
    width: int, height: int, columns: int, rows: int, overlap: float
) -> None:
    windows = windows_of(Grid(columns, rows), (width, height), overlap)
    if columns * rows == 1:
        assert windows == ()
        return

    assert windows[0] == (0, 0, width, height)
    assert len(windows) == 1 + columns * rows
    for axis, count, length in ((0, columns, width), (1, rows, height)):
        spans = sorted({(window[axis], window[axis + 2]) for window in windows[1:]})
        assert (spans[0][0], max(end for _, end in spans)) == (0, length)
        for (start, end), (following, _) in pairwise(spans):
            assert end - following >= overlap * (end - start) - 2
        assert len(spans) == min(count, len(spans))


@given(width=st.integers(64, 8000), height=st.integers(64, 8000))
def test_auto_shows_as_much_as_it_can_with_the_fewest_parts(width: int, height: int) -> None:
    grid = grid_of("auto", (width, height), MODEL, 0.2)

    if max(width, height) * AUTO_SCALE <= MODEL[0]:
        assert grid is None
    else:
        assert grid is not None
        assert 1 < grid.columns * grid.rows <= AUTO_MOST


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((640, 360), None), (SIZE, Grid(2, 1)), ((1920, 1080), Grid(3, 2)), ((720, 1280), Grid(1, 2))],
)
def test_auto_for_usual_pictures(size: tuple[int, int], wanted: Grid | None) -> None:
    assert grid_of("auto", size, MODEL, 0.2) == wanted


def test_full_and_a_grid_by_name() -> None:
    assert grid_of("full", SIZE, MODEL, 0.2) is None
    assert grid_of("4x3", SIZE, MODEL, 0.2) == Grid(4, 3)


WINDOWS = windows_of(Grid(2, 1), SIZE, 0.2)
PLACEMENTS = [Placement(1, 1, 0, 0, r - x, b - y, x, y) for x, y, r, b in WINDOWS]
LEFT_ENDS, RIGHT_BEGINS = WINDOWS[1][2], WINDOWS[2][0]

Shown = tuple[str, float, tuple[float, float, float, float]]


def merged(*by_window: list[Shown]) -> list[Shown]:
    found = [
        Detections(
            np.array([box for _, _, box in shown], np.float32).reshape(-1, 4),
            np.array([score for _, score, _ in shown], np.float32),
            np.array([PATROL_CLASSES.index(label) for label, _, _ in shown], np.int64),
        )
        for shown in by_window
    ]
    one = merge(found, PLACEMENTS, 0.6, 100)
    return [
        (PATROL_CLASSES[index], round(float(score), 3), tuple(box.tolist()))
        for index, score, box in zip(one.classes, one.scores, one.boxes, strict=True)
    ]


def test_a_far_person_that_only_a_part_shows_is_found() -> None:
    far: Shown = ("person", 0.6, (100.0, 300.0, 112.0, 330.0))

    assert merged([], [far], []) == [far]


def test_the_same_object_in_the_whole_and_in_a_part_is_one() -> None:
    whole: Shown = ("car", 0.5, (100.0, 300.0, 200.0, 360.0))
    part: Shown = ("car", 0.8, (102.0, 301.0, 201.0, 360.0))

    assert merged([whole], [part], []) == [part]


def test_a_box_that_a_border_cut_gives_way_to_the_whole_one_of_a_lower_score() -> None:
    whole: Shown = ("car", 0.4, (500.0, 300.0, 900.0, 500.0))
    left: Shown = ("car", 0.9, (505.0, 300.0, float(LEFT_ENDS), 500.0))
    right: Shown = ("car", 0.8, (float(RIGHT_BEGINS), 300.0, 895.0, 500.0))

    assert merged([whole], [left], [right]) == [whole]


def test_two_halves_without_a_whole_are_joined() -> None:
    left: Shown = ("bus", 0.7, (400.0, 200.0, float(LEFT_ENDS), 600.0))
    right: Shown = ("bus", 0.6, (float(RIGHT_BEGINS), 210.0, 1000.0, 600.0))

    assert merged([], [left], [right]) == [("bus", 0.7, (400.0, 200.0, 1000.0, 600.0))]


def test_neighbours_at_a_border_stay_two() -> None:
    left: Shown = ("person", 0.7, (600.0, 100.0, float(LEFT_ENDS), 250.0))
    right: Shown = ("person", 0.6, (float(RIGHT_BEGINS), 240.0, 640.0, 400.0))
    rider: Shown = ("bicycle", 0.5, (600.0, 100.0, float(LEFT_ENDS), 250.0))

    assert len(merged([], [left, rider], [right])) == 3


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(PATROL_CLASSES),
                st.floats(0.125, 1, width=32),
                st.tuples(*[st.floats(0, 700, width=32)] * 4),
            ),
            max_size=12,
        ),
        min_size=3,
        max_size=3,
    )
)
def test_merging_invents_nothing(by_window: list[list[Shown]]) -> None:
    """Every object is of a class that was there, inside what was seen, and no better than it."""
    boxed = [
        [
            (label, score, (min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1))
            for label, score, (a, b, c, d) in shown
        ]
        for shown in by_window
    ]
    everything = [one for shown in boxed for one in shown]

    result = merged(*boxed)

    assert len(result) <= len(everything)
    assert bool(result) == bool(everything)
    for label, score, box in result:
        same = [one for one in everything if one[0] == label]
        assert any(round(other[1], 3) == score for other in same)
        assert box[0] >= min(other[2][0] for other in same) - 0.001
        assert box[3] <= max(other[2][3] for other in same) + 0.001
