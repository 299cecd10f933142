"""Zones as they are configured: GeoJSON files, and those in the unit file. Coordinates become
WGS-84 here, once."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from config.crs import CrsError, to_wgs84
from config.section import NAME_PATTERN
from config.zones import MAX_POINTS, Crs, ZoneKind, ZonesConfig
from perception.zones.geojson import Feature, GeoJsonError, read_features
from perception.zones.zone_check import check_together, check_zone
from perception.zones.zones import Floats, Zone, ZoneError

Ring = list[tuple[float, float]]
KNOWN_PROPERTIES = ("name", "kind", "direction_deg")


@dataclass(frozen=True, slots=True)
class ZoneFault:
    """What is wrong with a zone, with the cure; `where` is a line of a file, or a setting."""

    where: str
    text: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(slots=True)
class Survey:
    """All zones that could be read, and all that is wrong."""

    zones: list[Zone] = field(default_factory=list)
    faults: list[ZoneFault] = field(default_factory=list)

    @property
    def errors(self) -> list[ZoneFault]:
        return [fault for fault in self.faults if fault.severity == "error"]


def load_zones(config: ZonesConfig, cameras: Collection[str]) -> list[Zone]:
    """All zones of a unit. Raises ZoneError, naming every fault that was found."""
    found = survey(config, cameras)
    if found.errors:
        cure = "`patrol-edge zones check FILE` says it, too, and draws them"
        raise ZoneError("\n".join(map(str, found.errors)), cure)
    return found.zones


def survey(config: ZonesConfig, cameras: Collection[str]) -> Survey:
    """Reads and checks all zones; `cameras`: those that there are. Never raises."""
    found = Survey()
    for path in config.files:
        _take_file(path, found)
    for name, ground in config.ground.items():
        where = f"zones.ground.{name}"
        zone = _zone(where, name, ground.kind, ground.direction_deg, [list(ground.points)])
        _take(zone, ground.crs, found)
    for name, picture in config.picture.items():
        where = f"zones.picture.{name}"
        if picture.camera not in cameras:
            there = ", ".join(cameras) or "none"
            text = f"there is no camera {picture.camera}; there is: {there}"
            found.faults.append(ZoneFault(where, text))
        points = np.array(picture.points, np.float64)
        _check(
            Zone(name=name, kind=picture.kind, points=points, camera=picture.camera,
                 direction_deg=picture.direction_deg, where=where),
            found,
        )  # fmt: skip
    _check_names(found)
    found.faults += [ZoneFault(*each, "warning") for each in check_together(found.zones)]
    return found


def _take_file(path: Path, found: Survey) -> None:
    try:
        crs, features = read_features(path)
    except GeoJsonError as error:
        where, _, text = str(error).partition(": ")
        found.faults.append(ZoneFault(where, text))
        return
    if not features:
        found.faults.append(ZoneFault(str(path), "holds no zone", "warning"))
    for feature in features:
        where = f"{path}:{feature.line}"
        try:
            _take(_of_feature(where, feature, found), crs, found)
        except ZoneError as error:
            found.faults.append(ZoneFault(where, str(error)))


def _of_feature(where: str, feature: Feature, found: Survey) -> Zone:
    """Raises ZoneError where it is no zone."""
    properties = feature.properties
    name = properties.get("name")
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
        raise ZoneError(f"has the name {name!r}; write a-z, 0-9 and _, as in north_gate")
    shapes = ("Polygon", "LineString")
    if feature.kind not in shapes:
        raise ZoneError(f"{name} is a {feature.kind}; draw a Polygon, or a LineString for a line")
    is_line = feature.kind == "LineString"
    kind = properties.get("kind", "line" if is_line else "area")
    if kind not in get_args(ZoneKind):
        raise ZoneError(f"{name}: {kind!r} is no kind; write {', '.join(get_args(ZoneKind))}")
    if (kind == "line") != is_line:
        raise ZoneError(f"{name} is of kind {kind}, and drawn as a {feature.kind}")
    rings = list(_rings(name, feature, is_line))
    if not is_line and any(ring[:1] != ring[-1:] for ring in rings if ring):
        text = f"{name} is not closed: its last corner is not its first; it was closed"
        found.faults.append(ZoneFault(where, text, "warning"))
    opened = [ring[:-1] if not is_line and ring[:1] == ring[-1:] else ring for ring in rings]
    if unknown := sorted(set(properties) - set(KNOWN_PROPERTIES)):
        text = f"{name}: nothing is known of {', '.join(map(str, unknown[:5]))}"
        found.faults.append(ZoneFault(where, text, "warning"))
    return _zone(where, name, kind, _direction(name, kind, properties), opened)


def _direction(name: str, kind: str, properties: Any) -> float | None:
    value = properties.get("direction_deg")
    if (value is None) == (kind == "lane"):
        raise ZoneError(f"{name}: a lane has a direction_deg, and nothing else has")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 360:
        raise ZoneError(f"{name}: direction_deg is {value!r}; write degrees from north, 0 to 359")
    return float(value)


def _rings(name: str, feature: Feature, is_line: bool) -> Iterator[Ring]:
    given = [feature.coordinates] if is_line else feature.coordinates
    if not isinstance(given, list):
        raise ZoneError(f"{name} has no coordinates; draw it anew")
    for ring in given or [[]]:
        try:
            points = [(float(point[0]), float(point[1])) for point in ring]
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise ZoneError(f"{name}: a corner is no pair of longitude and latitude") from error
        if len(points) > MAX_POINTS:
            raise ZoneError(f"{name} has {len(points)} corners; simplify it to {MAX_POINTS}")
        yield points


def _zone(
    where: str, name: str, kind: ZoneKind, direction: float | None, rings: list[Ring]
) -> Zone:
    outer, *holes = [np.array(ring, np.float64).reshape(-1, 2) for ring in rings]
    return Zone(
        name=name, kind=kind, points=outer, holes=tuple(holes), direction_deg=direction,
        where=where,
    )  # fmt: skip


def _take(zone: Zone, crs: Crs, found: Survey) -> None:
    """Convert and check a zone on the ground; only what is right is kept."""
    try:
        rings = [_converted(ring, crs) for ring in (zone.points, *zone.holes)]
    except CrsError as error:
        found.faults.append(ZoneFault(zone.where, f"{zone.name}: {error}"))
        return
    _check(
        Zone(name=zone.name, kind=zone.kind, points=rings[0], holes=tuple(rings[1:]),
             direction_deg=zone.direction_deg, where=zone.where),
        found,
    )  # fmt: skip


def _converted(ring: Floats, crs: Crs) -> Floats:
    return np.array([to_wgs84((lon, lat), crs) for lon, lat in ring.tolist()]).reshape(-1, 2)


def _check(zone: Zone, found: Survey) -> None:
    faults = [ZoneFault(zone.where, f"{zone.name} {text}", kind) for kind, text in check_zone(zone)]
    found.faults += faults
    if all(fault.severity == "warning" for fault in faults):
        found.zones.append(zone)


def _check_names(found: Survey) -> None:
    first: dict[str, Zone] = {}
    for zone in found.zones:
        other = first.setdefault(zone.name, zone)
        if other is not zone:
            text = f"{zone.name} is the name of a zone at {other.where}, too; rename one"
            found.faults.append(ZoneFault(zone.where, text))
