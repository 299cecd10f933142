"""The cells that anchor-free heads predict from: one per stride x stride pixels of the input."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def cell_count(width_px: int, height_px: int, strides: Sequence[int]) -> int:
    """How many cells there are, over all strides; a part of a cell counts."""
    return sum(-(-width_px // stride) * -(-height_px // stride) for stride in strides)


def cells(
    width_px: int, height_px: int, strides: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Column and row of every cell, (n, 2) float32, row by row, and its stride, (n, 1) float32."""
    places, steps = [], []
    for stride in strides:
        columns, rows = -(-width_px // stride), -(-height_px // stride)
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
        places.append(grid.reshape(-1, 2).astype(np.float32))
        steps.append(np.full((columns * rows, 1), stride, np.float32))
    return np.concatenate(places), np.concatenate(steps)
