"""How the simulated vehicle moves: towards a place, or as it is driven, with a limited speed.

No aerodynamics: it is there to be told where to go, and to say where it is.
"""

import math
from dataclasses import dataclass

from drivers.gnss import route
from drivers.gnss.guard import DEGREE_M

CLIMB_MPS = 3.0
ACCELERATION_MPS2 = 4.0
ARRIVED_M, LEVEL_M = 1.5, 0.5


@dataclass(frozen=True, slots=True)
class Spot:
    """A place, and a height above the take-off place."""

    lat_deg: float
    lon_deg: float
    height_m: float = 0.0


@dataclass(slots=True)
class Body:
    """Where it is and how it moves."""

    spot: Spot
    north_mps: float = 0.0
    east_mps: float = 0.0
    climb_mps: float = 0.0
    heading_deg: float = 0.0
    turn_dps: float = 0.0

    def fly_to(self, there: Spot, speed_mps: float, seconds: float) -> bool:
        """A step on the way; whether it has arrived."""
        north_m, east_m = offset_m(self.spot, there)
        left_m, up_m = math.hypot(north_m, east_m), there.height_m - self.spot.height_m
        speed = min(
            speed_mps, left_m / max(seconds, 1e-6), math.sqrt(2 * ACCELERATION_MPS2 * left_m)
        )
        if left_m > ARRIVED_M:
            self.heading_deg = math.degrees(math.atan2(east_m, north_m)) % 360.0
        scale = speed / left_m if left_m > 0 else 0.0
        climb = max(-CLIMB_MPS, min(CLIMB_MPS, up_m / max(seconds, 1e-6)))
        self._move(north_m * scale, east_m * scale, climb, seconds)
        return left_m <= ARRIVED_M and abs(up_m) <= LEVEL_M

    def stay(self, seconds: float) -> None:
        self.turn_dps = 0.0
        self._move(0.0, 0.0, 0.0, seconds)

    def drive(self, forward_mps: float, right_mps: float, turn_dps: float, seconds: float) -> None:
        """As a companion computer wants it, against the bow."""
        self.turn_dps = turn_dps
        self.heading_deg = (self.heading_deg + turn_dps * seconds) % 360.0
        bow = math.radians(self.heading_deg)
        north = forward_mps * math.cos(bow) - right_mps * math.sin(bow)
        east = forward_mps * math.sin(bow) + right_mps * math.cos(bow)
        self._move(north, east, 0.0, seconds)

    def _move(self, north: float, east: float, climb: float, seconds: float) -> None:
        """Towards this speed, as fast as it can be reached."""
        most = ACCELERATION_MPS2 * seconds
        self.north_mps += max(-most, min(most, north - self.north_mps))
        self.east_mps += max(-most, min(most, east - self.east_mps))
        self.climb_mps = climb
        self.spot = moved(
            self.spot, self.north_mps * seconds, self.east_mps * seconds, climb * seconds
        )

    @property
    def speed_mps(self) -> float:
        return math.hypot(self.north_mps, self.east_mps)


def offset_m(here: Spot, there: Spot) -> tuple[float, float]:
    """North and east."""
    east = (there.lon_deg - here.lon_deg) * DEGREE_M * math.cos(math.radians(here.lat_deg))
    return (there.lat_deg - here.lat_deg) * DEGREE_M, east


def moved(here: Spot, north_m: float, east_m: float, up_m: float = 0.0) -> Spot:
    lat_deg, lon_deg = route.moved((here.lat_deg, here.lon_deg), north_m, east_m)
    return Spot(lat_deg, lon_deg, max(0.0, here.height_m + up_m))
