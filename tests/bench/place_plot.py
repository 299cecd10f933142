"""The picture of the calibration test: errors against the ellipses that were published."""

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.bench.place_trials import Outcome

Picture = NDArray[np.uint8]

FILE = Path("bench-out") / "place_calibration.png"
CELL, MARGIN, TITLE = 360, 44, 30
INK, GREY, BLUE, RED = (40, 40, 40), (210, 210, 210), (190, 110, 20), (40, 40, 200)


def plot(outcomes: dict[str, Outcome]) -> None:
    """A row of two for each platform: where errors lie, and how many of them the ellipses hold."""
    cells = [np.hstack((_scatter(name, one), _holding(one))) for name, one in outcomes.items()]
    pairs = [np.hstack(cells[at : at + 2]) for at in range(0, len(cells), 2)]
    FILE.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(FILE), np.vstack(pairs))


def _blank() -> Picture:
    return np.full((CELL + TITLE, CELL, 3), 255, np.uint8)


def _write(picture: Picture, text: str, at: tuple[int, int], scale: float = 0.42) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)


def _scatter(name: str, outcome: Outcome) -> Picture:
    """Errors east and north, with the ellipse of their mean published size."""
    picture, errors = _blank(), np.array(outcome.errors)
    reach_m = max(float(np.percentile(np.abs(errors), 99.5)), 0.1)
    scale = (CELL / 2 - MARGIN / 2) / reach_m
    middle = CELL // 2, TITLE + CELL // 2
    cv2.line(picture, (0, middle[1]), (CELL, middle[1]), GREY, 1)
    cv2.line(picture, (middle[0], TITLE), (middle[0], TITLE + CELL), GREY, 1)
    held = np.array(outcome.distances) <= 5.991
    for (east, north), inside in zip(errors.tolist(), held.tolist(), strict=True):
        at = round(middle[0] + east * scale), round(middle[1] - north * scale)
        cv2.circle(picture, at, 1, BLUE if inside else RED, -1, cv2.LINE_AA)
    ring_m = _nice(reach_m / 2)
    cv2.circle(picture, middle, round(ring_m * scale), INK, 1, cv2.LINE_AA)
    _write(picture, f"{name}: {len(errors)} errors", (8, 20))
    _write(picture, f"ring {ring_m:g} m; red: outside its ellipse", (8, TITLE + CELL - 8), 0.38)
    return picture


def _holding(outcome: Outcome) -> Picture:
    """The share that ellipses of every size hold, over the share that they should hold."""
    picture = _blank()
    left, right, low, high = MARGIN, CELL - 12, TITLE + CELL - MARGIN, TITLE + 12

    def at(x: float, y: float) -> tuple[int, int]:
        return round(left + x * (right - left)), round(low - y * (low - high))

    cv2.rectangle(picture, at(0, 0), at(1, 1), GREY, 1)
    cv2.line(picture, at(0, 0), at(1, 1), GREY, 1, cv2.LINE_AA)
    for distances, colour in ((outcome.settled, RED), (outcome.distances, BLUE)):
        shares = 1 - np.exp(-np.sort(np.array(distances)) / 2)  # chi-squared, two degrees
        held = np.arange(1, len(shares) + 1) / len(shares)
        line = np.array([at(x, y) for x, y in zip(shares.tolist(), held.tolist(), strict=True)])
        cv2.polylines(picture, [line.astype(np.int32)], False, colour, 1, cv2.LINE_AA)
    cv2.line(picture, at(0.95, 0), at(0.95, 1), GREY, 1)
    words = f"95 % ellipse: {outcome.held():.1%} (blue), {outcome.held_settled():.1%} after 2 s"
    _write(picture, words, (8, 20), 0.38)
    _write(picture, "should hold", (CELL // 2 - 30, TITLE + CELL - 12), 0.38)
    _write(picture, "holds", (2, TITLE + CELL // 2), 0.38)
    return picture


def _nice(value: float) -> float:
    """1, 2 or 5 times a power of ten, not above the value."""
    power = 10 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)
