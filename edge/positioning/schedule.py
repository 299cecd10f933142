"""When the hub should hear of the position again."""

from config.models import PositionConfig
from drivers.samples import GnssEpoch
from edge.positioning.whereabouts import UnitPosition

COURSE_FROM_MPS = 1.0  # slower, a receiver's course is noise


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
