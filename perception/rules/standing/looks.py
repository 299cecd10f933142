"""What a vehicle looks like, as far as it takes to tell it from the next: colours and height. No
plate is read, nobody is recognised."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

INNER = 0.7  # share of the box that is vehicle, not street
HUES, SATURATIONS, VALUES = 12, 2, 5
COLOURFUL = 60  # of 255; a paler pixel is a grey one, whose hue means nothing
GREY_LEVEL = 110.0  # pictures are brought to this mean, so that a cloud changes no colour
# How alike two looks at one vehicle are, and at two: mean and sigma of the overlap of histograms.
SAME, OTHER = (0.78, 0.12), (0.35, 0.22)
HEIGHT_SIGMA = 0.18  # of the logarithm of the ratio of two measured heights
OTHER_HEIGHT_SIGMA = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Of one vehicle at one time."""

    colours: Floats | None  # (HUES * SATURATIONS + VALUES,) shares, sum 1; None without a picture
    height: float | None  # share of the picture's height times metres away; None where unknown


def looks(
    image: NDArray[np.uint8] | None,
    box: tuple[float, float, float, float],
    away_m: float | None,
    height_px: int,
) -> Looks:
    """Of what is in a box, x1 y1 x2 y2 in pixels; `away_m`: from the lens."""
    height = None if away_m is None else (box[3] - box[1]) / max(height_px, 1) * away_m
    return Looks(None if image is None else _colours(image, box), height)


def _colours(image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> Floats | None:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half_w, half_h = INNER * (box[2] - box[0]) / 2, INNER * (box[3] - box[1]) / 2
    rows = slice(max(0, int(y - half_h)), max(0, math.ceil(y + half_h)))
    columns = slice(max(0, int(x - half_w)), max(0, math.ceil(x + half_w)))
    crop = image[rows, columns]
    if crop.size < 3 * 16:
        return None
    gain = GREY_LEVEL / max(float(image[::8, ::8].mean()), 1.0)
    crop = np.clip(crop[::2, ::2] * np.float32(gain), 0, 255).astype(np.uint8)
    hue, saturation, value = (
        plane.ravel() for plane in cv2.split(cv2.cvtColor(crop, cv2.COLOR_BGR2HSV))
    )
    vivid = (saturation >= COLOURFUL) & (value >= COLOURFUL)
    strong = (saturation[vivid] >= 140).astype(np.int64)
    hues = np.bincount(
        (hue[vivid].astype(np.int64) * HUES // 180) * SATURATIONS + strong,
        minlength=HUES * SATURATIONS,
    )
    greys = np.bincount(value[~vivid].astype(np.int64) * VALUES // 256, minlength=VALUES)
    counts = np.concatenate((hues, greys)).astype(np.float64)
    return np.asarray(counts / counts.sum(), np.float64)


def evidence(one: Looks, two: Looks) -> float:
    """The logarithm of how much better the two looks go with one vehicle than with two."""
    found = 0.0
    if one.colours is not None and two.colours is not None:
        overlap = float(np.minimum(_soft(one.colours), _soft(two.colours)).sum())
        found += _log_ratio(min(overlap, SAME[0]), SAME, OTHER)
    if one.height and two.height:
        ratio = math.log(two.height / one.height)
        found += _log_ratio(ratio, (0.0, HEIGHT_SIGMA), (0.0, OTHER_HEIGHT_SIGMA))
    return found


def _soft(colours: Floats) -> Floats:
    """With a fifth of each grey in its neighbours: light differs a little each time."""
    soft = colours.copy()
    greys = colours[-VALUES:]
    padded = np.pad(greys, 1, mode="edge")
    soft[-VALUES:] = 0.6 * greys + 0.2 * (padded[:-2] + padded[2:])
    return np.asarray(soft / soft.sum(), np.float64)


def _log_ratio(value: float, one: tuple[float, float], two: tuple[float, float]) -> float:
    (mean_1, sigma_1), (mean_2, sigma_2) = one, two
    return (
        math.log(sigma_2 / sigma_1)
        + ((value - mean_2) / sigma_2) ** 2 / 2
        - ((value - mean_1) / sigma_1) ** 2 / 2
    )
