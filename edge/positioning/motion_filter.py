"""An extended Kalman filter of a body that moves along its bow: place, heading, scale, gyro bias.

State: east and north (m), heading (rad, clockwise from north), error of the speed's scale (share),
bias of the yaw rate (rad/s). Groves, Principles of GNSS, Inertial, and Multisensor Integrated
Navigation Systems, 2nd ed., ch. 3 (filter) and 6.4 (odometry). Nothing here knows of receivers or
threads.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EAST, NORTH, HEADING, SCALE, BIAS = range(5)

# What is not in the state, as spectral densities: it adds up with the square root of time.
SLIP_MPS, SLIP_SHARE = 0.08, 0.02  # of the speed: wheels slip, legs slide; each lasts a second
TURN_SHARE = 0.03  # of a yaw rate: its own scale, and what is not level
WALK_DEG_PER_ROOT_S = 0.12  # angle random walk of a cheap gyro, with the vibration of a vehicle
BIAS_WALK_DPS = 0.0012  # per root of a second: temperature
SCALE_WALK = 0.0003  # per root of a second: tyres get warm, load changes
BIAS_STARTS_DPS = 3.0
LOOSE_DEG, LOOSE_DPS = 15.0, 1.0
STARTS_LOST_RAD = math.pi


@dataclass(frozen=True, slots=True)
class Spread:
    """How far off a place may be."""

    error_m: float  # horizontal, 1 sigma: root of the two axes' squares
    error_95_m: float  # the circle that holds it 95 of 100 times


class MotionFilter:
    """One body. Angles in radians, clockwise from north."""

    def __init__(self, error_m: float, scale_error: float) -> None:
        """At the origin, to `error_m` in each axis; the heading is not known yet."""
        self.state: Floats = np.zeros(5)
        bias = math.radians(BIAS_STARTS_DPS)
        deviations = [error_m, error_m, STARTS_LOST_RAD, scale_error, bias]
        self.covariance: Floats = np.diag(np.square(np.array(deviations)))

    # --- as time goes by ---

    def advance(self, dt_s: float, speed_mps: float, yaw_radps: float, walk_radps: float) -> None:
        """Move on by `dt_s` seconds. `walk_radps`: what the yaw rate is off by at random, beside
        the bias, for about a second each time."""
        turn_rad = (yaw_radps - self.state[BIAS]) * dt_s
        way_m = speed_mps * (1 + self.state[SCALE]) * dt_s
        middle_rad = self.state[HEADING] + turn_rad / 2
        sine, cosine = math.sin(middle_rad), math.cos(middle_rad)
        self.state[EAST] += way_m * sine
        self.state[NORTH] += way_m * cosine
        self.state[HEADING] = wrapped(self.state[HEADING] + turn_rad)
        step = np.eye(5)
        step[EAST, HEADING], step[NORTH, HEADING] = way_m * cosine, -way_m * sine
        step[EAST, SCALE], step[NORTH, SCALE] = speed_mps * dt_s * sine, speed_mps * dt_s * cosine
        step[EAST, BIAS] = -way_m * cosine * dt_s / 2
        step[NORTH, BIAS] = way_m * sine * dt_s / 2
        step[HEADING, BIAS] = -dt_s
        self.covariance = step @ self.covariance @ step.T
        self._lose(dt_s, speed_mps, turn_rad, walk_radps, (sine, cosine))

    def stand(self, dt_s: float) -> None:
        """Time goes by without any motion; only what drifts by itself is lost."""
        self._drift(dt_s)

    def _lose(
        self,
        dt_s: float,
        speed_mps: float,
        turn_rad: float,
        walk_radps: float,
        bow: tuple[float, float],
    ) -> None:
        self._drift(dt_s)
        slip_m2 = (SLIP_MPS + SLIP_SHARE * abs(speed_mps)) ** 2 * dt_s if speed_mps else 0.0
        sine, cosine = bow
        self.covariance[EAST, EAST] += slip_m2 * sine * sine
        self.covariance[NORTH, NORTH] += slip_m2 * cosine * cosine
        self.covariance[EAST, NORTH] += slip_m2 * sine * cosine
        self.covariance[NORTH, EAST] += slip_m2 * sine * cosine
        walk_rad2 = math.radians(WALK_DEG_PER_ROOT_S) ** 2 * dt_s + walk_radps**2 * dt_s
        turned_rad2 = (TURN_SHARE * turn_rad) ** 2 / max(dt_s, 1e-3)
        self.covariance[HEADING, HEADING] += walk_rad2 + turned_rad2

    def _drift(self, dt_s: float) -> None:
        self.covariance[SCALE, SCALE] += SCALE_WALK**2 * dt_s
        self.covariance[BIAS, BIAS] += math.radians(BIAS_WALK_DPS) ** 2 * dt_s

    # --- what is measured ---

    def see_place(self, east_m: float, north_m: float, error_m: float) -> None:
        """A position; its error per axis, as if each were independent of the last."""
        rows = np.zeros((2, 5))
        rows[0, EAST] = rows[1, NORTH] = 1.0
        off = np.array([east_m - self.state[EAST], north_m - self.state[NORTH]])
        self._correct(rows, off, np.eye(2) * error_m**2)

    def see_heading(self, heading_rad: float, error_rad: float) -> None:
        """Where the bow points, clockwise from north."""
        self._correct_one(HEADING, wrapped(heading_rad - self.state[HEADING]), error_rad)

    def see_speed(self, told_mps: float, true_mps: float, error_mps: float) -> None:
        """What the wheels tell, and what it really is."""
        off = true_mps / told_mps - 1 - self.state[SCALE]
        self._correct_one(SCALE, off, error_mps / abs(told_mps))

    def see_still(self, yaw_radps: float, error_radps: float) -> None:
        """What a gyro tells while nothing turns is its bias."""
        self._correct_one(BIAS, yaw_radps - self.state[BIAS], error_radps)

    def set_heading(self, heading_rad: float, error_rad: float) -> None:
        """The first heading: what was there before is no guess, but none at all."""
        self.state[HEADING] = heading_rad
        self.covariance[HEADING, :] = self.covariance[:, HEADING] = 0.0
        self.covariance[HEADING, HEADING] = error_rad**2

    def forget_bias(self) -> None:
        """The bias of the yaw rate was learned wrongly: begin again."""
        self.state[BIAS] = 0.0
        self.covariance[BIAS, :] = self.covariance[:, BIAS] = 0.0
        self.covariance[BIAS, BIAS] = math.radians(BIAS_STARTS_DPS) ** 2

    def move_to(self, east_m: float, north_m: float, error_m: float) -> None:
        """It really is elsewhere: heading and bias were worse than was thought."""
        self.covariance[HEADING, HEADING] += math.radians(LOOSE_DEG) ** 2
        self.covariance[BIAS, BIAS] += math.radians(LOOSE_DPS) ** 2
        self.state[EAST], self.state[NORTH] = east_m, north_m
        for axis in (EAST, NORTH):
            self.covariance[axis, :] = self.covariance[:, axis] = 0.0
            self.covariance[axis, axis] = error_m**2

    def shift_origin(self, east_m: float, north_m: float) -> None:
        """Count from another origin, which lies there in the old frame."""
        self.state[EAST] -= east_m
        self.state[NORTH] -= north_m

    def _correct_one(self, which: int, off: float, error: float) -> None:
        row = np.zeros((1, 5))
        row[0, which] = 1.0
        self._correct(row, np.array([off]), np.array([[error**2]]))

    def _correct(self, rows: Floats, off: Floats, noise: Floats) -> None:
        innovation = rows @ self.covariance @ rows.T + noise
        gain = self.covariance @ rows.T @ np.linalg.inv(innovation)
        self.state = self.state + gain @ off
        self.state[HEADING] = wrapped(self.state[HEADING])
        # Joseph's form: stays symmetric and positive whatever the rounding.
        kept = np.eye(5) - gain @ rows
        self.covariance = kept @ self.covariance @ kept.T + gain @ noise @ gain.T

    # --- what is known ---

    @property
    def heading_error_rad(self) -> float:
        return math.sqrt(max(self.covariance[HEADING, HEADING], 0.0))

    def error_of(self, which: int) -> float:
        """1 sigma of one entry of the state."""
        return math.sqrt(max(self.covariance[which, which], 0.0))

    def spread(self) -> Spread:
        """How far off the place may be."""
        return spread_of(self.covariance[:2, :2])

    def away(self, east_m: float, north_m: float, error_m: float) -> float:
        """How many sigmas a measured position is away, by both errors."""
        off = np.array([east_m - self.state[EAST], north_m - self.state[NORTH]])
        both = self.covariance[:2, :2] + np.eye(2) * error_m**2
        return math.sqrt(max(float(off @ np.linalg.solve(both, off)), 0.0))


def spread_of(covariance: Floats) -> Spread:
    """Of a 2x2 covariance in square metres.

    The circle of 95 of 100: Leenhouts' fit to the exact integral (Navigation 32, 1985), which is
    off by less than 0.1 %.
    """
    small, large = np.linalg.eigvalsh(covariance)
    longest_m = math.sqrt(max(float(large), 0.0))
    ratio = math.sqrt(max(float(small), 0.0)) / longest_m if longest_m else 0.0
    factor = 1.960790 + 0.004071 * ratio + 0.114276 * ratio**2 + 0.371625 * ratio**3
    return Spread(math.sqrt(max(float(np.trace(covariance)), 0.0)), factor * longest_m)


def wrapped(angle_rad: float) -> float:
    """Between -pi and pi."""
    return (angle_rad + math.pi) % math.tau - math.pi
