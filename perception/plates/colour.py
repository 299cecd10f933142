"""The background of a plate: what its number alone does not say."""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.plates.formats import Colour

# Hue of OpenCV's 8-bit HSV, in units of 2 degrees; below MIN_SATURATION a pixel has no colour.
BLUE = (95, 130)
YELLOW = (12, 34)
GREEN = (35, 90)
MIN_SATURATION = 60
MIN_VALUE = 40
SHARE = 0.25  # of the plate's pixels: the characters and the rim are no background
LIGHT_VALUE = 110  # white against black, as the median of a plate without colour


def plate_colour(plate: NDArray[np.uint8]) -> Colour:
    """Of a plate cut out and straightened: (H, W, 3) uint8, BGR."""
    hsv = cv2.cvtColor(plate, cv2.COLOR_BGR2HSV)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    chromatic = (saturation >= MIN_SATURATION) & (value >= MIN_VALUE)

    def has(hues: tuple[int, int], part: slice = slice(None)) -> float:
        found = chromatic[:, part] & (hue[:, part] >= hues[0]) & (hue[:, part] <= hues[1])
        return float(found.mean())

    if has(BLUE) >= SHARE:
        return "blue"
    third = max(1, plate.shape[1] // 4)
    green, yellow = has(GREEN, slice(third, None)), has(YELLOW)
    if green >= SHARE:
        return "yellow_green" if has(YELLOW, slice(0, third)) >= 2 * SHARE else "green"
    if yellow >= SHARE:
        return "yellow"
    return "white" if float(np.median(value)) >= LIGHT_VALUE else "black"
