"""Whether several receivers of one unit are at the same place."""

from collections.abc import Mapping
from itertools import combinations

from drivers.gnss.guard import distance_m
from drivers.samples import GnssEpoch
from edge.positioning.whereabouts import error_radius_m

FRESH_S = 3.0
APART_S = 1.5  # between the stamps of two fixes that are compared
SPARE_M, SIGMAS = 20.0, 4.0  # antennas on one body, and what both may be off
LASTS_S = 5.0


class Agreement:
    """Asked about once a second, by one thread."""

    def __init__(self) -> None:
        self._since_s: dict[tuple[str, str], float] = {}

    def look(self, newest: Mapping[str, GnssEpoch | None], now_mono_s: float) -> str:
        """Which two disagree, and by how much, for longer than a moment; empty if none do."""
        fresh = {
            name: epoch
            for name, epoch in newest.items()
            if epoch is not None and epoch.has_fix and now_mono_s - epoch.mono_s < FRESH_S
        }
        apart = {
            (one, other): away_m
            for one, other in combinations(sorted(fresh), 2)
            if (away_m := _beyond(fresh[one], fresh[other])) is not None
        }
        self._since_s = {pair: self._since_s.get(pair, now_mono_s) for pair in apart}
        for (one, other), away_m in apart.items():
            if now_mono_s - self._since_s[one, other] >= LASTS_S:
                return f"{one} and {other} are {away_m:.0f} m apart"
        return ""


def _beyond(one: GnssEpoch, other: GnssEpoch) -> float | None:
    """How far apart two fixes are; None where that can be chance."""
    apart_s = abs(one.mono_s - other.mono_s)
    if None in (one.lat_deg, other.lat_deg) or apart_s > APART_S:
        return None
    here = (one.lat_deg or 0.0, one.lon_deg or 0.0)
    there = (other.lat_deg or 0.0, other.lon_deg or 0.0)
    away_m = distance_m(here, there)
    way_m = max(one.speed_mps or 0.0, other.speed_mps or 0.0) * apart_s
    allowed_m = SPARE_M + way_m + SIGMAS * (error_radius_m(one) + error_radius_m(other))
    return away_m if away_m > allowed_m else None
