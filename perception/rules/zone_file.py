"""Zones as they are configured: GeoJSON files (RFC 7946, with a `crs`), and those in the unit file.

Coordinates become WGS-84 here, once.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from config.crs import CrsError, to_wgs84
from config.zones import Crs, GroundZoneConfig, PictureZoneConfig, ZonesConfig
from perception.rules.zones import Floats, Zone, ZoneError

MAX_BYTES = 4 * 1024 * 1024


def load_zones(config: ZonesConfig) -> list[Zone]:
    """All zones of a unit. Raises ZoneError, naming every fault that was found."""
    zones, faults = [], []
    for path in config.files:
        try:
            zones += read_zones(path)
        except ZoneError as error:
            faults.append(str(error))
    for name, ground in config.ground.items():
        try:
            zones.append(_on_ground(name, ground))
        except ZoneError as error:
            faults.append(str(error))
    zones += [_in_picture(name, picture) for name, picture in config.picture.items()]
    seen: set[str] = set()
    for zone in zones:
        if zone.name in seen:
            faults.append(f"zone {zone.name}: there are two of this name; rename one")
        seen.add(zone.name)
    if faults:
        raise ZoneError("\n".join(faults), "`patrol-edge zones check FILE` shows them on a map")
    return zones


def read_zones(path: Path) -> list[Zone]:
    """The zones of a GeoJSON file. Raises ZoneError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ZoneError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise ZoneError(f"{path}: is larger than 4 MiB; is it the right file?")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ZoneError(f"{path}: is no JSON: {error}") from error
    crs = _crs_of(document, path)
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise ZoneError(f"{path}: is no GeoJSON FeatureCollection")
    return [_feature(each, crs, f"{path}: feature {n}") for n, each in enumerate(features, 1)]


def _crs_of(document: Any, path: Path) -> Crs:
    crs = document.get("crs") if isinstance(document, Mapping) else None
    if crs not in ("wgs84", "cgcs2000", "gcj02", "bd09"):
        raise ZoneError(
            f'{path}: does not say what its coordinates are; write "crs": "wgs84" (from a GNSS '
            'receiver), "cgcs2000", "gcj02" (from Amap or Tencent) or "bd09" (from Baidu) '
            "beside its type"
        )
    return crs  # type: ignore[no-any-return]  # narrowed just above


def _feature(feature: Any, crs: Crs, where: str) -> Zone:
    try:
        properties, geometry = feature["properties"], feature["geometry"]
        name, shape = properties["name"], geometry["type"]
        coordinates = geometry["coordinates"]
        rings = [coordinates] if shape == "LineString" else list(coordinates)
        if shape not in ("Polygon", "LineString"):
            raise ZoneError(f"{where}: is a {shape}; draw a Polygon or a LineString")
        outer, *holes = [_opened(ring, shape) for ring in rings]
        config = GroundZoneConfig.model_validate(
            {
                "kind": properties.get("kind", "line" if shape == "LineString" else "area"),
                "direction_deg": properties.get("direction_deg"),
                "crs": crs,
                "points": outer,
            }
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise ZoneError(f"{where}: {error}") from error
    zone = _on_ground(name, config)
    return Zone(
        name=zone.name, kind=zone.kind, points=zone.points, direction_deg=zone.direction_deg,
        holes=tuple(_converted(hole, crs, where) for hole in holes),
    )  # fmt: skip


def _opened(ring: Any, shape: str) -> tuple[tuple[float, float], ...]:
    """Longitude, latitude of each point; GeoJSON's rings end where they begin, ours do not."""
    points = tuple((float(point[0]), float(point[1])) for point in ring)
    return points[:-1] if shape == "Polygon" and points[:1] == points[-1:] else points


def _on_ground(name: str, config: GroundZoneConfig) -> Zone:
    return Zone(
        name=name,
        kind=config.kind,
        points=_converted(config.points, config.crs, f"zone {name}"),
        direction_deg=config.direction_deg,
    )


def _in_picture(name: str, config: PictureZoneConfig) -> Zone:
    return Zone(
        name=name,
        kind=config.kind,
        points=np.array(config.points, np.float64),
        camera=config.camera,
        direction_deg=config.direction_deg,
    )


def _converted(points: tuple[tuple[float, float], ...], crs: Crs, where: str) -> Floats:
    try:
        return np.array([to_wgs84(point, crs) for point in points], np.float64)
    except CrsError as error:
        raise ZoneError(f"{where}: {error}") from error
