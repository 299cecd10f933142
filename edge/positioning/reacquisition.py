"""The first fixes after a tunnel: believed when several of them go along with each other.

Under a roof and just beyond it a receiver hears reflections, and its own filter carries on what it
knew; a single fix may be off by hundreds of metres and look as good as any.
"""

from drivers.gnss.guard import distance_m
from drivers.samples import GnssEpoch

GAP_S = 10.0  # without a fix for so long: what comes next is looked at first
NEEDED = 3  # fixes in a row that agree
SPARE_M, SHARE = 5.0, 1.5  # between two fixes: this, and so much of the way by their speed
UNKNOWN_MPS = 20.0


class Reacquisition:
    """Of one unit; its owner locks it."""

    def __init__(self) -> None:
        self._believed_s: float | None = None  # of the newest fix that was taken
        self._row: list[tuple[str, GnssEpoch]] = []
        self.held_back = 0

    @property
    def waiting(self) -> bool:
        """Whether fixes come, and are not believed yet."""
        return bool(self._row)

    def accepts(self, receiver: str, epoch: GnssEpoch, error_m: float, *, confirmed: bool) -> bool:
        """Whether this fix may be believed; `confirmed`: it lies where dead reckoning puts the
        unit."""
        last_s = self._believed_s
        if last_s is None or epoch.mono_s - last_s <= GAP_S or confirmed:
            return self._take(epoch)
        if self._row and not self._follows(receiver, epoch, error_m):
            self._row.clear()
        self._row.append((receiver, epoch))
        if len(self._row) < NEEDED:
            self.held_back += 1
            return False
        return self._take(epoch)

    def _take(self, epoch: GnssEpoch) -> bool:
        self._row.clear()
        self._believed_s = epoch.mono_s
        return True

    def _follows(self, receiver: str, epoch: GnssEpoch, error_m: float) -> bool:
        name, before = self._row[-1]
        if name != receiver or None in (before.lat_deg, before.lon_deg, epoch.lat_deg):
            return False
        here = (before.lat_deg or 0.0, before.lon_deg or 0.0)
        there = (epoch.lat_deg or 0.0, epoch.lon_deg or 0.0)
        speeds = [speed for speed in (before.speed_mps, epoch.speed_mps) if speed is not None]
        speed_mps = max(speeds, default=UNKNOWN_MPS)
        reach_m = SPARE_M + error_m + SHARE * speed_mps * (epoch.mono_s - before.mono_s)
        return distance_m(here, there) <= reach_m
