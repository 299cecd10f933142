"""Which vehicles stand: by a speed that cannot be told from none, in a place that they keep."""

import math
from dataclasses import dataclass

import numpy as np

from perception.place.placed import WorldTrack
from perception.rules.sight import Standing

CHI2_99 = 9.21  # of two degrees of freedom
CRAWL_MPS = 1.5  # faster is driving, however little is known of the speed
KEPT_M = 1.5  # a place is kept within this, and within what two positions differ by chance:
SIGMAS = 4.3  # of one of them, sqrt(2 * 9.21), 99 %
# One speed in a hundred of who stands is significant: over a minute that is not rare. Who keeps the
# place drives only when it lasts.
DRIVES_S = 3.0


def may_stand(track: WorldTrack) -> bool:
    """Whether its speed over ground is insignificant against its error."""
    if track.velocity_mps is None:
        return True  # its place decides
    velocity = np.array(track.velocity_mps)
    if float(np.hypot(*velocity)) > CRAWL_MPS:
        return False
    if track.velocity_covariance is None:
        return True
    spread = track.velocity_covariance + np.eye(2) * 1e-4
    return float(velocity @ np.linalg.solve(spread, velocity)) < CHI2_99


@dataclass(slots=True)
class Halt:
    """Somebody who stands, since when, and where."""

    begun_s: float
    seen_s: float
    east_m: float
    north_m: float
    moves_s: float | None = None  # since when its speed has been significant


class Halts:
    """Those who stand in one zone, by subject."""

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._halts: dict[int, Halt] = {}

    def of(self, each: Standing, mono_s: float) -> Halt | None:
        """The halt of somebody who is in the zone now; None of who moves."""
        halt = self._halts.get(each.subject)
        east_m, north_m = (float(value) for value in each.point)
        error_m = math.sqrt(max(float(np.trace(each.covariance)) / 2, 0.0))
        kept_m = max(KEPT_M, SIGMAS * error_m)
        moves_s = None if may_stand(each.track) else mono_s
        if moves_s is not None and halt is not None and halt.moves_s is not None:
            moves_s = halt.moves_s
        if moves_s is not None and (halt is None or mono_s - moves_s >= DRIVES_S):
            self._halts.pop(each.subject, None)
            return None
        stays = (
            halt is not None
            and mono_s - halt.seen_s <= self._gap_s
            and math.hypot(east_m - halt.east_m, north_m - halt.north_m) <= kept_m
        )
        if halt is None or not stays:
            halt = self._halts[each.subject] = Halt(mono_s, mono_s, east_m, north_m)
        halt.seen_s, halt.moves_s = mono_s, moves_s
        return halt

    def forget_before(self, mono_s: float) -> None:
        """Those that are out of sight for too long."""
        self._halts = {
            key: halt for key, halt in self._halts.items() if mono_s - halt.seen_s <= self._gap_s
        }
