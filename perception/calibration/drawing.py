"""Pictures for the technician: how good a lens was measured, and whether a mount is right."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from config.cameras import GroundConfig
from perception.calibration.lens_fit import GRID, CalibrationError, LensFit
from perception.place.footprint import footprint, runs
from perception.place.geometry import Aim
from perception.place.lens import Lens

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

WHITE, INK, GREY, GREEN = (255, 255, 255), (40, 40, 40), (225, 225, 225), (230, 245, 225)
RED, YELLOW, CYAN = (40, 40, 220), (0, 220, 255), (220, 200, 0)
ARROW = 50.0  # times the residual
DISTANCES_M = (5, 10, 20, 50)
BEARINGS = np.radians(np.arange(-180, 180, 0.5))
SHADE = 0.25


def sheet(fit: LensFit) -> Picture:
    """Where the corners were, how far off the fit puts each (arrows, enlarged), and which parts of
    the picture the board was in (green)."""
    wide, high = fit.size_px
    picture = np.full((high, wide, 3), 255, np.uint8)
    cell = np.array([wide / GRID[0], high / GRID[1]])
    filled = {(int(x), int(y)) for x, y in np.floor(fit.residuals[:, :2] / cell)}
    for x in range(GRID[0]):
        for y in range(GRID[1]):
            low, top = (np.array([x, y]) * cell).astype(int), ((np.array([x, y]) + 1) * cell)
            colour = GREEN if (x, y) in filled else WHITE
            cv2.rectangle(picture, tuple(low.tolist()), tuple(top.astype(int).tolist()), colour, -1)
            cv2.rectangle(picture, tuple(low.tolist()), tuple(top.astype(int).tolist()), GREY, 1)
    for u, v, du, dv in fit.residuals.tolist():
        begin = round(u), round(v)
        cv2.circle(picture, begin, 2, INK, -1, cv2.LINE_AA)
        end = round(u + ARROW * du), round(v + ARROW * dv)
        cv2.line(picture, begin, end, RED, 1, cv2.LINE_AA)
    axis = round(fit.cx_px), round(fit.cy_px)
    cv2.drawMarker(picture, axis, CYAN, cv2.MARKER_CROSS, 24, 2)
    words = f"{fit.rms_px:.2f} px, {fit.coverage:.0%} of the picture; lines: {ARROW:.0f} x error"
    cv2.rectangle(picture, (0, 0), (wide, 32), INK, -1)
    _write(picture, words, (10, 22))
    return picture


def overlay(image: Picture, lens: Lens, aim: Aim, config: GroundConfig) -> Picture:
    """The picture with the horizon, lines at equal distances on the ground, the bow's direction,
    and the ground that counts (shaded)."""
    picture = np.array(image, copy=True)
    _shade(picture, lens, aim, config)
    horizon = np.column_stack((np.sin(BEARINGS), np.cos(BEARINGS), np.zeros(len(BEARINGS))))
    _line(picture, lens, aim, horizon, YELLOW, "horizon")
    for distance_m in DISTANCES_M:
        ring = horizon * distance_m
        ring[:, 2] = -aim.height_m
        _line(picture, lens, aim, ring, WHITE, f"{distance_m} m")
    away = np.geomspace(0.5, 1000, 200)
    ahead = np.column_stack((np.zeros(200), away, np.full(200, -aim.height_m)))
    _line(picture, lens, aim, ahead, CYAN, "bow")
    return picture


def _shade(picture: Picture, lens: Lens, aim: Aim, config: GroundConfig) -> None:
    ring = footprint(lens, aim, config.max_range_m, config.horizon_margin_deg)
    if ring is None:
        return
    level = np.column_stack((ring - aim.lens, np.full(len(ring), -aim.height_m)))
    pixels, seen = lens.pixels(level @ aim.rotation)
    corners = np.round(pixels[seen]).astype(np.int32)
    if len(corners) < 3:
        return
    shaded = picture.copy()
    cv2.fillPoly(shaded, [corners], (0, 160, 0))
    cv2.addWeighted(shaded, SHADE, picture, 1 - SHADE, 0, dst=picture)


def _line(
    picture: Picture, lens: Lens, aim: Aim, towards: Floats, colour: Colour, words: str
) -> None:
    """What is seen of a line in the world, with its name where it begins."""
    pixels, seen = lens.pixels(towards @ aim.rotation)
    high, wide = picture.shape[:2]
    with np.errstate(invalid="ignore"):
        inside = seen & (pixels > -50).all(axis=1) & (pixels < (wide + 50, high + 50)).all(axis=1)
    label: tuple[int, int] | None = None
    for part in runs(inside):
        points = np.round(pixels[part]).astype(np.int32)
        cv2.polylines(picture, [points], False, INK, 4, cv2.LINE_AA)
        cv2.polylines(picture, [points], False, colour, 2, cv2.LINE_AA)
        shown = [point for point in points.tolist() if 5 < point[0] < wide - 90]
        shown = [point for point in shown if 20 < point[1] < high - 5]
        if shown and label is None:
            label = shown[0][0], shown[0][1] - 6
    if label is not None:
        _write(picture, words, label)


def _write(picture: Picture, words: str, at: tuple[int, int]) -> None:
    scale = max(0.5, math.sqrt(picture.shape[1] / 1280) * 0.6)
    for colour, thickness in ((INK, 4), (WHITE, 1)):
        cv2.putText(
            picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA
        )


def png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise CalibrationError("the picture cannot be written as PNG")
    return bytes(data.tobytes())
