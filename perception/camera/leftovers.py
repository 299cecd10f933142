"""What is new in a standing camera's picture and stays: two backgrounds, a quick and a slow one.

What the quick one has taken in and the slow one has not is something that came and stayed (Porikli,
Ivanov and Haga, EURASIP J. Adv. Signal Process. 2008, 197875). Whether it was put there or taken
away its border tells: a thing that was put there brings edges, one that was taken away takes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH, HEIGHT = 320, 192  # px: a bag of 0.4 m where a person is a seventh of the picture high is 8
QUICK_S, SLOW_S = 3.0, 60.0
LEARN_S = 10.0  # before anything can be called new
DIFFERENT = 18.0  # grey levels between the two backgrounds
CALM = 14.0  # and at most so many between the picture and the quick one: it stays
EDGES = 1.25  # how many times more edge on its border, in the view with the object in it
EDGE_MIN = 4.0  # grey levels per pixel: a shadow's border is softer
LARGEST_SHARE = 0.04  # of the picture: what is larger is light, or a vehicle
SMALLEST_PX = 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Something new that stays: x1 y1 x2 y2 as shares of the picture."""

    box: tuple[float, float, float, float]
    put_there: bool  # False: taken away


class Leftovers:
    """The two backgrounds of one camera that stands."""

    def __init__(self) -> None:
        self._quick: Floats | None = None
        self._slow: Floats | None = None
        self._last_s = 0.0
        self._age_s = 0.0

    def update(
        self, image: NDArray[np.uint8], busy: NDArray[np.bool_], mono_s: float
    ) -> list[Blob]:
        """What is new and stays after a (H, W, 3) picture; `busy` (HEIGHT, WIDTH): where people and
        vehicles are, which teaches nothing."""
        now = _small(image)
        free = ~busy[..., None]
        if self._quick is None or self._slow is None:
            self._quick, self._slow, self._last_s = now.copy(), now.copy(), mono_s
            return []
        passed_s = min(max(mono_s - self._last_s, 0.0), 2.0)
        self._last_s, self._age_s = mono_s, self._age_s + passed_s
        now = _in_light_of(now, self._slow)
        quick = np.float32(min(1.0, passed_s / QUICK_S)) * free
        self._quick += quick * (now - self._quick)
        if self._age_s < LEARN_S:
            self._slow += np.float32(min(1.0, passed_s / self._age_s)) * free * (now - self._slow)
            return []
        new = np.abs(self._quick - self._slow).max(axis=2) > DIFFERENT
        calm = np.abs(now - self._quick).max(axis=2) < CALM
        slow = np.float32(passed_s / SLOW_S) * ~(busy | new)[..., None]
        self._slow += slow * (now - self._slow)
        return list(self._blobs(new & calm & ~busy))

    def accept(self, box: tuple[float, float, float, float]) -> None:
        """What is there belongs to the view from now on."""
        if self._slow is not None and self._quick is not None:
            rows, columns = _cut(box, margin_px=3)
            self._slow[rows, columns] = self._quick[rows, columns]

    def _blobs(self, mask: NDArray[np.bool_]) -> Iterator[Blob]:
        if self._quick is None or self._slow is None:
            return
        closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        for number in range(1, count):
            x, y, width, height, area = (int(value) for value in stats[number])
            if area < SMALLEST_PX or area > LARGEST_SHARE * WIDTH * HEIGHT:
                continue
            if area < 0.25 * width * height:  # a line: an edge that a swaying mast moved
                continue
            part = (labels == number).astype(np.uint8)
            rim = cv2.morphologyEx(part, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
            with_it, without = _steepness(self._quick, rim), _steepness(self._slow, rim)
            if max(with_it, without) < EDGE_MIN:
                continue
            if max(with_it, without) < EDGES * min(with_it, without):
                continue
            box = x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + height) / HEIGHT
            yield Blob(box, put_there=with_it > without)


def _small(image: NDArray[np.uint8]) -> Floats:
    step = max(1, min(image.shape[0] // HEIGHT, image.shape[1] // WIDTH))
    part = np.ascontiguousarray(image[::step, ::step])
    return cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)


def _in_light_of(now: Floats, other: Floats) -> Floats:
    """As bright and as tinted as the other in each sixth of the picture: clouds are no things."""
    size = (6, 4)
    gain = cv2.resize(other, size, interpolation=cv2.INTER_AREA) / np.maximum(
        cv2.resize(now, size, interpolation=cv2.INTER_AREA), 1.0
    )
    gain = np.clip(gain, 0.4, 2.5).astype(np.float32)
    wide = cv2.resize(gain, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(now * wide, np.float32)


def _steepness(view: Floats, where: NDArray[np.bool_]) -> float:
    across = cv2.Sobel(view, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(view, cv2.CV_32F, 0, 1, scale=1 / 8)
    return float((np.abs(across) + np.abs(down)).max(axis=2)[where].mean())


def _cut(box: tuple[float, float, float, float], margin_px: int = 0) -> tuple[slice, slice]:
    """Rows and columns of a box in shares."""
    x1, y1, x2, y2 = box
    left, right = int(x1 * WIDTH) - margin_px, int(np.ceil(x2 * WIDTH)) + margin_px
    top, bottom = int(y1 * HEIGHT) - margin_px, int(np.ceil(y2 * HEIGHT)) + margin_px
    return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))


def mask_of(boxes: list[tuple[float, float, float, float]]) -> NDArray[np.bool_]:
    """(HEIGHT, WIDTH): inside one of the boxes, shares of the picture."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    for box in boxes:
        mask[_cut(box, margin_px=2)] = True
    return mask
