"""Where the unit is, from receivers and, while none tells, from its own motion."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from drivers.samples import FixKind, GnssEpoch, Odometry
from edge.positioning.dead_reckoning import DeadReckoning
from edge.positioning.facts import Fix, Learned, Reckoned
from edge.positioning.handover import Handed, Handover
from edge.positioning.reacquisition import Reacquisition
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
UNSEEN_SPEED_MPS = 3.0  # how fast an error radius grows when nothing is known of the motion
RECKONED_AFTER_S = 2.5  # without a fix: one epoch at 1 Hz may fail
RECKONED_EVERY_S = 0.2  # how often who needs a pose hears of it
MOVER_SILENT_S = 5.0
OWN_RECKONING_DOUBT = 10.0
CIRCLE_95 = 1.7308  # of the error of both axes: sqrt(-2 ln 0.05) / sqrt(2), alike in all directions

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
    error_95_m: float  # 95 of 100 times it is within
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


@dataclass(frozen=True, slots=True)
class _Best:
    receiver: str
    epoch: GnssEpoch
    lat_deg: float
    lon_deg: float
    error_m: float  # 1 sigma, with what is doubted of it


class Whereabouts:
    """The newest fix of the receiver in charge, and where the unit went since. Any thread."""

    def __init__(
        self,
        receivers: Sequence[str],
        lost_after_s: float,
        on_reckoned: Callable[[GnssEpoch], None] | None = None,
    ) -> None:
        """`receivers` in order of trust. `on_reckoned` hears of each place by dead reckoning, as an
        epoch, while there is no fix."""
        self._lost_after_s = lost_after_s
        self._on_reckoned = on_reckoned
        self._lock = threading.Lock()
        self._handover = Handover(tuple(receivers))
        self._reacquisition = Reacquisition()
        self._reckoning = DeadReckoning()
        self._has_motion = False
        self._mover = "", float("-inf")  # who tells of the motion, and when it did last
        self._reckoned_s = float("-inf")
        self._against_s: float | None = None  # since when fixes contradict the odometry
        self._best: _Best | None = None

    # --- what comes in ---

    def note(self, receiver: str, epoch: GnssEpoch, doubt: float = 1.0) -> bool:
        """Take an epoch into account. True if it is now the newest position.

        `doubt`: by how much its error is larger than it says (1: not at all), since its signals
        have fallen.
        """
        if not epoch.has_fix or epoch.lat_deg is None or epoch.lon_deg is None:
            return False
        error_m = error_radius_m(epoch) * doubt
        with self._lock:
            if not self._handover.note(receiver, epoch.mono_s, error_m, doubtful=doubt > 1.0):
                return False
            reckoned = self._held_against_motion(epoch, doubt)
            if reckoned is False:
                return False
            if not self._reacquisition.accepts(
                receiver, epoch, error_m, confirmed=reckoned is not None
            ):
                return False
            if doubt > 1.0 and self._knows_better(epoch.mono_s, error_m):
                return False
            self._best = _Best(receiver, epoch, epoch.lat_deg, epoch.lon_deg, error_m)
            return True

    def _knows_better(self, mono_s: float, error_m: float) -> bool:
        """Whether wheels and gyro know the place better than a fix whose signals have fallen."""
        reckoned = self._reckoning.at(mono_s) if self._has_motion else None
        return reckoned is not None and reckoned.error_m < error_m

    def _held_against_motion(self, epoch: GnssEpoch, doubt: float) -> bool | None:
        """Whether the fix lies where the unit's motion puts it; None where that is not known."""
        if not self._has_motion:
            return None
        reckons = self._reckoning.at(epoch.mono_s) is not None
        agrees = self._reckoning.note_fix(_fix_of(epoch, error_radius_m(epoch), doubt))
        if not reckons:
            return None
        self._against_s = None if agrees else self._against_s or epoch.mono_s
        return agrees

    def note_odometry(self, carrier: str, odometry: Odometry) -> None:
        """Take the unit's own motion into account: the way goes on without a fix.

        Of several that tell it, the first one counts while it tells.
        """
        with self._lock:
            mover, told_s = self._mover
            if carrier != mover and odometry.mono_s - told_s < MOVER_SILENT_S:
                return
            self._mover = carrier, odometry.mono_s
        self._reckoning.note_odometry(odometry)
        self._has_motion = True
        best, mono_s = self._best, odometry.mono_s
        if best is None or self._on_reckoned is None:
            return
        if mono_s - best.epoch.mono_s <= RECKONED_AFTER_S:
            return
        if mono_s - self._reckoned_s < RECKONED_EVERY_S:
            return
        reckoned = self._reckoning.at(mono_s)
        if reckoned is not None:
            self._reckoned_s = mono_s
            self._on_reckoned(_epoch_of(reckoned, best.epoch))

    # --- what is asked ---

    def parked(self, mono_s: float, below_mps: float) -> bool:
        """Whether the unit is known to stand: its newest speed, not older than a lost fix."""
        position = self.at(mono_s)
        if position is None or position.age_s > self._lost_after_s:
            return False
        speed_mps = position.epoch.speed_mps
        return speed_mps is not None and abs(speed_mps) < below_mps

    def at(self, mono_s: float) -> UnitPosition | None:
        """The position as known at a stamp; None before the first fix."""
        best = self._best
        if best is None:
            return None
        age_s = max(0.0, mono_s - best.epoch.mono_s)
        reckoned = None
        if self._has_motion and age_s > RECKONED_AFTER_S:
            reckoned = self._reckoning.at(mono_s)
        return (
            _remembered(best, age_s, self._lost_after_s)
            if reckoned is None
            else _gone_on(best, reckoned, mono_s)
        )

    @property
    def in_charge(self) -> str | None:
        """The receiver that speaks for the unit; None before the first fix."""
        return self._handover.current

    @property
    def handed(self) -> Handed | None:
        """When another receiver took over, and why; None if none ever did."""
        return self._handover.last

    @property
    def learned(self) -> Learned | None:
        """What the fixes taught of wheels and gyro; None where nothing tells of motion."""
        return self._reckoning.learned() if self._has_motion else None

    @property
    def against_odometry_since_s(self) -> float | None:
        """Since when the receiver says something else than wheels and gyro; None if it does not."""
        return self._against_s


