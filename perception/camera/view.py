"""A picture, boiled down to the few thousand numbers that tell whether a camera sees."""

import functools
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 160, 96  # px, whatever the shape of the picture: shifts are shares of it
ROWS, COLUMNS = 12, 20  # blocks of 8 x 8 small pixels
SOFT_PX = 2.0  # sigma
FINE = 2  # detail is judged at twice the size
GREEN = 1  # of BGR: half of a Bayer sensor's pixels, so nearest to its luminance
SATURATED = 250  # of 255; codecs and lenses rarely leave a clean 255
BEST_PERCENTILE = 90
DARK_LEVEL = 16.0  # below this noise is as large as contrast (black of limited-range video)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One small grey picture with what is measured in it."""

    small: Floats  # (HEIGHT, WIDTH) float32, 0..255, averaged: structure without noise
    soft: Floats  # the same, blurred: to be compared although a mast sways by a pixel
    raw: NDArray[np.uint8]  # (HEIGHT, WIDTH) uint8, single pixels: with the sensor's noise
    texture: Floats  # (ROWS, COLUMNS) float32, contrast of each block, about 0..1
    detail: float  # mean contrast of the finest structure that twice the size can hold
    level: float  # mean brightness, 0..255
    bright: float  # share of saturated pixels, 0..1

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Self:
        """Of a (height, width, 3) uint8 BGR picture of at least 2 x 2 pixels. 0.4 ms at 720p."""
        step = max(1, min(image.shape[0] // (2 * HEIGHT), image.shape[1] // (2 * WIDTH)))
        green = np.ascontiguousarray(image[::step, ::step, GREEN])
        raw = cv2.resize(green, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
        fine = cv2.resize(green, (WIDTH * FINE, HEIGHT * FINE), interpolation=cv2.INTER_AREA)
        small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        level = float(small.mean())
        detail = float(np.abs(cv2.Laplacian(fine, cv2.CV_16S)).mean()) / (level + DARK_LEVEL)
        return cls(
            small=small,
            soft=soften(small),
            raw=raw.astype(np.uint8, copy=False),
            texture=_texture(small),
            detail=detail,
            level=level,
            bright=float((raw >= SATURATED).mean()),
        )


def best_contrast(view: View) -> float:
    """Of the blocks that show most, about 0..1."""
    return float(np.percentile(view.texture, BEST_PERCENTILE))


def soften(small: Floats) -> Floats:
    """(HEIGHT, WIDTH), blurred."""
    return cv2.GaussianBlur(small, (0, 0), SOFT_PX).astype(np.float32, copy=False)


def blocks(pixels: Floats) -> Floats:
    """(HEIGHT, WIDTH) → (ROWS, COLUMNS), the mean of each block."""
    mean = cv2.resize(pixels, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return mean.astype(np.float32, copy=False)


def _texture(small: Floats) -> Floats:
    """Gradient of each block over its brightness (Weber contrast, as the eye and an exposure
    control see it): dusk and a dimmed lamp leave it nearly as it is."""
    calm = cv2.blur(small, (3, 3))  # at night noise would pass for structure
    across = cv2.Sobel(calm, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(calm, cv2.CV_32F, 0, 1, scale=1 / 8)
    steep = np.abs(across) + np.abs(down)
    return blocks(steep.astype(np.float32, copy=False)) / (blocks(small) + DARK_LEVEL)


def likeness(small: Floats, other: Floats) -> Floats:
    """(ROWS, COLUMNS) normalised cross-correlation of each block, -1..1: what a block shows,
    whatever the light (Lewis, Fast Normalized Cross-Correlation, 1995, eq. 1)."""
    mean, mean_other = blocks(small), blocks(other)
    covariance = blocks(small * other) - mean * mean_other
    variance = blocks(small * small) - mean * mean
    variance_other = blocks(other * other) - mean_other * mean_other
    scale = np.sqrt(np.maximum(variance, 0) * np.maximum(variance_other, 0)) + 1.0
    return np.asarray(covariance / scale, np.float32)


def shift(small: Floats, other: Floats) -> tuple[float, float, float]:
    """How far `small` lies from `other`: shares of width and height, and the response 0..1, by
    phase correlation (Kuglin and Hines 1975)."""
    # Copies: where it need not pad, phaseCorrelate writes into what it is given (OpenCV 5.0).
    (x, y), response = cv2.phaseCorrelate(other.copy(), small.copy(), hann())
    return x / WIDTH, y / HEIGHT, float(response)


@functools.cache
def hann() -> Floats:
    """The window that keeps the picture's border out of a phase correlation."""
    return cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F).astype(np.float32, copy=False)


def covered_blocks(boxes: list[Box], width_px: int, height_px: int) -> NDArray[np.bool_]:
    """(ROWS, COLUMNS): blocks that touch one of the boxes, x1 y1 x2 y2 in pixels."""
    mask = np.zeros((ROWS, COLUMNS), np.bool_)
    for x1, y1, x2, y2 in boxes:
        left, right = int(x1 / width_px * COLUMNS), int(np.ceil(x2 / width_px * COLUMNS))
        top, bottom = int(y1 / height_px * ROWS), int(np.ceil(y2 / height_px * ROWS))
        mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return mask
