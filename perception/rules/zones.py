"""Zones as they are looked into: once on the map, then in metres around the unit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.zones import ZoneKind
from perception.errors import PerceptionError
from perception.place.frame import LocalFrame

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

    @property
    def is_line(self) -> bool:
        return self.kind == "line"


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A zone in the plane where positions are: metres on the ground, or pixels of a picture."""

    zone: Zone
    points: Floats  # (N, 2): the ring, or the line from its first to its last point
    edges: Floats  # (E, 2, 2) from, to: all rings, outer ones counter-clockwise, holes clockwise

    @classmethod
    def of(cls, zone: Zone, points: Floats, holes: Sequence[Floats] = ()) -> "Plot":
        if zone.is_line:
            return cls(zone, points, np.stack((points[:-1], points[1:]), axis=1))
        rings = [turned(points, left=True), *(turned(hole, left=False) for hole in holes)]
        return cls(zone, rings[0], np.concatenate([ring_edges(ring) for ring in rings]))


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


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """All zones: those on the ground in one frame, those in pictures as they are."""

    frame: LocalFrame | None  # None: nothing was ever placed
    zones: dict[str, Zone] = field(default_factory=dict)  # all of them, by name
    plots: dict[str, Plot] = field(default_factory=dict)  # those on the ground, by name

    @classmethod
    def of(cls, zones: Sequence[Zone], frame: LocalFrame | None) -> "Ground":
        known = {zone.name: zone for zone in zones}
        if frame is None:
            return cls(None, known)
        to_metres = frame.ring_to_metres
        plots = {
            zone.name: Plot.of(zone, to_metres(zone.points), [to_metres(h) for h in zone.holes])
            for zone in zones
            if zone.camera is None
        }
        return cls(frame, known, plots)
