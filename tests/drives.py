"""Drives whose every moment is known, and what wheels, gyro and receiver say of them.

The way is that of a recorded track or of a made-up one; the sensors are simulated, with the faults
of cheap ones: a scale that is off, slip, noise, a bias that wanders, a receiver whose error lasts.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.samples import FixKind, GnssEpoch, Odometry
from perception.place.frame import LocalFrame

TRACKS = Path(__file__).parent / "data" / "tracks"
Floats = NDArray[np.float64]
STEP_M = 0.5
STANDS_BELOW_MPS = 0.5
ROUNDING_M = 3.0  # no car turns on a point: 1 sigma of what the way is smoothed with
SMOOTH_S = 1.5  # and none starts at once


@dataclass(frozen=True, slots=True)
class Moment:
    """What really is."""

    mono_s: float
    east_m: float
    north_m: float
    heading_deg: float
    speed_mps: float
    yaw_rate_dps: float


class Drive:
    """A way and when it was where, sampled 10 times a second."""

    RATE_HZ = 10.0

    def __init__(
        self, times_s: Floats, east_m: Floats, north_m: Floats, origin: LocalFrame
    ) -> None:
        """(N,) each, times rising."""
        self.frame = origin
        steps_m = np.hypot(np.diff(east_m), np.diff(north_m))
        way_m = np.concatenate(([0.0], np.cumsum(steps_m)))
        kept = np.concatenate(([True], steps_m > 0))
        at_m = np.arange(0.0, way_m[-1], STEP_M)
        east = _smoothed(np.interp(at_m, way_m[kept], east_m[kept]), ROUNDING_M / STEP_M)
        north = _smoothed(np.interp(at_m, way_m[kept], north_m[kept]), ROUNDING_M / STEP_M)
        heading = np.unwrap(np.arctan2(np.gradient(east), np.gradient(north)))
        true_m = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(east), np.diff(north)))))
        self.times_s = np.arange(times_s[0], times_s[-1], 1 / self.RATE_HZ)
        s_m = _smoothed(np.interp(self.times_s, times_s, way_m), SMOOTH_S * self.RATE_HZ)
        s_m = np.interp(s_m, at_m, true_m)
        self.east_m = np.interp(s_m, true_m, east)
        self.north_m = np.interp(s_m, true_m, north)
        self.heading_rad = np.interp(s_m, true_m, heading)
        self.speed_mps = np.gradient(s_m, 1 / self.RATE_HZ)
        self.yaw_radps = np.gradient(self.heading_rad, 1 / self.RATE_HZ)

    def moments(self) -> Iterator[Moment]:
        for i, mono_s in enumerate(self.times_s):
            yield Moment(
                float(mono_s),
                float(self.east_m[i]),
                float(self.north_m[i]),
                math.degrees(float(self.heading_rad[i])) % 360.0,
                float(self.speed_mps[i]),
                math.degrees(float(self.yaw_radps[i])),
            )

    @property
    def duration_s(self) -> float:
        return float(self.times_s[-1] - self.times_s[0])


def _smoothed(values: Floats, sigma: float) -> Floats:
    reach = int(4 * sigma) + 1
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="edge")
    result: Floats = np.convolve(padded, weights / weights.sum(), mode="valid")
    return result


def recorded(path: Path, rounds: int = 3) -> Drive:
    """A recorded track (seconds, latitude, longitude), driven to and fro `rounds` times."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    origin = LocalFrame.at(rows[0, 1], rows[0, 2])
    places = _without_creeping(
        rows[:, 0], np.array([origin.to_metres(lat, lon) for _, lat, lon in rows])
    )
    times, east, north = [rows[:, 0]], [places[:, 0]], [places[:, 1]]
    for turn in range(1, rounds):
        forth = slice(None) if turn % 2 == 0 else slice(None, None, -1)
        legs_s = np.abs(np.diff(rows[forth, 0]))
        around = _turned_around(east[-1][-8:], north[-1][-8:])
        begin_s = times[-1][-1]
        times.append(begin_s + 1.5 * np.arange(1, len(around) + 1))
        times.append(times[-1][-1] + 3.0 + np.concatenate(([0.0], np.cumsum(legs_s))))
        east += [around[:, 0], places[forth, 0]]
        north += [around[:, 1], places[forth, 1]]
    return Drive(np.concatenate(times), np.concatenate(east), np.concatenate(north), origin)


def _without_creeping(times_s: Floats, places_m: Floats) -> Floats:
    """A car that stands does not turn: what its recording wanders meanwhile is the receiver's."""
    held = [places_m[0]]
    for dt_s, place_m in zip(np.diff(times_s), places_m[1:], strict=True):
        way_m = math.dist(held[-1], place_m)
        held.append(place_m if way_m > STANDS_BELOW_MPS * dt_s and way_m > 2.0 else held[-1])
    return np.array(held)


def _turned_around(east_m: Floats, north_m: Floats) -> Floats:
    """Half a circle to the left of where a way ends, (N, 2) east, north."""
    heading = math.atan2(east_m[-1] - east_m[0], north_m[-1] - north_m[0])
    radius_m = 7.0
    left = np.array([-math.cos(heading), math.sin(heading)])
    ahead = np.array([math.sin(heading), math.cos(heading)])
    centre = np.array([east_m[-1], north_m[-1]]) + radius_m * left
    angles = np.linspace(0.0, math.pi, 9)[1:, None]
    ring: Floats = centre - radius_m * np.cos(angles) * left + radius_m * np.sin(angles) * ahead
    return ring


