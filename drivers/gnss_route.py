"""A way over the ground: where something is that follows it, and the files that describe it."""

import itertools
import math
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from config.document import parse
from config.models import Section
from config.nodes import plain
from drivers.gnss_guard import DEGREE_M, distance_m

Place = tuple[float, float]  # lat, lon in degrees, WGS 84
MAX_FILE_BYTES = 1_000_000


class RouteError(Exception):
    """A route cannot be read. The text says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """A place on the route and where the route leads there."""

    place: Place
    course_deg: float  # 0..360 true


class Route:
    """Straight lines from place to place, short enough for the Earth to be flat."""

    def __init__(self, places: tuple[Place, ...], *, loop: bool) -> None:
        """Raises RouteError for fewer than one place."""
        if not places:
            raise RouteError("a route needs at least one place")
        closed = [*places, places[0]] if loop else list(places)
        self._legs = [(a, b) for a, b in itertools.pairwise(closed) if distance_m(a, b) > 0]
        self._lengths_m = [distance_m(a, b) for a, b in self._legs]
        self._start = places[0]
        self._loop = loop

    @property
    def length_m(self) -> float:
        """From the first place to the last, or once around."""
        return sum(self._lengths_m)

    def at(self, way_m: float) -> Bearing:
        """After so many metres on the way. A route that does not loop ends at its last place."""
        if not self._legs:
            return Bearing(self._start, 0.0)
        left_m = way_m % self.length_m if self._loop else min(way_m, self.length_m)
        for (here, there), leg_m in zip(self._legs, self._lengths_m, strict=True):
            if left_m <= leg_m:
                return _along(here, there, left_m / leg_m)
            left_m -= leg_m
        return _along(*self._legs[-1], 1.0)

    def ends_before(self, way_m: float) -> bool:
        """Whether the end is reached, and left no more."""
        return not self._legs or (not self._loop and way_m >= self.length_m)


def _along(here: Place, there: Place, share: float) -> Bearing:
    north = there[0] - here[0]
    east = (there[1] - here[1] + 180) % 360 - 180
    place = (here[0] + north * share, (here[1] + east * share + 180) % 360 - 180)
    east_m = east * math.cos(math.radians((here[0] + there[0]) / 2))
    return Bearing(place, math.degrees(math.atan2(east_m, north)) % 360)


def moved(place: Place, north_m: float, east_m: float) -> Place:
    """The place some metres from another."""
    lat_deg = place[0] + north_m / DEGREE_M
    return lat_deg, place[1] + east_m / (DEGREE_M * math.cos(math.radians(place[0])))


# --- files -----------------------------------------------------------------------------------


class Waypoint(Section):
    lat_deg: float = Field(ge=-85, le=85)
    lon_deg: float = Field(ge=-180, le=180)


class RouteFile(Section):
    """A route as YAML, or as the waypoints of a configuration."""

    crs: Literal["wgs84"]
    waypoints: tuple[Waypoint, ...] = Field(min_length=1, max_length=10_000)
    loop: bool = False
    speed_mps: float | None = Field(None, gt=0, le=100)

    def route(self, *, loop: bool | None = None) -> Route:
        """The way along the waypoints; around and around as the file says, or as `loop` does."""
        places = tuple((point.lat_deg, point.lon_deg) for point in self.waypoints)
        return Route(places, loop=self.loop if loop is None else loop)


Position = tuple[
    Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-85, le=85)]
]  # RFC 7946, 3.1.1: longitude first


class LineString(Section):
    type: Literal["LineString"]
    coordinates: tuple[Position, ...] = Field(min_length=2, max_length=10_000)


def read_route(path: Path) -> RouteFile:
    """A route from YAML (`crs`, `waypoints`) or GeoJSON (its first LineString, RFC 7946).

    Raises RouteError.
    """
    data = _bytes_of(path)
    document = parse(data, str(path), "route")
    if document.root is None or document.problems:
        raise RouteError("; ".join(str(problem) for problem in document.problems[:3]))
    content = plain(document.root)
    try:
        line = _line_string(content)
        if line is None:
            return RouteFile.model_validate(content)
        return _from_geojson(LineString.model_validate(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RouteError(
            f"{path}: {where or 'content'}: {first['msg']}; a route is `crs: wgs84` and "
            "`waypoints:`, each with lat_deg and lon_deg, or a GeoJSON LineString"
        ) from error


def demo_route() -> RouteFile:
    """The route that ships with the demo's profile."""
    with as_file(files("config.profiles") / "demo_route.yaml") as path:
        return read_route(path)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise RouteError(f"cannot read the route {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise RouteError(f"{path} is larger than {MAX_FILE_BYTES // 1000} kB: not a route")
    return data


def _line_string(content: object) -> dict[str, Any] | None:
    """The first LineString in a GeoJSON object; None if it is no GeoJSON."""
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        return None
    match content:
        case {"type": "Feature", "geometry": dict() as geometry}:
            return _geometry(geometry)
        case {"type": "FeatureCollection", "features": [{"geometry": dict() as geometry}, *_]}:
            return _geometry(geometry)
    return _geometry(content)


def _geometry(geometry: dict[str, Any]) -> dict[str, Any]:
    # Heights are allowed in GeoJSON, and of no use here.
    coordinates = geometry.get("coordinates")
    if isinstance(coordinates, list):
        coordinates = [item[:2] if isinstance(item, list) else item for item in coordinates]
    return {"type": geometry.get("type"), "coordinates": coordinates}


def _from_geojson(line: LineString) -> RouteFile:
    places = tuple(Waypoint(lat_deg=lat, lon_deg=lon) for lon, lat in line.coordinates)
    closed = len(places) > 2 and places[0] == places[-1]
    return RouteFile(crs="wgs84", waypoints=places[:-1] if closed else places, loop=closed)
