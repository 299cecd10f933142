"""Zones where a unit works: in metres of one frame, or in pixels of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from config.zones import ZoneKind
from perception.place.frame import LocalFrame
from perception.zones.probability import Field
from perception.zones.zones import Plot, Zone, ZoneError, less

Key = tuple[str, tuple[ZoneKind, ...]]  # a zone, and the kinds that it is taken without
LINE_REACH_M = 40.0  # nearer than this to a line, a subject's side is followed


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """All zones, and where they lie in the plane of a picture's positions."""

    frame: LocalFrame | None  # None: nothing was ever placed
    zones: dict[str, Zone] = field(default_factory=dict)  # by name
    _plots: dict[tuple[object, ...], Plot] = field(default_factory=dict)
    _asked: list[Key] = field(default_factory=list)
    _fields: list[Field] = field(default_factory=list)  # the newest, of all that was asked for

    @classmethod
    def of(cls, zones: Sequence[Zone], frame: LocalFrame | None) -> "Ground":
        return cls(frame, {zone.name: zone for zone in zones})

    def plot(
        self, name: str, size: tuple[int, int] | None, without: tuple[ZoneKind, ...] = ()
    ) -> Plot:
        """A zone in metres of the frame, or in pixels of a picture of this size (width, height);
        `without`: less all zones of these kinds. Raises ZoneError without a frame."""
        key = (name, size, without)
        if key not in self._plots:
            whole = _plotted(self.zones[name], size, self.frame)
            camera = self.zones[name].camera
            others = [
                _plotted(other, size, self.frame)
                for other in self.zones.values()
                if other.kind in without and other.camera == camera and other.name != name
            ]
            self._plots[key] = Plot.of_rings(whole.zone, less(whole, others)) if others else whole
        return self._plots[key]

    def field(self, key: Key) -> tuple[Field, Sequence[Key]]:
        """All zones on the ground that were ever asked for, this one too, as one field."""
        if key not in self._asked:
            self._asked.append(key)
            plots = [self.plot(name, None, without) for name, without in self._asked]
            self._fields[:] = [Field.of(plots, LINE_REACH_M)]
        return self._fields[0], self._asked


def _plotted(zone: Zone, size: tuple[int, int] | None, frame: LocalFrame | None) -> Plot:
    if zone.camera is not None and size is not None:
        scale = np.array(size, np.float64)
        return Plot.of(zone, zone.points * scale, [hole * scale for hole in zone.holes])
    if frame is None:
        raise ZoneError(f"zone {zone.name}: nothing is known of where the unit is")
    to_metres = frame.ring_to_metres
    return Plot.of(zone, to_metres(zone.points), [to_metres(hole) for hole in zone.holes])
