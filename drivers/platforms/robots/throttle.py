"""Speeds on their way to a robot: never too fast, and never older than half a second."""

from dataclasses import dataclass

from drivers.platforms.orders import Drive

STALE_S = 0.45  # the carrier is to stand half a second after the last word
STILL = Drive()


@dataclass(slots=True)
class Throttle:
    """One thread."""

    max_speed_mps: float
    max_turn_dps: float
    _until_s: float | None = None  # it moves, and stops then unless it is told again
    stopped: bool = False  # an emergency stop is on: nothing moves

    def take(self, drive: Drive, now_s: float) -> Drive | None:
        """The speeds to send, within the limits and in the same direction; None: it is stopped."""
        if self.stopped:
            return None
        self._until_s = None if drive == STILL else now_s + STALE_S
        speed_mps = (drive.forward_mps**2 + drive.sideways_mps**2) ** 0.5
        share = min(1.0, self.max_speed_mps / speed_mps) if speed_mps > 0 else 1.0
        turn_dps = min(max(drive.turn_dps, -self.max_turn_dps), self.max_turn_dps)
        return Drive(
            forward_mps=drive.forward_mps * share,
            sideways_mps=drive.sideways_mps * share,
            turn_dps=turn_dps,
        )

    def emergency(self) -> None:
        self.stopped, self._until_s = True, None

    @property
    def moving(self) -> bool:
        return self._until_s is not None

    def must_stop(self, now_s: float) -> bool:
        """True once, when it was not told again in time."""
        if self._until_s is None or now_s < self._until_s:
            return False
        self._until_s = None
        return True
