"""What can be wrong with a zone, and with zones together; each fault with its cure."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
import shapely

from config.crs import gcj02_of
from perception.place.frame import LocalFrame
from perception.zones.zones import Plot, Zone, polygon

Severity = Literal["error", "warning"]

TOO_BIG_M = 20_000.0  # across: no beat is so large
ABSURD_M = 200_000.0
TOO_SMALL_M2 = 1.0
FAR_NORTH_DEG = 70.0  # few patrol there; many write latitude first
OVERLAP_M2 = 1.0
OVERLAP_SHARE = 0.02
GAP_M = (0.02, 1.5)  # so far apart two zones of one kind were meant to touch
ALONG_M = 2.0  # for so long
# What may overlap with its own kind without a doubt: areas of two rules, lanes on a carriageway.
MAY_OVERLAP = ("area", "line", "exclusion", "no_stop")
NEAR_M = 100.0  # who is so near to a zone looks at it
SHIFT_M = (300.0, 700.0)  # of GCJ-02, in China


def check_zone(zone: Zone) -> Iterator[tuple[Severity, str]]:
    """Faults of one zone; the text goes on after its name."""
    points = zone.points
    if not np.isfinite(points).all() or not all(np.isfinite(hole).all() for hole in zone.holes):
        yield "error", "has a corner that is no number; draw it anew"
        return
    least = 2 if zone.is_line else 3
    if len(np.unique(points, axis=0)) < least:
        yield "error", f"has {len(points)} corners, which is nothing; draw it anew"
        return
    if zone.camera is None:
        faults = list(_check_on_map(zone))
        yield from faults
        if any(severity == "error" for severity, _ in faults):
            return
    if not zone.is_line:
        yield from _check_area(zone)


def _check_on_map(zone: Zone) -> Iterator[tuple[Severity, str]]:
    lon, lat = zone.points.T
    if np.abs(lat).max() > 90 or np.abs(lon).max() > 180:
        yield "error", "is not on earth; write longitude first, then latitude"
        return
    if np.abs(lat).min() > FAR_NORTH_DEG:
        yield (
            "warning",
            f"lies at latitude {lat[0]:.0f}: longitude comes first; is it?",
        )
    plot = _plotted(zone)
    across_m = float(np.linalg.norm(np.ptp(plot.edges.reshape(-1, 2), axis=0)))
    if across_m > ABSURD_M:
        yield "error", f"is {across_m / 1000:.0f} km across; is a corner mistyped?"
    elif across_m > TOO_BIG_M:
        yield "warning", f"is {across_m / 1000:.0f} km across; is a corner mistyped?"


def _check_area(zone: Zone) -> Iterator[tuple[Severity, str]]:
    plot = _plotted(zone)
    shape = shapely.Polygon(plot.rings[0], plot.rings[1:])
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        yield "error", f"crosses itself{_place_of(zone, reason)}; draw it without crossing"
    elif shape.area <= 0:
        yield "error", "has no area; draw it anew"
    elif zone.camera is None and shape.area < TOO_SMALL_M2:
        yield "warning", f"has {shape.area:.2f} m²; is it drawn at the right scale?"


def _place_of(zone: Zone, reason: str) -> str:
    """Where, in the words of the one who drew it."""
    try:
        east, north = (float(word) for word in reason.partition("[")[2].rstrip("]").split())
    except ValueError:
        return ""
    if zone.camera is not None:
        return f" near x {east:.3f}, y {north:.3f}"
    lat_deg, lon_deg = _frame_of(zone).to_degrees(east, north)
    return f" near longitude {lon_deg:.6f}, latitude {lat_deg:.6f}"


# --- together ---


def check_together(zones: Sequence[Zone]) -> Iterator[tuple[str, str]]:
    """Where, and what: overlaps and gaps of one kind, and crossings of nothing."""
    ground = [zone for zone in zones if zone.camera is None and not zone.is_line]
    if not ground:
        return
    frame = _frame_of(ground[0])
    shapes = {zone.name: polygon(_plotted(zone, frame)) for zone in ground}
    for one, other in combinations(ground, 2):
        if one.kind == other.kind and one.kind not in MAY_OVERLAP and one.name != other.name:
            yield from _pair(one, other, shapes[one.name], shapes[other.name])
    roads = [shapes[zone.name] for zone in ground if zone.kind in ("carriageway", "lane")]
    for zone in ground:
        if zone.kind == "crossing" and not any(shapes[zone.name].intersects(r) for r in roads):
            yield zone.where, f"{zone.name} is a crossing of no carriageway; is it shifted?"


def _pair(
    one: Zone, other: Zone, a: shapely.Geometry, b: shapely.Geometry
) -> Iterator[tuple[str, str]]:
    common_m2 = a.intersection(b).area
    if common_m2 > max(OVERLAP_M2, OVERLAP_SHARE * min(a.area, b.area)):
        yield (
            one.where,
            f"{one.name} and {other.name} ({other.where}) are both {one.kind} and overlap in "
            f"{common_m2:.0f} m²; what is there counts for both",
        )
        return
    apart_m = a.distance(b)
    if (
        GAP_M[0] < apart_m < GAP_M[1]
        and a.boundary.intersection(b.buffer(GAP_M[1])).length > ALONG_M
    ):
        yield (
            one.where,
            f"between {one.name} and {other.name} ({other.where}) is a gap of {apart_m:.2f} m; who "
            "is in it is in neither; let them share their corners",
        )


def looks_shifted(zones: Sequence[Zone], lat_deg: float, lon_deg: float) -> bool:
    """Whether a unit at this place is at none of the zones, but would be if they were moved by the
    offset between WGS-84 and GCJ-02: then the file most likely names the wrong crs."""
    ground = [zone for zone in zones if zone.camera is None]
    shifted_lon, shifted_lat = gcj02_of((lon_deg, lat_deg))
    frame = LocalFrame.at(lat_deg, lon_deg)
    east_m, north_m = frame.to_metres(shifted_lat, shifted_lon)
    if not ground or not SHIFT_M[0] < math.hypot(east_m, north_m) < SHIFT_M[1]:
        return False
    shapes = [_shape(_plotted(zone, frame)) for zone in ground]

    def nearest_m(east: float, north: float) -> float:
        return float(min(shape.distance(shapely.Point(east, north)) for shape in shapes))

    moved = min(nearest_m(east_m, north_m), nearest_m(-east_m, -north_m))
    return nearest_m(0.0, 0.0) > NEAR_M and moved < NEAR_M


def _shape(plot: Plot) -> shapely.Geometry:
    if plot.zone.is_line:
        return shapely.MultiLineString(list(plot.edges))
    return polygon(plot)


def _frame_of(zone: Zone) -> LocalFrame:
    return LocalFrame.at(float(zone.points[0, 1]), float(zone.points[0, 0]))


def _plotted(zone: Zone, frame: LocalFrame | None = None) -> Plot:
    if zone.camera is not None:
        return Plot.of(zone, zone.points, zone.holes)
    to_metres = (frame or _frame_of(zone)).ring_to_metres
    return Plot.of(zone, to_metres(zone.points), [to_metres(hole) for hole in zone.holes])
