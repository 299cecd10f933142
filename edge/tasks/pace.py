"""How fast the unit gets on, and so when it will be there.

Learned while it is under way, stops at lights included and long halts left out; the first guess is
by kind of unit. A figure that is not there (blocked, no position) is not guessed.
"""

from dataclasses import replace

from config.models import UnitKind
from edge.tasks.record import Pace
from telemetry.contract.tasks import Motion, Ring

# To begin with, metres per second over the ground. A walking person, which a patrol dog keeps up
# with: 1.2 (the Highway Capacity Manual's crossing speed); 30 km/h for a car in town: 8.3, the
# figure behind the 1/3/5-minute rings of 500, 1500 and 2500 m; a small drone's cruise: 10.
USUAL_MPS: dict[UnitKind, float] = {"robot_dog": 1.2, "patrol_car": 8.3, "drone": 10.0}

GUESS_S = 10.0  # a guess weighs as much as so many seconds of motion
MEMORY_S = 300.0  # what was longer ago than this counts less and less
BLOCKED_AFTER_S = 60.0  # standing for longer than at any light
GAP_S = 10.0  # between two fixes: nothing is learned from it
SLOWEST_MPS = 0.05

_RINGS: tuple[tuple[float, Ring], ...] = ((60.0, "1"), (180.0, "3"), (300.0, "5"))


def ring_of(eta_s: float | None) -> Ring | None:
    """The 1, 3 or 5 minute ring; None where the time of arrival is not known."""
    if eta_s is None:
        return None
    return next((ring for limit_s, ring in _RINGS if eta_s <= limit_s), "none")


def eta_s(remaining_m: float | None, pace: Pace, motion: Motion) -> float | None:
    """Seconds until arrival; None where it cannot be told."""
    if remaining_m is None or motion == "blocked":
        return None
    return remaining_m / max(pace.speed_mps, SLOWEST_MPS)


def learned(pace: Pace, speed_mps: float, seconds: float) -> Pace:
    """The pace after so many seconds more at this speed.

    A running mean to begin with, exponential once MEMORY_S are known.
    """
    if not 0 < seconds <= GAP_S:
        return pace
    known_s = min(pace.seconds, MEMORY_S)
    share = seconds / (known_s + seconds)
    return replace(
        pace,
        speed_mps=pace.speed_mps + share * (speed_mps - pace.speed_mps),
        seconds=known_s + seconds,
    )


def first_guess(kind: UnitKind, configured_mps: float | None) -> Pace:
    return Pace(speed_mps=configured_mps or USUAL_MPS[kind], seconds=GUESS_S)


def recalled(pace: Pace) -> Pace:
    """What was learned on earlier ways, at the start of a new one: good, but ready to change."""
    return replace(pace, seconds=min(pace.seconds, 3 * GUESS_S))


class MotionWatch:
    """Moving, idle (as at a light) or blocked."""

    def __init__(self, above_mps: float) -> None:
        self._above_mps = above_mps
        self._moved_s: float | None = None
        self.motion: Motion = "idle"

    def see(self, mono_s: float, speed_mps: float | None) -> Motion:
        if self._moved_s is None or (speed_mps is not None and speed_mps >= self._above_mps):
            self._moved_s = mono_s
        standing_s = mono_s - self._moved_s
        moving = speed_mps is not None and speed_mps >= self._above_mps
        idle: Motion = "blocked" if standing_s >= BLOCKED_AFTER_S else "idle"
        self.motion = "moving" if moving else idle
        return self.motion
