"""A street scene that is drawn here, with one car and one person: a test picture that is ours.

What a model answers to it proves that its file is whole and that the computer reckons right with
it (a GPU's driver may not), not how well it sees a real street: `docs/perception.md` has that.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.detections import PATROL_CLASSES, Detections

WIDTH_PX, HEIGHT_PX, HORIZON_PX = 640, 416, 210
CAR, PERSON = (57.0, 207.0, 391.0, 351.0), (455.0, 126.0, 549.0, 380.0)
WANTED = {"car": CAR, "person": PERSON}  # x1 y1 x2 y2, pixels
FOUND_FROM = 0.3  # score; the model that comes with the product gives 0.65 and 0.52
FITS_FROM = 0.5  # intersection over union
SMOOTH, SUBPIXEL = cv2.LINE_AA, 4
SKIN, STEEL, DARK = (140, 170, 215), (150, 152, 155), (26, 26, 28)
Colour = tuple[int, int, int]


def drawn() -> NDArray[np.uint8]:
    """(416, 640, 3) uint8 BGR, the same each time."""
    picture = _ground()
    _car(picture)
    _person(picture, 500)
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
    noise = np.random.default_rng(1).normal(0, 3, picture.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def missed(found: Detections) -> tuple[str, ...]:
    """What is in the scene and was not found there."""
    return tuple(label for label, box in WANTED.items() if not _is_found(found, label, box))


def _is_found(found: Detections, label: str, box: Sequence[float]) -> bool:
    sure = (found.classes == PATROL_CLASSES.index(label)) & (found.scores >= FOUND_FROM)
    return any(_overlap(one, box) >= FITS_FROM for one in found.boxes[sure])


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, float(width)) * max(0.0, float(height))
    areas = sum(float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other))
    return common / max(1e-6, areas - common)


# --- the drawing ---


def _ground() -> NDArray[np.uint8]:
    """Sky and asphalt, each a little darker towards the lower edge."""
    rows = np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
    sky = np.array((235, 225, 200)) - np.array((60, 50, 40)) * rows / HEIGHT_PX
    road = np.array((96, 98, 100)) - 20 * (rows - HORIZON_PX) / (HEIGHT_PX - HORIZON_PX)
    column = np.where(rows < HORIZON_PX, sky, road).astype(np.uint8)
    return np.repeat(column[:, None, :], WIDTH_PX, axis=1)


def _area(picture: NDArray[np.uint8], colour: Colour, *points: tuple[int, int]) -> None:
    corners = (np.array(points) << SUBPIXEL).astype(np.int32)
    cv2.fillPoly(picture, [corners], colour, SMOOTH, SUBPIXEL)


def _car(picture: NDArray[np.uint8]) -> None:
    cv2.ellipse(picture, (220, 338), (175, 12), 0, 0, 360, (50, 50, 52), -1, SMOOTH)
    roof = ((60, 300), (64, 268), (110, 258), (150, 218), (200, 206), (270, 208), (318, 252))
    _area(picture, (40, 36, 170), *roof, (368, 264), (384, 290), (382, 318), (70, 320))
    _area(picture, (28, 24, 120), (60, 300), (384, 290), (382, 318), (70, 320))
    _area(picture, (90, 80, 60), (124, 256), (156, 224), (200, 214), (204, 256))
    _area(picture, (96, 86, 66), (212, 256), (210, 214), (262, 216), (300, 254))
    _area(picture, (150, 140, 120), (128, 254), (158, 226), (176, 220), (150, 254))
    _area(picture, (60, 60, 230), (62, 272), (78, 270), (76, 284), (60, 288))
    _area(picture, (200, 240, 250), (364, 268), (380, 276), (380, 286), (362, 280))
    cv2.line(picture, (207, 256), (209, 312), (20, 18, 90), 2, SMOOTH)
    cv2.line(picture, (70, 290), (380, 284), (60, 56, 200), 2, SMOOTH)
    _area(picture, (30, 30, 40), (186, 266), (200, 266), (200, 270), (186, 270))
    for x in (124, 320):
        _wheel(picture, x, 318)


def _wheel(picture: NDArray[np.uint8], x: int, y: int) -> None:
    for radius, colour in ((30, DARK), (18, STEEL), (6, (60, 60, 62))):
        cv2.circle(picture, (x, y), radius, colour, -1, SMOOTH)
    for spoke in range(5):
        angle = spoke * 2 * np.pi / 5
        end = int(x + 16 * np.cos(angle)), int(y + 16 * np.sin(angle))
        cv2.line(picture, (x, y), end, (70, 70, 72), 3, SMOOTH)


def _person(picture: NDArray[np.uint8], x: int) -> None:
    def area(colour: Colour, *points: tuple[int, int]) -> None:
        _area(picture, colour, *((x + right, down) for right, down in points))

    cv2.ellipse(picture, (x, 372), (40, 7), 0, 0, 360, (50, 50, 52), -1, SMOOTH)
    area((90, 55, 35), (-22, 270), (-2, 270), (-4, 330), (-6, 366), (-24, 366), (-20, 330))
    area((80, 48, 30), (0, 270), (22, 270), (24, 330), (30, 366), (12, 368), (6, 330))
    area((30, 30, 30), (-26, 364), (-5, 364), (-5, 374), (-34, 374))
    area((30, 30, 30), (12, 366), (30, 364), (38, 374), (12, 376))
    area((60, 120, 50), (-26, 190), (-14, 180), (14, 180), (26, 190), (24, 276), (-24, 276))
    area((50, 105, 42), (-26, 190), (-18, 188), (-22, 230), (-30, 264), (-40, 260), (-34, 226))
    area((50, 105, 42), (26, 190), (18, 188), (24, 230), (34, 262), (42, 256), (36, 224))
    for hand in ((x - 36, 266), (x + 39, 262)):
        cv2.circle(picture, hand, 7, SKIN, -1, SMOOTH)
    area((120, 150, 195), (-7, 168), (7, 168), (8, 184), (-8, 184))
    cv2.ellipse(picture, (x, 152), (15, 20), 0, 0, 360, SKIN, -1, SMOOTH)
    cv2.ellipse(picture, (x, 142), (16, 14), 0, 180, 360, (30, 40, 55), -1, SMOOTH)
    cv2.circle(picture, (x - 5, 152), 2, (40, 40, 40), -1, SMOOTH)
    cv2.circle(picture, (x + 6, 152), 2, (40, 40, 40), -1, SMOOTH)
    cv2.line(picture, (x - 4, 162), (x + 5, 162), (80, 90, 160), 2, SMOOTH)
