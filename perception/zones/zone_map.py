"""Zones as a picture, north up, for the one who drew them to look at."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.place.frame import LocalFrame
from perception.zones.zones import Zone

Floats = NDArray[np.float64]
Canvas = NDArray[np.uint8]
Point = tuple[int, int]

SIDE_PX = 1000
MARGIN_PX = 70
LINE_PX = 16
# BGR, told apart by people with the common colour deficiencies (Okabe and Ito).
COLOURS = {
    "area": (178, 114, 0),
    "carriageway": (120, 120, 120),
    "lane": (94, 60, 0),
    "crossing": (0, 158, 230),
    "line": (0, 94, 213),
    "exclusion": (167, 121, 204),
    "walkable": (115, 158, 0),
    "no_stop": (66, 228, 240),
}
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_zones(zones: Sequence[Zone], unit: tuple[float, float] | None = None) -> Canvas:
    """(1000, 1000, 3) uint8 BGR: zones on the ground, or, where there are none, those in pictures.
    `unit`: latitude and longitude of a place to mark."""
    canvas = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    ground = [zone for zone in zones if zone.camera is None]
    shown = ground or list(zones)
    if not shown:
        return canvas
    rings = [[_flat(ring, shown, ground) for ring in (z.points, *z.holes)] for z in shown]
    marks = [_flat(np.array([unit[::-1]]), shown, ground)[0]] if unit and ground else []
    everything = np.concatenate(
        [*(ring for each in rings for ring in each), *(m[None] for m in marks)]
    )
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = (SIDE_PX - 2 * MARGIN_PX) / max(float((high - low).max()), 1e-6)

    def pixel(point: Floats) -> Point:
        x, y = (point - (low + high) / 2) * scale
        return round(SIDE_PX / 2 + x), round(SIDE_PX / 2 - y)

    order = sorted(range(len(shown)), key=lambda n: -float(np.ptp(rings[n][0], axis=0).sum()))
    names = [
        (shown[n].name, _zone(canvas, shown[n], [[pixel(p) for p in ring] for ring in rings[n]]))
        for n in order
    ]
    for mark in marks:
        cv2.drawMarker(canvas, pixel(mark), BLACK, cv2.MARKER_STAR, 24, 2, cv2.LINE_AA)
    _names(canvas, names)
    _legend(canvas, shown)
    if ground:
        _north_and_scale(canvas, scale)
    return canvas


def as_png(canvas: Canvas) -> bytes:
    """The picture as a PNG file's bytes."""
    return bytes(cv2.imencode(".png", canvas)[1])


def _flat(ring: Floats, shown: Sequence[Zone], ground: Sequence[Zone]) -> Floats:
    """East and north in metres; of a picture's zones x and y upwards, in shares."""
    if not ground:
        return np.asarray(ring * np.array((1.0, -1.0)), np.float64)
    lon, lat = shown[0].points[0]
    return LocalFrame.at(float(lat), float(lon)).ring_to_metres(ring)


def _zone(canvas: Canvas, zone: Zone, rings: list[list[Point]]) -> Point:
    """Returns where its name goes."""
    colour = COLOURS[zone.kind]
    points = [np.array(ring, np.int32) for ring in rings]
    if zone.is_line:
        cv2.polylines(
            canvas, points, isClosed=False, color=colour, thickness=3, lineType=cv2.LINE_AA
        )
        a, b = points[0][0], points[0][1]
        # From left to right, as one goes along the line: that is forward.
        across = math.atan2(float(b[1] - a[1]), float(b[0] - a[0])) + math.pi / 2
        _arrow(canvas, (a + b) / 2, across, colour)
    else:
        filled = canvas.copy()
        cv2.fillPoly(filled, points, colour, cv2.LINE_AA)
        cv2.addWeighted(filled, 0.25, canvas, 0.75, 0, canvas)
        cv2.polylines(
            canvas, points, isClosed=True, color=colour, thickness=2, lineType=cv2.LINE_AA
        )
    centre = points[0].mean(axis=0)
    if zone.direction_deg is not None:
        _arrow(canvas, centre, math.radians(zone.direction_deg - 90.0), colour)
    return round(centre[0]), round(centre[1]) - 8


def _arrow(canvas: Canvas, at: Floats, angle: float, colour: tuple[int, int, int]) -> None:
    """`angle`: in the picture, clockwise from the right."""
    along = np.array((math.cos(angle), math.sin(angle))) * 28
    begin, end = (tuple(np.round(at + share * along).astype(int).tolist()) for share in (-0.3, 1.0))
    cv2.arrowedLine(canvas, begin, end, colour, 2, cv2.LINE_AA, tipLength=0.4)


def _names(canvas: Canvas, names: Sequence[tuple[str, Point]]) -> None:
    """Each name at its place, or as little below it as keeps it off the others."""
    taken: list[tuple[int, int, int]] = []  # left, right, foot
    for name, (x, y) in names:
        (width, _), _ = cv2.getTextSize(name, FONT, 0.5, 1)
        left, right = x - width // 2 - 4, x + width // 2 + 4
        while any(left < r and right > q and abs(y - foot) < LINE_PX for q, r, foot in taken):
            y += LINE_PX
        taken.append((left, right, y))
        for shift_x, shift_y in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            at = (left + 4 + shift_x, y + shift_y)
            cv2.putText(canvas, name, at, FONT, 0.5, WHITE, 1, cv2.LINE_AA)
        cv2.putText(canvas, name, (left + 4, y), FONT, 0.5, BLACK, 1, cv2.LINE_AA)


def _legend(canvas: Canvas, shown: Sequence[Zone]) -> None:
    for row, kind in enumerate(sorted({zone.kind for zone in shown})):
        top = 14 + 20 * row
        cv2.rectangle(canvas, (12, top), (28, top + 12), COLOURS[kind], -1)
        cv2.putText(canvas, kind, (36, top + 11), FONT, 0.45, BLACK, 1, cv2.LINE_AA)


def _north_and_scale(canvas: Canvas, scale: float) -> None:
    cv2.arrowedLine(
        canvas, (SIDE_PX - 30, 60), (SIDE_PX - 30, 22), BLACK, 2, cv2.LINE_AA, tipLength=0.35
    )
    cv2.putText(canvas, "N", (SIDE_PX - 37, 78), FONT, 0.5, BLACK, 1, cv2.LINE_AA)
    rough_m = 200 / scale
    step_m = 10 ** math.floor(math.log10(rough_m))
    length_m = max(n * step_m for n in (1, 2, 5) if n * step_m <= rough_m)
    foot = SIDE_PX - 20
    right = 20 + round(length_m * scale)
    cv2.line(canvas, (20, foot), (right, foot), BLACK, 3)
    cv2.putText(canvas, f"{length_m:g} m", (right + 8, foot + 4), FONT, 0.45, BLACK, 1, cv2.LINE_AA)
