"""What every actuator of the unit can be asked for, and what it reports.

It opens in its safe state (off, silent), and closing it leaves it so. It does what it is told at
once: who may ask for what, and how long it lasts, is decided before (`edge.acting`).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from drivers.base import ActiveDriver
from drivers.platforms.orders import Aim
from drivers.samples import Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """For lights, beacons, sirens, lamps and relays."""

    level: float  # 0 is off .. 1 full
    pattern: str = "steady"  # steady, strobe, or one that the device knows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """For a loudspeaker: play this, instead of what it plays now.

    It is `Done` once it has begun; that it is over, the report tells: `playing` is None again.
    """

    samples: NDArray[np.float32]  # (N,) float32, -1..1, one channel
    rate_hz: int
    volume: float = 1.0  # 0..1
    name: str = ""  # what it is, for the report


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """For a loudspeaker: go on, louder or quieter (ducking)."""

    volume: float


@dataclass(frozen=True, slots=True)
class Silence:
    """For a loudspeaker: stop."""


ActuatorRequest: TypeAlias = Output | Sound | Volume | Silence | Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorReport:
    """How it is now, as the device itself says; where it cannot tell, as it was last told to be
    (`measured` is false)."""

    mono_s: float
    level: float = 0.0
    pattern: str = "steady"
    playing: str | None = None  # the name of the sound under way
    pan_deg: float | None = None
    tilt_deg: float | None = None
    zoom: float | None = None
    celsius: float | None = None
    fault: str | None = None
    measured: bool = False


Actuator: TypeAlias = ActiveDriver[ActuatorReport | Done, ActuatorRequest]
