"""How many cross a line, by direction and class, in bins of a minute."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

from config.rules import CountRule
from perception.rules.lines import LineWatch
from perception.rules.rule import Count, EndReason
from perception.rules.sight import Sight
from perception.zones.zones import Plot


@dataclass(slots=True)
class _Bin:
    """What was counted at one line in one camera's pictures since `begun_s`."""

    begun_s: float
    newest_s: float
    watched_s: float = 0.0
    forward: Counter[str] = field(default_factory=Counter)
    backward: Counter[str] = field(default_factory=Counter)


class Counting:
    """A rule that raises no alerts: a `Count` for each line, camera and period."""

    kind = "count"

    def __init__(self, name: str, config: CountRule) -> None:
        self.name = name
        self._config = config
        self._lines: dict[tuple[str, str], LineWatch] = {}  # by line and camera
        self._bins: dict[tuple[str, str], _Bin] = {}
        self._blind: dict[str, str] = {}

    def see(self, sight: Sight) -> Sequence[Count]:
        camera = sight.scene.camera
        if self._config.cameras and camera not in self._config.cameras:
            return ()
        why = sight.blind(self._config.zones)
        self._blind.pop(camera, None)
        if why is not None:
            self._blind[camera] = why
        return [
            count
            for zone in self._config.zones
            if sight.concerns(zone)
            for count in self._look(sight, zone)
        ]

    def end(self, camera: str | None, reason: EndReason, mono_s: float) -> Sequence[Count]:  # noqa: ARG002 - a count ends with its last picture, for whatever reason
        keys = [key for key in self._bins if camera in (None, key[1])]
        for key in keys:
            self._lines.pop(key, None)
            self._blind.pop(key[1], None)
        return [self._told(key, self._bins.pop(key)) for key in keys]

    def blind(self) -> Mapping[str, str]:
        return dict(self._blind)

    def _look(self, sight: Sight, zone: str) -> list[Count]:
        key, now_s = (zone, sight.scene.camera), sight.scene.mono_s
        told = []
        period_s = self._config.period_s
        current = self._bins.get(key)
        if current is not None and now_s >= current.begun_s + period_s:
            told.append(self._told(key, current))
            begun_s = now_s - (now_s - current.begun_s) % period_s
            current = self._bins[key] = _Bin(begun_s, now_s)
        if current is None:
            current = self._bins[key] = _Bin(now_s, now_s)
        self._count(sight, zone, current)
        return told

    def _count(self, sight: Sight, zone: str, current: _Bin) -> None:
        plot, now_s = sight.plot(zone), sight.scene.mono_s
        if plot is not None and _in_view(plot, sight):
            current.watched_s += min(now_s - current.newest_s, 1.0)  # a longer gap is no watching
        current.newest_s = now_s
        line = self._lines.setdefault((zone, sight.scene.camera), LineWatch())
        if plot is None:
            if sight.moves(zone):
                line.forget()
            return
        line.forget_before(now_s)
        for each in sight.standing(zone, self._config.labels):
            crossing = line.step(plot, each, now_s)
            if crossing is not None:
                way = current.forward if crossing.forward else current.backward
                way[each.track.label] += 1

    def _told(self, key: tuple[str, str], bin_: _Bin) -> Count:
        length_s = min(self._config.period_s, max(bin_.newest_s - bin_.begun_s, 0.0))
        return Count(
            name=self.name,
            zone=key[0],
            camera=key[1],
            begun_mono_s=bin_.begun_s,
            length_s=length_s,
            watched_s=min(bin_.watched_s, length_s),
            forward=dict(sorted(bin_.forward.items())),
            backward=dict(sorted(bin_.backward.items())),
        )


def _in_view(plot: Plot, sight: Sight) -> bool:
    """Whether the middle of the line is in the picture; yes where that cannot be said."""
    footprint = sight.scene.footprint
    if footprint is None or plot.zone.camera is not None:
        return True
    middle = plot.edges[len(plot.edges) // 2].mean(axis=0)
    return bool(shapely.Polygon(np.asarray(footprint)).contains(shapely.Point(middle)))
