"""Where in a picture of a vehicle there is text of a plate's shape.

The network (PP-OCRv4's detector) says for each pixel whether it is text; regions become rectangles
that are enlarged by what the training shrank them (DB: Liao et al., AAAI 2020, eq. 10: the offset
is area times ratio over perimeter).
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE_STEP = 32  # the network halves its input five times
TEXT = 0.3  # a pixel's probability, from which it belongs to a region
UNCLIP = 1.7
ASPECT = (1.8, 7.0)  # width over height; a plate has 440 by 140 mm (480 electric), seen aslant
SMALLEST_PX = 6  # height of a region in the network's input
MOST = 3  # regions of one vehicle that are read, likeliest first


def network_input(picture: Image, longest_px: int) -> tuple[Floats, tuple[float, float]]:
    """(1, 3, H, W) float32 in -1..1, BGR as PP-OCR takes it, and the scale x, y to it."""
    height, width = picture.shape[:2]
    scale = longest_px / max(height, width)
    size = [max(SIDE_STEP, round(side * scale / SIDE_STEP) * SIDE_STEP) for side in (width, height)]
    resized = cv2.resize(picture, (size[0], size[1]), interpolation=cv2.INTER_LINEAR)
    tensor = (resized.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(tensor), (size[0] / width, size[1] / height)


def regions(text: Floats, scale: tuple[float, float]) -> list[Floats]:
    """Corners (4, 2) in pixels of the picture, clockwise from the upper left, likeliest first.

    `text`: (H, W), the network's probability of text.
    """
    found = sorted(_found(text), key=lambda each: each[0], reverse=True)[:MOST]
    across, down = scale
    return [(corners / np.array([across, down])).astype(np.float32) for _, corners in found]


def _found(text: Floats) -> Iterator[tuple[float, Floats]]:
    mask = (text > TEXT).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        (x, y), (width, height), angle = cv2.minAreaRect(contour)
        if height > width:
            width, height, angle = height, width, angle - 90.0
        if height < 2:
            continue
        margin = width * height * UNCLIP / (2 * (width + height))
        size = (width + 2 * margin, height + 2 * margin)
        if size[1] < SMALLEST_PX or not ASPECT[0] <= size[0] / size[1] <= ASPECT[1]:
            continue
        inside = np.zeros_like(mask)
        cv2.drawContours(inside, [contour], -1, 1, -1)
        likely = float(text[inside == 1].mean())
        yield likely * size[0], _ordered(cv2.boxPoints(((x, y), size, angle)).astype(np.float32))


def _ordered(corners: Floats) -> Floats:
    """Clockwise from the upper left, for a rectangle that is wider than high."""
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    around = corners[np.argsort(angles)]  # upper left comes first: its angle is the least
    return np.ascontiguousarray(around)


def widened(corners: Floats, left: float, right: float) -> Floats:
    """The same with so much more at its sides, shares of its width."""
    top, bottom = corners[1] - corners[0], corners[2] - corners[3]
    moves = np.array([-left * top, right * top, right * bottom, -left * bottom])
    return np.asarray(corners + moves, np.float32)


def cut_out(picture: Image, corners: Floats, height_px: int) -> Image:
    """What lies between the corners, straightened, so high."""
    across = float(
        np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])
    )
    down = float(np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1]))
    width_px = int(np.clip(round(height_px * across / max(down, 1e-3)), height_px, 8 * height_px))
    to = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], np.float32)
    turn = cv2.getPerspectiveTransform(corners, to)
    return np.asarray(
        cv2.warpPerspective(
            picture, turn, (width_px, height_px), flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )  # fmt: skip
