"""A way over the ground: where something is that follows it, and the files that describe it."""

import itertools
import math
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from config.checking import told_again
from config.document import parse
from config.nodes import Entries, plain
from config.section import Section
from config.shape import shape_of
from config.wording import one_line
from drivers.gnss.guard import DEGREE_M, distance_m

Place = tuple[float, float]  # lat, lon in degrees, WGS 84
MAX_FILE_BYTES = 1_000_000
MAX_LAT_DEG = 85
MAX_PLACES = 10_000
CURE = (
    "a route is crs: wgs84 and waypoints:, each with lat_deg: and lon_deg:, or a GeoJSON LineString"
)


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
    lat_deg: float = Field(ge=-MAX_LAT_DEG, le=MAX_LAT_DEG, examples=[52.52])
    lon_deg: float = Field(ge=-180, le=180, examples=[13.405])


class RouteFile(Section):
    """A route as YAML, or as the waypoints of a configuration."""

    crs: Literal["wgs84"]
    waypoints: tuple[Waypoint, ...] = Field(min_length=1, max_length=MAX_PLACES)
    loop: bool = False
    speed_mps: float | None = Field(None, gt=0, le=100)

    def route(self, *, loop: bool | None = None) -> Route:
        """The way along the waypoints; around and around as the file says, or as `loop` does."""
        places = tuple((point.lat_deg, point.lon_deg) for point in self.waypoints)
        return Route(places, loop=self.loop if loop is None else loop)


def read_route(path: Path) -> RouteFile:
    """A route from YAML (`crs`, `waypoints`) or GeoJSON (its first LineString, RFC 7946).

    Raises RouteError.
    """
    document = parse(_bytes_of(path), str(path), "route")
    root = document.root
    if document.problems:
        raise RouteError(f"{document.problems[0]}; {CURE}")
    if not isinstance(root, Entries):
        raise RouteError(f"{path} holds no route; {CURE}")
    content = plain(root)
    line = _line_string(content)
    if line is not None:
        return _from_geojson(line, path)
    try:
        return RouteFile.model_validate(content)
    except ValidationError as error:
        raise RouteError(_in_words(error, root, path)) from error


def _in_words(error: ValidationError, root: Entries, path: Path) -> str:
    """The first thing that is wrong; a wrong key before the one that is missing for it."""
    found = error.errors(include_url=False, include_input=False)
    first = min(found, key=lambda item: item["type"] != "extra_forbidden")
    if first["loc"] == ("waypoints",) and first["type"] in ("too_short", "too_long"):
        count = first["ctx"]["actual_length"]
        return f"{path}: waypoints: holds {count} places; give 1 to {MAX_PLACES}"
    return str(told_again(first, root, shape_of(RouteFile)))


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
    """The first geometry in a GeoJSON object; None if it is no GeoJSON."""
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        return None
    match content:
        case {"type": "Feature", "geometry": dict() as geometry}:
            return geometry
        case {"type": "FeatureCollection", "features": [{"geometry": dict() as geometry}, *_]}:
            return geometry
    return content


def _from_geojson(line: dict[str, Any], path: Path) -> RouteFile:
    coordinates = line.get("coordinates")
    if line.get("type") != "LineString" or not isinstance(coordinates, list):
        raise RouteError(
            f"{path}: its first geometry is {one_line(str(line.get('type')), 30)}, "
            "not a LineString with coordinates; draw the route as one line"
        )
    if not 2 <= len(coordinates) <= MAX_PLACES:
        raise RouteError(
            f"{path}: the LineString has {len(coordinates)} coordinates; give 2 to {MAX_PLACES}"
        )
    places = tuple(
        _waypoint(item, f"{path}: coordinate {number}")
        for number, item in enumerate(coordinates, 1)
    )
    closed = len(places) > 2 and places[0] == places[-1]
    return RouteFile(crs="wgs84", waypoints=places[:-1] if closed else places, loop=closed)


def _waypoint(item: object, where: str) -> Waypoint:
    """From [longitude, latitude] (RFC 7946, 3.1.1); heights are of no use here."""
    match item:
        case [float() | int() as lon, float() | int() as lat, *_] if not _switch(lon, lat):
            if -180 <= lon <= 180 and -MAX_LAT_DEG <= lat <= MAX_LAT_DEG:
                return Waypoint(lat_deg=lat, lon_deg=lon)
            raise RouteError(
                f"{where}: longitude {lon:g}, latitude {lat:g} is no place for a route; longitude "
                f"comes first, -180 to 180, then latitude, -{MAX_LAT_DEG} to {MAX_LAT_DEG}"
            )
    raise RouteError(f"{where} is not two numbers; write [longitude, latitude]")


def _switch(*values: object) -> bool:
    """Whether one of them is true or false, which Python takes for a number."""
    return any(isinstance(value, bool) for value in values)
