"""In a video a face that was seen a moment ago is still there, whether it is found or not."""

from collections import deque

import numpy as np

from perception.redaction.regions import Boxes, widened

HOLD_S = 0.5
WIDEN = 0.15  # what a face may have moved meanwhile, of its size


class Holding:
    """Keeps what was covered in one video for a while."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        self._hold_s = hold_s
        self._kept: deque[tuple[float, Boxes]] = deque()

    def add(self, regions: Boxes, media_s: float) -> Boxes:
        """These, and those of the last half second. `media_s`: the picture's time, growing."""
        while self._kept and media_s - self._kept[0][0] > self._hold_s:
            self._kept.popleft()
        held = [widened(kept, WIDEN) for _, kept in self._kept]
        self._kept.append((media_s, regions))
        return np.concatenate([regions, *held])
