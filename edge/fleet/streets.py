"""Where a fleet drives: streets from a file, or a grid of them around a place."""

import json
import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from config.wording import one_line
from drivers.gnss.guard import distance_m
from drivers.gnss.route import MAX_LAT_DEG, Place, RouteError, moved, read_route

MAX_FILE_BYTES = 64_000_000  # the streets of a large city
MAX_PLACES = 1_000_000
JOIN_DIGITS = 6  # ends of lines closer than 1e-6 degrees (0.1 m) are the same crossing
CURE = "give GeoJSON (RFC 7946) with LineStrings, WGS 84, or a route file; or none, for a grid"


class StreetsError(Exception):
    """The streets cannot be used. The text says why, and what to give instead."""


class Streets:
    """Crossings and bends, and which of them are neighbours. Every one has at least one."""

    def __init__(self, lines: Iterable[tuple[Place, ...]]) -> None:
        """Raises StreetsError where the lines have no length."""
        self.places: list[Place] = []
        self._neighbours: list[list[int]] = []
        self._numbers: dict[Place, int] = {}
        for line in lines:
            for here, there in pairwise(line):
                self._join(self._number(here), self._number(there))
        if not any(self._neighbours):
            raise StreetsError(f"no street is longer than a point; {CURE}")

    def _number(self, place: Place) -> int:
        key = (round(place[0], JOIN_DIGITS), round(place[1], JOIN_DIGITS))
        number = self._numbers.setdefault(key, len(self.places))
        if number == len(self.places):
            self.places.append(key)
            self._neighbours.append([])
        return number

    def _join(self, a: int, b: int) -> None:
        if a != b and b not in self._neighbours[a]:
            self._neighbours[a].append(b)
            self._neighbours[b].append(a)

    def neighbours(self, number: int) -> list[int]:
        return self._neighbours[number]

    @property
    def starts(self) -> list[int]:
        """Places from which a way leads on."""
        return [number for number, near in enumerate(self._neighbours) if near]

    @property
    def length_m(self) -> float:
        return sum(
            distance_m(self.places[a], self.places[b])
            for a, near in enumerate(self._neighbours)
            for b in near
            if a < b
        )


def grid(center: Place, blocks: int = 20, block_m: float = 150.0) -> Streets:
    """Streets in north-south and east-west direction, `blocks` blocks wide, around a place."""
    ticks = [(number - blocks / 2) * block_m for number in range(blocks + 1)]
    across = (tuple(moved(center, north_m, east_m) for east_m in ticks) for north_m in ticks)
    along = (tuple(moved(center, north_m, east_m) for north_m in ticks) for east_m in ticks)
    return Streets([*across, *along])


def read_streets(path: Path) -> Streets:
    """All lines of a GeoJSON file, joined where they meet; or the way of a route file.

    Raises StreetsError.
    """
    data = _bytes_of(path)
    if not data.lstrip().startswith(b"{"):
        return _of_route(path)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StreetsError(f"{path} is no JSON ({one_line(str(error), 100)}); {CURE}") from error
    lines = [_line(points, path) for points in _lines_in(content)]
    if not lines:
        raise StreetsError(f"{path} holds no LineString; {CURE}")
    if sum(map(len, lines)) > MAX_PLACES:
        raise StreetsError(f"{path} has more than {MAX_PLACES} points; give a part of it")
    try:
        return Streets(lines)
    except StreetsError as error:
        raise StreetsError(f"{path}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StreetsError(f"cannot read the streets {path}: {error.strerror}; {CURE}") from error
    if len(data) > MAX_FILE_BYTES:
        raise StreetsError(
            f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB; give a part of it"
        )
    return data


def _of_route(path: Path) -> Streets:
    try:
        file = read_route(path)
    except RouteError as error:
        raise StreetsError(str(error)) from error
    places = [(point.lat_deg, point.lon_deg) for point in file.waypoints]
    closed = [*places, places[0]] if file.loop else places
    try:
        return Streets([tuple(closed)])
    except StreetsError as error:
        raise StreetsError(f"{path}: {error}") from error


def _lines_in(content: object) -> Iterator[object]:
    """The coordinates of each line; what is no line (points, areas) is passed over."""
    waiting = [content]
    while waiting:
        match waiting.pop():
            case {"type": "FeatureCollection", "features": list() as features}:
                waiting += reversed(features)
            case {"type": "Feature", "geometry": dict() as geometry}:
                waiting.append(geometry)
            case {"type": "GeometryCollection", "geometries": list() as geometries}:
                waiting += reversed(geometries)
            case {"type": "LineString", "coordinates": coordinates}:
                yield coordinates
            case {"type": "MultiLineString", "coordinates": list() as several}:
                yield from several


def _line(points: object, path: Path) -> tuple[Place, ...]:
    if not isinstance(points, list) or len(points) < 2:
        raise StreetsError(f"{path}: a LineString has fewer than two coordinates; {CURE}")
    return tuple(_place(point, path) for point in points)


def _place(point: Any, path: Path) -> Place:
    """From [longitude, latitude] (RFC 7946, 3.1.1)."""
    match point:
        case [int() | float() as lon, int() | float() as lat, *_] if (
            type(lon) is not bool
            and type(lat) is not bool
            and -180 <= lon <= 180
            and -MAX_LAT_DEG <= lat <= MAX_LAT_DEG
            and math.isfinite(lon + lat)
        ):
            return float(lat), float(lon)
    shown = one_line(json.dumps(point)[:60], 60)
    raise StreetsError(
        f"{path}: {shown} is no place; write [longitude, latitude] in degrees, longitude first, "
        f"latitude -{MAX_LAT_DEG} to {MAX_LAT_DEG}"
    )
