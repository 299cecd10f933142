"""Where a picture waits for the model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perception.detection.preprocess import Placement, Preprocessor, Window


class Input:
    """A place for one picture, made ready for the model; filled again and again.

    One thread fills it, another may run the model on it: not both at the same time.
    """

    def __init__(self, pre: Preprocessor) -> None:
        self._pre = pre
        self.placements: tuple[Placement, ...] = ()  # of the picture that is in it, by window

    @property
    def tensor(self) -> NDArray[np.float32]:
        """(windows, 3, height, width) float32, as the model gets them."""
        return self._pre.tensor

    def fill(self, image: NDArray[np.uint8], windows: Sequence[Window] = ()) -> None:
        """Put a (H, W, 3) uint8 BGR picture in: the whole of it, or these parts, one by one.

        There may be as many windows as the input was made for. Raises ImageError for what is no
        picture.
        """
        self.placements = tuple(
            self._pre.fill(image, window, index) for index, window in enumerate(windows or [None])
        )
