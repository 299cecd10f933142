"""Pictures that are whole as data and broken as pictures: black ones, torn ones."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Flaw = Literal["black", "torn"]

GRID = 32  # points a side that are looked at
BLACK_MOST = 16  # video black is 16 of 255 (ITU-R BT.601 studio range)
GREY = 128  # what decoders leave where nothing was decoded: mid-scale luma and chroma
GREY_WITHIN = 4
TORN_ROWS = 6  # of GRID, from the bottom: a fifth of the picture is missing


def flaw(image: NDArray[np.uint8]) -> Flaw | None:
    """What is wrong with a (H, W, 3) uint8 picture, from 32 x 32 of its points (20 µs).

    `black`: nothing in it is brighter than video black. `torn`: its lower part is the even grey
    that a decoder leaves where data was lost.
    """
    points = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_NEAREST)
    if int(points.max()) <= BLACK_MOST:
        return "black"
    bottom = points[-TORN_ROWS:].astype(np.int16)
    if int(np.abs(bottom - GREY).max()) <= GREY_WITHIN and int(np.ptp(points)) > 2 * GREY_WITHIN:
        return "torn"
    return None
