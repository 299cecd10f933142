"""A unit on the streets: where it is at any time, and when it comes to the next corner."""

import math
from random import Random

from drivers.gnss.guard import distance_m
from drivers.gnss.route import Place
from edge.fleet.streets import Streets

NEVER_S = math.inf


class Walker:
    """Goes from crossing to crossing; which way is up to the dice. Times only grow."""

    def __init__(self, streets: Streets, start: int, dice: Random) -> None:
        """`start`: one of `streets.starts`."""
        self._streets = streets
        self._dice = dice
        self._from = start
        self._to = dice.choice(streets.neighbours(start))
        self._way_m = 0.0  # done on this leg at `_since_s`
        self._since_s = 0.0
        self.speed_mps = 0.0
        self._measure()

    def _measure(self) -> None:
        here, there = self._streets.places[self._from], self._streets.places[self._to]
        self._leg_m = distance_m(here, there)
        north, east = there[0] - here[0], (there[1] - here[1] + 180) % 360 - 180
        self._step = (north, east)
        east *= math.cos(math.radians((here[0] + there[0]) / 2))
        self.course_deg = math.degrees(math.atan2(east, north)) % 360

    def _done_m(self, now_s: float) -> float:
        return min(self._leg_m, self._way_m + self.speed_mps * (now_s - self._since_s))

    def place_at(self, now_s: float) -> Place:
        share = self._done_m(now_s) / self._leg_m if self._leg_m else 1.0
        lat, lon = self._streets.places[self._from]
        return lat + self._step[0] * share, (lon + self._step[1] * share + 180) % 360 - 180

    def go(self, now_s: float, speed_mps: float) -> None:
        """From now on at this speed; 0 stands."""
        self._way_m, self._since_s = self._done_m(now_s), now_s
        self.speed_mps = speed_mps

    def corner_in_s(self, now_s: float) -> float:
        """How long to the end of this leg; NEVER_S while standing."""
        if self.speed_mps <= 0:
            return NEVER_S
        return (self._leg_m - self._done_m(now_s)) / self.speed_mps

    def turn(self, now_s: float) -> float:
        """Take the next leg, at its beginning. Returns by how many degrees the course changes.

        It turns back only where there is no other way.
        """
        near = self._streets.neighbours(self._to)
        ways = [number for number in near if number != self._from] or near
        old_deg = self.course_deg
        self._from, self._to = self._to, self._dice.choice(ways)
        self._way_m, self._since_s = 0.0, now_s
        self._measure()
        turned = abs(self.course_deg - old_deg) % 360
        return min(turned, 360 - turned)
