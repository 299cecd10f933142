"""Zones: on the map, and as plots in the plane where positions are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from config.zones import ZoneKind
from perception.errors import PerceptionError

Floats = NDArray[np.float64]


class ZoneError(PerceptionError):
    """A zone that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zone:
    """A zone as it was read: WGS-84, or shares of a camera's picture."""

    name: str
    kind: ZoneKind
    points: Floats  # (N, 2) longitude, latitude; or x, y in shares; a ring is not closed
    holes: tuple[Floats, ...] = ()
    camera: str | None = None  # of a zone in the picture
    direction_deg: float | None = None  # of travel, from true north
    where: str = ""  # a line of a file, or a setting

    @property
    def is_line(self) -> bool:
        return self.kind == "line"


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A zone in the plane where positions are: metres on the ground, or pixels of a picture."""

    zone: Zone
    rings: tuple[Floats, ...]  # (N, 2) each: outer ones counter-clockwise, holes clockwise
    edges: Floats  # (E, 2, 2) from, to: of all rings; of a line, from its first point to its last

    @classmethod
    def of(cls, zone: Zone, points: Floats, holes: Sequence[Floats] = ()) -> "Plot":
        if zone.is_line:
            return cls(zone, (), np.stack((points[:-1], points[1:]), axis=1))
        rings = [turned(points, left=True), *(turned(hole, left=False) for hole in holes)]
        return cls.of_rings(zone, rings)

    @classmethod
    def of_rings(cls, zone: Zone, rings: Sequence[Floats]) -> "Plot":
        """Of rings that are turned as they should be; none is an empty plot."""
        edges = [ring_edges(ring) for ring in rings]
        return cls(zone, tuple(rings), np.concatenate(edges) if edges else np.zeros((0, 2, 2)))


def ring_edges(ring: Floats) -> Floats:
    """(N, 2) corners as (N, 2, 2) edges, the last one back to the start."""
    return np.stack((ring, np.roll(ring, -1, axis=0)), axis=1)


def area_of(ring: Floats) -> float:
    """Of a ring that does not cross itself, positive counter-clockwise (the shoelace formula)."""
    x, y = (ring - ring[0]).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def turned(ring: Floats, *, left: bool) -> Floats:
    """The ring counter-clockwise (left) or clockwise."""
    return ring if (area_of(ring) > 0) == left else ring[::-1]


def less(whole: Plot, others: Sequence[Plot]) -> list[Floats]:
    """The rings of what is left of a zone without the others, turned as a plot's are."""
    left = shapely.difference(polygon(whole), shapely.union_all([polygon(o) for o in others]))
    rings = []
    for part in shapely.get_parts(left):
        if part.geom_type == "Polygon" and not part.is_empty:
            outer, *holes = [
                np.array(ring.coords)[:-1] for ring in (part.exterior, *part.interiors)
            ]
            rings += [turned(outer, left=True), *(turned(hole, left=False) for hole in holes)]
    return rings


def polygon(plot: Plot) -> shapely.Geometry:
    """The plot of a zone that is no line, for shapely; empty where it has no ring. It may lie in
    several pieces (`less`): which rings are holes tells their turn, not their order."""
    pieces = [shapely.make_valid(shapely.Polygon(ring)) for ring in plot.rings]
    is_outer = [area_of(ring) > 0 for ring in plot.rings]
    outer = shapely.union_all([p for p, out in zip(pieces, is_outer, strict=True) if out])
    holes = shapely.union_all([p for p, out in zip(pieces, is_outer, strict=True) if not out])
    return shapely.difference(outer, holes)
