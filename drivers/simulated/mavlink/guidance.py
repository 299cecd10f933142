"""Where the simulated vehicle goes, by its mode."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.platforms.mavlink.numbers import (
    MAV_CMD_DO_CHANGE_SPEED,
    MAV_CMD_NAV_LAND,
    MAV_CMD_NAV_LOITER_UNLIM,
    MAV_CMD_NAV_RETURN_TO_LAUNCH,
)
from drivers.simulated.mavlink.flight import Spot, offset_m

if TYPE_CHECKING:
    from drivers.simulated.mavlink.autopilot import SimulatedAutopilot

SPEED_MPS = 8.0
HOME_HEIGHT_M = 15.0  # RTL_ALT: it climbs to this before it returns
NEAR_HOME_M = 2.0
FLYING_A, RESTING_A = 18.0, 0.8
GUIDED_S = 3.0  # GUID_TIMEOUT: a velocity that is not repeated ends


class Guidance:
    """Moves the body of one autopilot."""

    def __init__(self, autopilot: "SimulatedAutopilot") -> None:
        self._autopilot = autopilot
        self._speed_mps = SPEED_MPS
        self._held_s = 0.0
        self._wanted = (0.0, 0.0, 0.0)  # forward, right, turn
        self._wanted_s = -math.inf
        self.sticks: tuple[float, float, float] | None = None  # of a pilot: forward, right, turn

    def begin(self) -> None:
        """The mode has changed."""
        self._held_s, self._speed_mps = 0.0, SPEED_MPS
        self.sticks = None

    def want(self, forward_mps: float, right_mps: float, turn_dps: float) -> None:
        """A companion computer drives."""
        self._wanted = (forward_mps, right_mps, turn_dps)
        self._wanted_s = self._autopilot.time_s

    def fly(self, dt: float) -> None:
        pilot = self._autopilot
        body, flies = pilot.body, pilot.vehicle.flies
        up = pilot.armed and (body.spot.height_m > 0.1 or not flies)
        pilot.battery.step(FLYING_A if up else RESTING_A, dt)
        ways: dict[str, Callable[[float], None]] = {
            pilot.vehicle.mission_mode: self._go_on,
            "RTL": self._return,
            "SMART_RTL": self._return,
            "LAND": self._land,
            "GUIDED": self._obey,
        }
        way = ways.get(pilot.mode, self._by_hand) if pilot.armed else body.stay
        way(dt)

    def _by_hand(self, dt: float) -> None:
        """A mode in which a pilot flies: it stays where the sticks are left alone."""
        if self.sticks is None:
            self._autopilot.body.stay(dt)
        else:
            self._autopilot.body.drive(*self.sticks, dt)

    def _go_on(self, dt: float) -> None:
        """Along the mission."""
        pilot = self._autopilot
        pilot.mission_begun = True
        store, item = pilot.missions, pilot.missions.item()
        if item is None or item.command == MAV_CMD_NAV_LOITER_UNLIM:
            pilot.body.stay(dt)
        elif item.command == MAV_CMD_DO_CHANGE_SPEED:
            self._speed_mps = item.param2
            store.current += 1
        elif item.command == MAV_CMD_NAV_RETURN_TO_LAUNCH:
            self._return(dt)
        elif item.command == MAV_CMD_NAV_LAND:
            self._land(dt)
        else:
            height_m = item.z if pilot.vehicle.flies else 0.0
            there = Spot(item.x / 1e7, item.y / 1e7, height_m)
            if pilot.body.fly_to(there, self._speed_mps, dt):
                self._arrive(item.param1, dt)

    def _arrive(self, hold_s: float, dt: float) -> None:
        self._held_s += dt
        if self._held_s < hold_s:
            return
        self._held_s = 0.0
        store = self._autopilot.missions
        self._autopilot.send("MISSION_ITEM_REACHED", seq=store.current)
        store.current += 1

    def _return(self, dt: float) -> None:
        """Up, over home, down."""
        pilot = self._autopilot
        here, home = pilot.body.spot, pilot.home
        if math.hypot(*offset_m(here, home)) <= NEAR_HOME_M:
            self._land(dt)
            return
        height_m = max(here.height_m, HOME_HEIGHT_M) if pilot.vehicle.flies else 0.0
        climbs = here.height_m < height_m - 1
        over = here if climbs else home
        pilot.body.fly_to(Spot(over.lat_deg, over.lon_deg, height_m), SPEED_MPS, dt)

    def _land(self, dt: float) -> None:
        pilot, spot = self._autopilot, self._autopilot.body.spot
        if pilot.body.fly_to(Spot(spot.lat_deg, spot.lon_deg, 0.0), 0.0, dt):
            pilot.armed = pilot.armed and not pilot.vehicle.flies

    def _obey(self, dt: float) -> None:
        """GUIDED: as the companion computer says, while it says so."""
        body = self._autopilot.body
        if self._autopilot.time_s - self._wanted_s > GUIDED_S:
            body.stay(dt)
            return
        forward, right, turn_dps = self._wanted
        body.drive(forward, right, turn_dps, dt)
