"""How the computer fares, in the few figures by which perception decides how hard to work."""

import os
from collections.abc import Callable

from edge.reporting import computer
from edge.seeing.easing import Condition


def no_battery() -> float | None:
    """The charge in percent, where nothing tells it."""
    return None


def condition(battery_percent: Callable[[], float | None] = no_battery) -> Condition:
    """As it is now. Reads a few small kernel files."""
    zones = [(zone.name, zone.celsius) for zone in computer.temperatures()]
    waiting = computer.load_1min()
    return Condition(
        hottest=max(zones, key=lambda zone: zone[1], default=None),
        load_per_core=None if waiting is None else waiting / (os.cpu_count() or 1),
        battery_percent=battery_percent(),
    )