def _fix_of(epoch: GnssEpoch, error_m: float, doubt: float) -> Fix:
    if epoch.fix is FixKind.ESTIMATED:
        doubt *= OWN_RECKONING_DOUBT  # the receiver's own dead reckoning teaches nothing
    return Fix(
        mono_s=epoch.mono_s,
        lat_deg=epoch.lat_deg or 0.0,
        lon_deg=epoch.lon_deg or 0.0,
        error_m=error_m,
        speed_mps=epoch.speed_mps,
        course_deg=epoch.course_deg,
        heading_deg=epoch.heading_deg,
        heading_error_deg=epoch.heading_error_deg,
        doubt=doubt,
    )


def _remembered(best: _Best, age_s: float, lost_after_s: float) -> UnitPosition:
    """The fix itself; once it is old, the unit may be anywhere that it could have got to."""
    epoch, lost = best.epoch, age_s > lost_after_s
    speed_mps = UNSEEN_SPEED_MPS if epoch.speed_mps is None else epoch.speed_mps
    growth_m = max(speed_mps, UNSEEN_SPEED_MPS) * age_s if lost else 0.0
    if lost:
        source: Source = "last_known"
    else:
        source = "dead_reckoning" if epoch.fix is FixKind.ESTIMATED else "gnss"
    error_m = best.error_m
    return UnitPosition(
        epoch=epoch,
        lat_deg=best.lat_deg,
        lon_deg=best.lon_deg,
        receiver=best.receiver,
        source=source,
        error_m=error_m + growth_m,
        error_95_m=CIRCLE_95 * error_m + growth_m,
        age_s=age_s,
    )


def _gone_on(best: _Best, reckoned: Reckoned, mono_s: float) -> UnitPosition:
    return UnitPosition(
        epoch=_epoch_of(reckoned, best.epoch),
        lat_deg=reckoned.lat_deg,
        lon_deg=reckoned.lon_deg,
        receiver=best.receiver,
        source="dead_reckoning",
        error_m=reckoned.error_m,
        error_95_m=reckoned.error_95_m,
        age_s=max(0.0, mono_s - reckoned.mono_s),
    )


def _epoch_of(reckoned: Reckoned, last: GnssEpoch) -> GnssEpoch:
    """Dead reckoning in the words of a receiver. The altitude is that of the last fix."""
    backwards = 180.0 if reckoned.speed_mps < 0 else 0.0
    moves = abs(reckoned.speed_mps) > 0.1  # slower, there is no course
    return replace(
        last,
        mono_s=reckoned.mono_s,
        utc=None,
        fix=FixKind.ESTIMATED,
        lat_deg=reckoned.lat_deg,
        lon_deg=reckoned.lon_deg,
        speed_mps=abs(reckoned.speed_mps),
        course_deg=(reckoned.heading_deg + backwards) % 360.0 if moves else None,
        heading_deg=reckoned.heading_deg,
        heading_error_deg=reckoned.heading_error_deg,
        satellites_used=None,
        satellites_in_view=None,
        hdop=None,
        pdop=None,
        vdop=None,
        error_m=reckoned.error_m,
        corrections_age_s=None,
        base_id=None,
        sky=None,
        jamming=None,
        antenna=None,
    )
