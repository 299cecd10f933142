"""Where the unit is, and when the hub should hear of it again."""

from dataclasses import dataclass
from typing import Literal

from config.models import PositionConfig
from drivers.samples import FixKind, GnssEpoch
from telemetry.contract.events import Pose

# Horizontal error of the range measurements (UERE), metres at 1 sigma, by kind of fix; times HDOP
# it gives the error radius where the receiver tells none (GPS SPS Performance Standard, 5th ed.,
# sec. 3: user range error of a few metres; RTK by the makers' usual figures).
RANGE_ERROR_M = {
    FixKind.FIX_2D: 6.0,
    FixKind.FIX_3D: 3.0,
    FixKind.DGPS: 1.5,
    FixKind.RTK_FLOAT: 0.4,
    FixKind.RTK_FIXED: 0.02,
    FixKind.ESTIMATED: 15.0,
}
UNKNOWN_HDOP = 2.0
COURSE_FROM_MPS = 1.0  # slower, a receiver's course is noise
UNSEEN_SPEED_MPS = 3.0  # how fast an error radius grows when nothing is known of the motion
TAKE_OVER_S = 3.0  # a receiver of lower rank is believed when the higher ones are this old

Source = Literal["gnss", "dead_reckoning", "last_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPosition:
    """The newest position, aged to the moment it is asked for."""

    epoch: GnssEpoch
    lat_deg: float
    lon_deg: float
    receiver: str  # its name in the configuration
    source: Source
    error_m: float  # horizontal, 1 sigma
    age_s: float

    def pose(self) -> Pose:
        """For an event: where the unit was when it happened."""
        epoch = self.epoch
        return Pose(
            lat_deg=self.lat_deg,
            lon_deg=self.lon_deg,
            source=self.source,
            age_ms=round(self.age_s * 1e3),
            heading_deg=epoch.heading_deg,
            course_deg=epoch.course_deg,
            speed_mps=epoch.speed_mps,
            error_m=self.error_m,
        )


def error_radius_m(epoch: GnssEpoch) -> float:
    """Horizontal error at 1 sigma: the receiver's own (GST), else HDOP times the range error."""
    if epoch.error_m is not None:
        return epoch.error_m
    hdop = UNKNOWN_HDOP if epoch.hdop is None else epoch.hdop
    return RANGE_ERROR_M[epoch.fix] * max(hdop, 0.5)


class Whereabouts:
    """The newest fix of the best receiver. One writer thread per receiver, any reader."""

    def __init__(self, receivers: list[str], lost_after_s: float) -> None:
        self._rank = {name: rank for rank, name in enumerate(receivers)}
        self._names = receivers
        self._lost_after_s = lost_after_s
        self._best: tuple[int, GnssEpoch, float, float] | None = None  # rank, epoch, lat, lon

    def note(self, receiver: str, epoch: GnssEpoch) -> bool:
        """Take an epoch into account. True if it is now the newest position."""
        if not epoch.has_fix or epoch.lat_deg is None or epoch.lon_deg is None:
            return False
        rank, best = self._rank[receiver], self._best
        if best is not None and rank > best[0] and epoch.mono_s - best[1].mono_s < TAKE_OVER_S:
            return False
        self._best = (rank, epoch, epoch.lat_deg, epoch.lon_deg)
        return True

    def parked(self, mono_s: float, below_mps: float) -> bool:
        """Whether the unit is known to stand: with a fresh fix whose speed is lower than this."""
        best = self._best
        if best is None or mono_s - best[1].mono_s > self._lost_after_s:
            return False
        speed_mps = best[1].speed_mps
        return speed_mps is not None and speed_mps < below_mps

    def at(self, mono_s: float) -> UnitPosition | None:
        """The position as known at a stamp; None before the first fix."""
        if self._best is None:
            return None
        rank, epoch, lat_deg, lon_deg = self._best
        age_s = max(0.0, mono_s - epoch.mono_s)
        lost = age_s > self._lost_after_s
        speed_mps = UNSEEN_SPEED_MPS if epoch.speed_mps is None else epoch.speed_mps
        growth_m = max(speed_mps, UNSEEN_SPEED_MPS) * age_s if lost else 0.0
        if lost:
            source: Source = "last_known"
        else:
            source = "dead_reckoning" if epoch.fix is FixKind.ESTIMATED else "gnss"
        return UnitPosition(
            epoch=epoch,
            lat_deg=lat_deg,
            lon_deg=lon_deg,
            receiver=self._names[rank],
            source=source,
            error_m=error_radius_m(epoch) + growth_m,
            age_s=age_s,
        )


class PositionSchedule:
    """Decides which positions the hub hears: by duty, when motion starts, and in turns.

    Patrol, dispatched and parked have their own intervals; a turn of `turn_deg` since the last
    report, a start from standstill and a lost fix are told at once.
    """

    def __init__(self, config: PositionConfig) -> None:
        self.config = config  # may be replaced at any time: the mode has changed
        self._sent: UnitPosition | None = None
        self._sent_mono_s = float("-inf")

    def due(
        self,
        position: UnitPosition,
        mono_s: float,
        *,
        dispatched: bool = False,
        every_s: float | None = None,
    ) -> bool:
        """Whether to report now; a True is taken as reported. `every_s`: asked for by the hub."""
        waited_s = mono_s - self._sent_mono_s
        interval_s = self._interval_s(position, dispatched) if every_s is None else every_s
        if waited_s >= interval_s or self._telling(position):
            self._sent, self._sent_mono_s = position, mono_s
            return True
        return False

    def _interval_s(self, position: UnitPosition, dispatched: bool) -> float:
        if dispatched:
            return self.config.dispatched_every_s
        parked = self._parked(position)
        return self.config.parked_every_s if parked else self.config.patrol_every_s

    def _parked(self, position: UnitPosition) -> bool:
        speed_mps = position.epoch.speed_mps
        return speed_mps is not None and speed_mps < self.config.parked_below_mps

    def _telling(self, position: UnitPosition) -> bool:
        """Whether this position says something that the last one did not."""
        sent = self._sent
        if sent is None or sent.source != position.source:
            return True
        if self._parked(sent) and not self._parked(position):
            return True
        return self._turned_deg(sent.epoch, position.epoch) >= self.config.turn_deg

    def _turned_deg(self, old: GnssEpoch, new: GnssEpoch) -> float:
        if old.course_deg is None or new.course_deg is None:
            return 0.0
        if min(old.speed_mps or 0.0, new.speed_mps or 0.0) < COURSE_FROM_MPS:
            return 0.0
        turn_deg = abs(new.course_deg - old.course_deg) % 360.0
        return min(turn_deg, 360.0 - turn_deg)
