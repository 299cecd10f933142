"""Of many boxes around one object, the best stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perception.detection.nms import BLOCK, iou_matrix, suppress

BOX = st.tuples(st.floats(0, 90), st.floats(0, 90), st.floats(1, 60), st.floats(1, 60))


def arrays(
    boxes: list[tuple[float, ...]], classes: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sides = np.array(boxes, np.float32).reshape(-1, 4)
    corners = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
    scores = np.linspace(0.9, 0.1, len(boxes), dtype=np.float32)
    return corners, scores, np.array(classes, np.int64)


def plain(boxes: np.ndarray, classes: np.ndarray, iou_max: float) -> list[int]:
    """The textbook loop; boxes are in order of score already."""
    kept: list[int] = []
    for index in range(len(boxes)):
        rivals = [k for k in kept if classes[k] == classes[index]]
        if all(iou_matrix(boxes[[index]], boxes[[k]])[0, 0] <= iou_max for k in rivals):
            kept.append(index)
    return kept


@given(items=st.lists(st.tuples(BOX, st.integers(0, 2)), max_size=25))
def test_it_keeps_what_the_textbook_keeps(items: list[tuple[tuple[float, ...], int]]) -> None:
    boxes, scores, classes = arrays([box for box, _ in items], [cls for _, cls in items])
    order = np.random.default_rng(0).permutation(len(boxes))

    kept = suppress(boxes[order], scores[order], classes[order], iou_max=0.5, keep_max=100)

    # Moving classes apart costs some float precision: a pair right at the limit may go either way.
    wanted = plain(boxes.astype(np.float64), classes, 0.5)
    slack = plain(boxes.astype(np.float64), classes, 0.5001) != plain(
        boxes.astype(np.float64), classes, 0.4999
    )
    assert slack or order[kept].tolist() == wanted


def test_classes_do_not_suppress_each_other_and_the_best_come_first() -> None:
    boxes, scores, classes = arrays([(0, 0, 10, 10), (0, 0, 10, 10), (1, 0, 10, 10)], [0, 1, 0])

    assert suppress(boxes, scores, classes, iou_max=0.5, keep_max=10).tolist() == [0, 1]
    assert suppress(boxes, scores, classes, iou_max=0.5, keep_max=1).tolist() == [0]


def test_iou_of_known_boxes() -> None:
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)

    assert iou_matrix(others[:1], others)[0] == pytest.approx([1, 1 / 3, 0, 0])
    assert iou_matrix(others, others[:0]).shape == (4, 0)


def test_more_candidates_than_one_block_are_suppressed_across_blocks() -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 300, (3 * BLOCK, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(20, 90, (3 * BLOCK, 2))], axis=1)
    scores = np.linspace(0.9, 0.1, 3 * BLOCK, dtype=np.float32)
    classes = rng.integers(0, 2, 3 * BLOCK)

    kept = suppress(boxes.astype(np.float32), scores, classes, iou_max=0.5, keep_max=1000)

    assert kept.tolist() == plain(boxes.astype(np.float32).astype(np.float64), classes, 0.5)
    assert kept[-1] > 2 * BLOCK
