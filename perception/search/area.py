"""What of an area was seen: a grid over it, in which every footprint is filled.

A grid costs the same however long the patrol is, and no union of polygons can fail on it. What was
filled counts as seen: whether a wall stood before it, a footprint on flat ground does not know.
"""

import base64
import binascii
import math
import zlib
from collections.abc import Sequence
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import LinearRing, MultiPolygon, Polygon
from shapely.affinity import affine_transform

from perception.place.frame import LocalFrame

Floats = NDArray[np.float64]
Mask = NDArray[np.uint8]

FINEST_M = 0.25
MOST_CELLS = 1 << 22
SUBPIXEL_BITS = 4
MOST_RINGS = 64
MOST_POINTS = 50_000  # of an outline before it is made simpler
MOST_CORNERS = 800  # about 32 KiB on the wire
SMALLEST_RING_CELLS = 12.0  # smaller ones are not told
LARGEST_SIDE_M = 50_000.0


class AreaError(ValueError):
    """The area cannot be searched. The text says why."""


class SearchedArea:
    """One thread."""

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        """`corners`: latitude and longitude of a polygon's corners. Raises AreaError."""
        points = np.array(corners, np.float64)
        if len(points) < 3 or not np.isfinite(points).all():
            raise AreaError("an area has at least three corners")
        # The mean of two longitudes on both sides of the date line lies on the other side of earth.
        self.frame = LocalFrame.at(float(points[:, 0].mean()), float(points[0, 1]))
        self.ring = self.frame.ring_to_metres(points[:, ::-1])
        self._low = self.ring.min(axis=0)
        size = self.ring.max(axis=0) - self._low
        if size.max() > LARGEST_SIDE_M:
            raise AreaError(f"it is more than {LARGEST_SIDE_M / 1000:.0f} km wide")
        self.cell_m = max(FINEST_M, math.sqrt(float(size[0] * size[1]) / MOST_CELLS))
        columns, rows = (math.ceil(side / self.cell_m) + 1 for side in size)
        self._inside = np.zeros((rows, columns), np.uint8)
        self._fill(self._inside, self.ring)
        self.cells = int(self._inside.sum())
        if self.cells == 0 or _crosses_itself(self.ring):
            raise AreaError("its border crosses itself, or it holds nothing")
        self._seen = np.zeros_like(self._inside)
        self._last: Floats | None = None

    @property
    def share(self) -> float:
        """0..1 of the area."""
        return int(self._seen.sum()) / self.cells

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Whether a point is inside the area."""
        east, north = self.frame.to_metres(lat_deg, lon_deg)
        return bool(_holds(self.ring, np.array([east]), np.array([north]))[0])

    def see(self, footprint: Floats, frame: LocalFrame) -> bool:
        """Add the ground in a picture, (N, 2) east and north in metres of `frame`.

        False where it adds nothing, since it is nearly the one before, or is none.
        """
        if len(footprint) < 3 or not np.isfinite(footprint).all():
            return False
        here = self._moved(footprint, frame)
        last = self._last
        same = last is not None and last.shape == here.shape
        if same and last is not None and np.abs(here - last).max() < self.cell_m:
            return False
        self._last = here
        self._fill(self._seen, here, within=True)
        return True

    def _moved(self, points: Floats, frame: LocalFrame) -> Floats:
        """From one frame to ours: both are flat, so one scale and one shift will do."""
        lat, lon = frame.to_degrees(0.0, 0.0)
        shift = np.array(self.frame.to_metres(lat, lon))
        scale = np.array(
            [
                self.frame.east_m_per_deg / frame.east_m_per_deg,
                self.frame.north_m_per_deg / frame.north_m_per_deg,
            ]
        )
        return np.asarray(points * scale + shift, np.float64)

    def _fill(self, mask: Mask, ring: Floats, *, within: bool = False) -> None:
        """Set the cells whose centre a polygon holds; `within`: those of the area alone.

        Only the polygon's own part of the grid is touched.
        """
        cells = (ring - self._low) / self.cell_m - 0.5  # a cell's centre has whole numbers
        low = np.floor(cells.min(axis=0)).astype(int) - 1
        high = np.ceil(cells.max(axis=0)).astype(int) + 2
        rows, columns = mask.shape
        left, right = (int(np.clip(v, 0, columns)) for v in (low[0], high[0]))
        top, bottom = (int(np.clip(v, 0, rows)) for v in (low[1], high[1]))
        if right <= left or bottom <= top:
            return
        part = np.zeros((bottom - top, right - left), np.uint8)
        # Far corners would overflow the filler's integers; there is nothing to fill out there.
        local = np.clip(cells - (left, top), -8e4, 8e4)
        fixed = [np.rint(local * (1 << SUBPIXEL_BITS)).astype(np.int32)]
        cv2.fillPoly(part, fixed, (1,), cv2.LINE_8, SUBPIXEL_BITS)
        _trim(part, fixed, local)
        place = mask[top:bottom, left:right]
        if within:
            part &= self._inside[top:bottom, left:right]
        np.maximum(place, part, out=place)

    def seen_mask(self) -> Mask:
        """(rows, columns) uint8, 1 where seen; row 0 is the south."""
        return self._seen

    def rings(self, most_corners: int = MOST_CORNERS) -> list[list[tuple[float, float]]]:
        """What was seen, as closed rings of latitude and longitude; one in another is a hole.

        Simplified until there are no more corners than that in all, largest pieces first. Where
        there are too many pieces or holes, the smallest are not told.
        """
        pieces = sorted(_outlines(self._seen), key=lambda piece: piece.area, reverse=True)
        tolerance, rings = 0.5, _simpler(pieces, 0.5)
        while sum(map(len, rings)) > most_corners and tolerance < max(self._seen.shape):
            tolerance *= 1.2
            rings = _simpler(pieces, tolerance)
        while sum(map(len, rings)) > most_corners:
            rings.pop()
        return [self._degrees(ring) for ring in rings[:MOST_RINGS]]

    def _degrees(self, cells: Floats) -> list[tuple[float, float]]:
        metres = (cells + 0.5) * self.cell_m + self._low
        return [self.frame.to_degrees(float(east), float(north)) for east, north in metres]

    # --- over a restart ---

    def packed(self) -> str:
        """What was seen, as text."""
        return base64.b64encode(zlib.compress(np.packbits(self._seen).tobytes(), 6)).decode()

    def unpack(self, text: str) -> bool:
        """Take up again what `packed` gave of the same area. False where it does not fit."""
        size = self._seen.size
        try:
            decoder = zlib.decompressobj()
            raw = decoder.decompress(base64.b64decode(text, validate=True), size // 8 + 2)
        except (binascii.Error, zlib.error, ValueError):
            return False
        if len(raw) != (size + 7) // 8:
            return False
        bits = np.unpackbits(np.frombuffer(raw, np.uint8))[:size]
        self._seen = bits.reshape(self._seen.shape) & self._inside
        return True

    @classmethod
    def of(cls, corners: Sequence[tuple[float, float]], packed: str | None) -> Self:
        area = cls(corners)
        if packed:
            area.unpack(packed)
        return area


def _trim(part: Mask, fixed: list[NDArray[np.int32]], ring: Floats) -> None:
    """The filler also sets each cell that the border touches: keep those whose centre is inside."""
    border = np.zeros_like(part)
    cv2.polylines(border, fixed, True, (1,), 1, cv2.LINE_8, SUBPIXEL_BITS)
    rows, columns = np.nonzero(border)
    part[rows, columns] = _holds(ring, columns, rows)


def _holds(ring: Floats, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """(N,) whether a ring holds each point: by how often a ray to the right meets it (even-odd)."""
    inside = np.zeros(len(x), bool)
    for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y1 != y2:
            between = (y1 > y) != (y2 > y)
            inside ^= between & (x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
    return inside


def _outlines(mask: Mask) -> list[Polygon]:
    """What is set, in cells. Contours run through the centres of the cells at the border, so half
    a cell is put around them."""
    found, family = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    sizes = {n: cv2.contourArea(each) for n, each in enumerate(found) if len(each) >= 3}
    by_size = sorted(sizes, key=lambda n: sizes[n], reverse=True)
    pieces = [n for n in by_size if family[0, n, 3] < 0][: MOST_RINGS // 2]
    outer: dict[int, list[NDArray[Any]]] = {n: [] for n in pieces}
    holes = [n for n in by_size if family[0, n, 3] in outer]
    for n in holes[: MOST_RINGS - len(pieces)]:
        outer[family[0, n, 3]].append(found[n][:, 0])
    if sum(len(found[n]) + sum(map(len, outer[n])) for n in pieces) > MOST_POINTS:
        return _outlines_from_afar(mask)
    whole = MultiPolygon([Polygon(found[n][:, 0], holes) for n, holes in outer.items()])
    grown = whole.buffer(0.5, join_style="mitre", mitre_limit=1.5)
    parts = list(getattr(grown, "geoms", [grown]))
    return [part for part in parts if part.area >= SMALLEST_RING_CELLS]


def _outlines_from_afar(mask: Mask) -> list[Polygon]:
    """The same of cells twice as large, of which more than half was seen: it would take minutes."""
    height, width = mask.shape
    coarse = cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    across, down = width / (width // 2), height / (height // 2)
    to_cells = [across, 0.0, 0.0, down, (across - 1) / 2, (down - 1) / 2]
    pieces = _outlines(np.asarray(coarse, np.uint8))
    return [affine_transform(piece, to_cells) for piece in pieces]


def _simpler(pieces: Sequence[Polygon], tolerance: float) -> list[Floats]:
    """The rings of all pieces, moved by no more than this, in cells."""
    return [ring for piece in pieces for ring in _rings_of(piece.simplify(tolerance))]


def _rings_of(piece: Polygon) -> list[Floats]:
    """Its border and its holes, without the last point, which is the first again."""
    parts = getattr(piece, "geoms", [piece])
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    return [np.array(ring.coords)[:-1] for ring in rings if len(ring.coords) >= 4]


def _crosses_itself(ring: Floats) -> bool:
    return not bool(LinearRing(ring).is_simple)