def made_up(seed: int, duration_s: float = 1500.0, fastest_mps: float = 14.0) -> Drive:
    """Streets with turns, bends and red lights."""
    dice = random.Random(seed)
    times, east, north = [0.0], [0.0], [0.0]
    heading = dice.uniform(0, 2 * math.pi)
    while times[-1] < duration_s:
        if dice.random() < 0.3:  # a red light
            times.append(times[-1] + dice.uniform(5, 40))
            east.append(east[-1])
            north.append(north[-1])
        heading += dice.choice((0.0, 0.0, 1.0, -1.0)) * math.pi / 2 + dice.gauss(0, 0.15)
        speed = dice.uniform(0.3, 1.0) * fastest_mps
        for _ in range(dice.randrange(2, 8)):
            heading += dice.gauss(0, 0.05)
            leg_m = dice.uniform(3, 5) * speed
            times.append(times[-1] + leg_m / speed)
            east.append(east[-1] + leg_m * math.sin(heading))
            north.append(north[-1] + leg_m * math.cos(heading))
    return Drive(np.array(times), np.array(east), np.array(north), LocalFrame.at(35.41, 116.58))


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong with the sensors of one unit."""

    scale: float = 0.02  # of the speed: worn tyres, wrong radius
    speed_noise_mps: float = 0.1
    bias_dps: float = 0.7  # of the gyro
    bias_walk_dps: float = 0.001  # per root of a second
    yaw_noise_dps: float = 0.3
    yaw_scale: float = 0.01
    receiver_m: float = 1.5  # of each axis, 1 sigma
    receiver_late_s: float = 0.15


def any_faults(dice: random.Random) -> Faults:
    return Faults(
        scale=dice.gauss(0, 0.03),
        speed_noise_mps=dice.uniform(0.02, 0.2),
        bias_dps=dice.gauss(0, 0.8),
        bias_walk_dps=dice.uniform(0.0003, 0.002),
        yaw_noise_dps=dice.uniform(0.1, 0.5),
        yaw_scale=dice.gauss(0, 0.01),
        receiver_m=dice.uniform(0.8, 3.0),
        receiver_late_s=dice.uniform(0.05, 0.3),
    )


class Sensors:
    """What a unit with these faults is told on its way."""

    LASTS_S = 60.0

    def __init__(self, drive: Drive, faults: Faults, seed: int) -> None:
        self._drive, self._faults = drive, faults
        self._dice = random.Random(seed)
        self._bias_dps, self._scale = faults.bias_dps, faults.scale
        self._off_m = [self._dice.gauss(0, faults.receiver_m) for _ in range(2)]
        self._tick = 0

    def told(self) -> Iterator[tuple[Moment, Odometry, GnssEpoch | None]]:
        """Each moment, what wheels and gyro say, and once a second what the receiver says."""
        dt_s, dice, faults = 1 / Drive.RATE_HZ, self._dice, self._faults
        held: list[GnssEpoch] = []
        for number, moment in enumerate(self._drive.moments()):
            self._bias_dps += dice.gauss(0, faults.bias_walk_dps) * math.sqrt(dt_s)
            self._scale += dice.gauss(0, 0.0002) * math.sqrt(dt_s)
            still = abs(moment.speed_mps) < 0.02
            noise_mps = 0.0 if still else dice.gauss(0, faults.speed_noise_mps)
            odometry = Odometry(
                mono_s=moment.mono_s,
                speed_mps=0.0 if still else moment.speed_mps / (1 + self._scale) + noise_mps,
                yaw_rate_dps=moment.yaw_rate_dps * (1 + faults.yaw_scale)
                + self._bias_dps
                + dice.gauss(0, faults.yaw_noise_dps),
            )
            if number % round(Drive.RATE_HZ) == 0:
                held.append(self._epoch(moment))
            due = held and held[0].mono_s <= moment.mono_s
            yield moment, odometry, held.pop(0) if due else None

    def _epoch(self, moment: Moment) -> GnssEpoch:
        faults, dice = self._faults, self._dice
        keep = math.exp(-1 / self.LASTS_S)
        fresh_m = faults.receiver_m * math.sqrt(1 - keep * keep)
        self._off_m = [keep * off + dice.gauss(0, fresh_m) for off in self._off_m]
        lat_deg, lon_deg = self._drive.frame.to_degrees(
            moment.east_m + self._off_m[0] + dice.gauss(0, 0.2),
            moment.north_m + self._off_m[1] + dice.gauss(0, 0.2),
        )
        speed_mps = abs(moment.speed_mps + dice.gauss(0, 0.08))
        slip_deg = math.degrees(math.atan2(0.12, max(speed_mps, 0.01)))
        course_deg = (moment.heading_deg + dice.gauss(0, slip_deg)) % 360.0
        return GnssEpoch(
            mono_s=moment.mono_s + faults.receiver_late_s,
            utc=None,
            fix=FixKind.FIX_3D,
            lat_deg=lat_deg,
            lon_deg=lon_deg,
            speed_mps=speed_mps,
            course_deg=course_deg if speed_mps > 0.2 else None,
            hdop=max(faults.receiver_m * math.sqrt(2) / 3.0, 0.5),
        )
