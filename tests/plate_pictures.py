"""Drawn number plates on drawn vehicles, for tests and benchmarks: there is no set of real ones.

The characters are those of OpenCV's own font, stretched into the cells of a plate (45 by 90 mm on
440 by 140 mm, 480 by 140 mm for electric vehicles). Real plates have a face of their own, dirt,
rivets and shadows: what is measured on these says that the chain works, not how well on a street.
"""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from perception.plates.formats import DIGITS, ELECTRIC, LETTERS, PROVINCES, SERIAL, Colour

Image = NDArray[np.uint8]

# Background and characters, BGR.
PAINT: dict[Colour, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "blue": ((150, 60, 10), (250, 250, 250)),
    "yellow": ((20, 180, 240), (10, 10, 10)),
    "white": ((235, 235, 235), (10, 10, 10)),
    "black": ((25, 25, 25), (245, 245, 245)),
    "green": ((110, 200, 60), (10, 10, 10)),
    "yellow_green": ((90, 190, 60), (10, 10, 10)),
}
CELL = (45, 90)
GAP = 11


def font() -> Any:
    """OpenCV's font with Chinese characters; skips the test where it has none (before 5)."""
    if not hasattr(cv2, "FontFace"):
        pytest.skip("drawing plates needs the fonts of OpenCV 5")
    return cv2.FontFace("uni")


def plate(text: str, colour: Colour = "blue") -> Image:
    """A plate seen straight on, 140 pixels high."""
    face, (ground, ink) = font(), PAINT[colour]
    electric = len(text) == 8
    picture = np.full((140, 480 if electric else 440, 3), ground, np.uint8)
    if colour == "green":  # white above, green below
        fade = np.linspace(0, 1, 140)[:, None, None]
        picture[:] = (245 * (1 - fade) + np.array(ground) * fade).astype(np.uint8)
    if colour == "yellow_green":
        picture[:, :125] = PAINT["yellow"][0]
    cv2.rectangle(picture, (4, 4), (picture.shape[1] - 5, 135), ink, 2)
    width = (picture.shape[1] - 30 - 22 - GAP * (len(text) - 1)) // len(text)
    x = 15
    for number, character in enumerate(text):
        _draw(picture, character, (x, 25, width, CELL[1]), ink, face)
        x += width + GAP
        if number == 1:
            cv2.circle(picture, (x + 5, 70), 5, ink, -1)
            x += 22
    return picture


def _draw(
    picture: Image,
    character: str,
    cell: tuple[int, int, int, int],
    ink: tuple[int, int, int],
    face: Any,
) -> None:
    mask = np.zeros((260, 260), np.uint8)
    cv2.putText(mask, character, (40, 200), (255,), face, 160, 700)
    x, y, width, height = cv2.boundingRect(mask)
    glyph = mask[y : y + height, x : x + width]
    left, top, wide, high = cell
    narrow = character in "1I"
    shown = cv2.resize(glyph, (wide // 3 if narrow else wide, high), interpolation=cv2.INTER_AREA)
    left += wide // 3 if narrow else 0
    part = picture[top : top + high, left : left + shown.shape[1]]
    share = shown[..., None].astype(np.float32) / 255
    part[:] = (part * (1 - share) + np.array(ink) * share).astype(np.uint8)


def vehicle(
    text: str,
    colour: Colour = "blue",
    *,
    width_px: int = 320,
    plate_px: int = 100,
    turn_deg: float = 0.0,
    yaw: float = 0.0,
    blur: float = 0.0,
    noise: float = 0.0,
    light: float = 1.0,
    seed: int = 0,
) -> Image:
    """A vehicle from behind with a plate so wide. `yaw`: one side of the plate that much lower."""
    rng = np.random.default_rng(seed)
    height_px = width_px * 3 // 4
    picture = np.full((height_px, width_px, 3), (90, 90, 95), np.uint8)
    body = tuple(int(v) for v in rng.integers(30, 220, 3))
    cv2.rectangle(picture, (8, 20), (width_px - 9, height_px - 25), body, -1)
    cv2.rectangle(picture, (40, 30), (width_px - 41, height_px // 2 - 10), (60, 50, 45), -1)
    for x in (14, width_px - 54):
        cv2.rectangle(
            picture, (x, height_px // 2), (x + 40, height_px // 2 + 22), (40, 40, 200), -1
        )
    drawn = plate(text, colour)
    high, wide = drawn.shape[:2]
    scale = plate_px / wide
    half_w, half_h = plate_px / 2, plate_px * high / wide / 2
    corners = np.array(
        [
            [-half_w, -half_h],
            [half_w, -half_h * (1 - yaw)],
            [half_w, half_h * (1 - yaw)],
            [-half_w, half_h],
        ]
    )
    turn = np.radians(turn_deg)
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners += (width_px / 2, height_px * 0.68)
    small = cv2.GaussianBlur(drawn, (0, 0), max(0.3, 0.35 / scale))  # no stair steps
    from_ = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
    to = cv2.getPerspectiveTransform(from_, corners.astype(np.float32))
    laid = cv2.warpPerspective(small, to, (width_px, height_px), flags=cv2.INTER_AREA)
    there = cv2.warpPerspective(np.ones((high, wide), np.float32), to, (width_px, height_px))
    mixed = picture * (1 - there[..., None]) + laid * there[..., None]
    if blur:
        mixed = cv2.GaussianBlur(mixed, (0, 0), blur)
    mixed = mixed * light + rng.normal(0, max(noise, 1e-6), mixed.shape)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def some_plate(rng: np.random.Generator) -> tuple[str, Colour]:
    """A random plate: half of them ordinary, a quarter electric, the rest of the other kinds."""

    def pick(among: str, count: int = 1) -> str:
        return "".join(rng.choice(list(among), count))

    head = pick(PROVINCES) + pick(LETTERS)
    kind = rng.integers(0, 8)
    if kind < 4:
        serial = pick(SERIAL, 5)
        return head + serial, "yellow" if kind == 3 else "blue"
    if kind == 4:
        return head + pick("DF") + pick(SERIAL) + pick(DIGITS, 4), "green"
    if kind == 5:
        return head + pick(DIGITS, 5) + pick(ELECTRIC[:2]), "yellow_green"
    return (head + pick(SERIAL, 4) + "警", "white") if kind == 6 else (
        head + pick(SERIAL, 4) + "学", "yellow")  # fmt: skip
