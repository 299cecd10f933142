"""Attitude and rate of turn from an accelerometer and a gyro, with an error that is meant.

A complementary filter on one vector, where down is, as in Mahony, Hamel, Pflimlin: Nonlinear
Complementary Filters on SO(3), IEEE TAC 53(5), 2008: the gyro turns it, the accelerometer pulls it
back. How hard, a one-dimensional Kalman gain decides, of the error that the gyro has let grow and
the error of what the accelerometer says: a unit that brakes feels a false tilt, which shows in the
length of what it feels (a² / 2g) and in that the gyro does not confirm it.

Axes: forward, right, down. Angles as in drivers.samples.Attitude.
"""

import math
from dataclasses import dataclass

from drivers.sensors.plausible import GRAVITY_MPS2, Triple

FIRST_ERROR_DEG = 10.0
MOST_ERROR_DEG = 45.0
NOISE_DEG = 0.5  # of what the accelerometer says of down, at rest
TOGETHER_S = 1.0  # what disturbs it now still does so long after: so many readings count as one
UNLEARNED_DPS, LEARNED_DPS = 1.0, 0.05  # bias of the gyro, before and after it was seen at rest
LONGEST_GAP_S = 0.5
REST_S = 2.0
REST_MPS2, REST_DPS = 0.25, 0.6  # noise, and no more, around the mean
MOST_BIAS_DPS = 5.0
NO_GYRO_ERROR_DEG = 4.0  # of a unit that may be accelerating for all that anybody knows
LEVELLING_S = 0.4  # without a gyro: a compromise between the gait and being late
FIELD_GAUSS = (0.15, 0.85)  # the Earth's is 0.22..0.67 (IAGA, IGRF-14); more is iron


@dataclass(slots=True)
class Rest:
    """Notices that the chip stands, and what its gyro then says: its bias."""

    since_s: float | None = None
    force: Triple = (0.0, 0.0, 0.0)
    turn: Triple = (0.0, 0.0, 0.0)
    count: int = 0

    def note(self, force: Triple, turn_dps: Triple, mono_s: float) -> Triple | None:
        """The bias, while it has stood for REST_S."""
        if (
            self.since_s is None
            or mono_s < self.since_s
            or math.dist(force, self.force) > REST_MPS2
            or math.dist(turn_dps, self.turn) > REST_DPS
        ):
            self.since_s, self.force, self.turn, self.count = mono_s, force, turn_dps, 1
            return None
        self.count = min(self.count + 1, 500)
        self.force = _toward(self.force, force, 1 / self.count)
        self.turn = _toward(self.turn, turn_dps, 1 / self.count)
        stood = mono_s - self.since_s >= REST_S
        return self.turn if stood and math.hypot(*self.turn) <= MOST_BIAS_DPS else None


class Inertia:
    """Where down is. One thread."""

    def __init__(self) -> None:
        self.down: Triple | None = None
        self.error_deg = FIRST_ERROR_DEG  # 1 sigma of pitch and roll each
        self.turn_dps: Triple | None = None  # without its bias
        self.bias_learned = False
        self._bias_dps: Triple = (0.0, 0.0, 0.0)
        self._rest = Rest()
        self._mono_s: float | None = None

    def note(self, force_mps2: Triple, turn_dps: Triple | None, mono_s: float) -> None:
        """One reading: what the chip feels (at rest gravity's reaction, so upward), and its turn
        about each axis, or None without a gyro."""
        felt = math.hypot(*force_mps2)
        if felt < 0.1 * GRAVITY_MPS2:  # it falls: nothing is known of down
            self._mono_s = None
            return
        seen: Triple = (-force_mps2[0] / felt, -force_mps2[1] / felt, -force_mps2[2] / felt)
        passed_s = 0.0 if self._mono_s is None else mono_s - self._mono_s
        if turn_dps is not None:
            self._learn(force_mps2, turn_dps, mono_s)
        if self.down is None or not 0 < passed_s <= LONGEST_GAP_S:
            self.down, self.error_deg = seen, FIRST_ERROR_DEG
        elif self.turn_dps is None:
            self._level(seen, felt, passed_s)
        else:
            self._turn(self.down, self.turn_dps, passed_s)
            self._pull(seen, felt, passed_s)
        self._mono_s = mono_s

    def tilt_deg(self) -> tuple[float, float] | None:
        """Pitch and roll."""
        if self.down is None:
            return None
        x, y, z = self.down
        return math.degrees(math.asin(max(-1.0, min(1.0, -x)))), math.degrees(math.atan2(y, z))

    def yaw_rate_dps(self) -> float | None:
        """About the vertical, clockwise seen from above positive."""
        if self.down is None or self.turn_dps is None:
            return None
        return sum(rate * axis for rate, axis in zip(self.turn_dps, self.down, strict=True))

    @property
    def yaw_rate_error_dps(self) -> float:
        return LEARNED_DPS if self.bias_learned else UNLEARNED_DPS

    def heading_deg(self, field_gauss: Triple) -> float | None:
        """Magnetic, of the bow; None where the field cannot be the Earth's alone."""
        strength = math.hypot(*field_gauss)
        if self.down is None or not FIELD_GAUSS[0] <= strength <= FIELD_GAUSS[1]:
            return None
        along = sum(m * d for m, d in zip(field_gauss, self.down, strict=True))
        north = tuple(m - along * d for m, d in zip(field_gauss, self.down, strict=True))
        east = _cross(self.down, (north[0], north[1], north[2]))
        if math.hypot(*north) < 0.05 * strength:  # it points straight down
            return None
        return math.degrees(math.atan2(east[0], north[0])) % 360.0

    # --- the filter ---

    def _learn(self, force: Triple, turn_dps: Triple, mono_s: float) -> None:
        bias = self._rest.note(force, turn_dps, mono_s)
        if bias is not None:
            self._bias_dps, self.bias_learned = bias, True
        x, y, z = (rate - bias for rate, bias in zip(turn_dps, self._bias_dps, strict=True))
        self.turn_dps = (x, y, z)

    def _turn(self, down: Triple, turn_dps: Triple, passed_s: float) -> None:
        """What is fixed in the world turns the other way in the body (v' = v x omega)."""
        x, y, z = (math.radians(rate) * passed_s for rate in turn_dps)
        step = _cross(down, (x, y, z))
        self.down = _unit((down[0] + step[0], down[1] + step[1], down[2] + step[2]))
        self.error_deg = min(MOST_ERROR_DEG, self.error_deg + self.yaw_rate_error_dps * passed_s)

    def _pull(self, seen: Triple, felt: float, passed_s: float) -> None:
        down = self.down or seen
        unconfirmed_deg = math.degrees(math.acos(max(-1.0, min(1.0, _dot(down, seen)))))
        doubt_deg = math.hypot(NOISE_DEG, false_tilt_deg(felt), unconfirmed_deg)
        doubt_deg *= math.sqrt(max(1.0, TOGETHER_S / passed_s))
        gain = self.error_deg**2 / (self.error_deg**2 + doubt_deg**2)
        self.down = _unit(_toward(down, seen, gain))
        self.error_deg *= math.sqrt(1 - gain)

    def _level(self, seen: Triple, felt: float, passed_s: float) -> None:
        self.down = _unit(_toward(self.down or seen, seen, min(1.0, passed_s / LEVELLING_S)))
        self.error_deg = math.hypot(NO_GYRO_ERROR_DEG, false_tilt_deg(felt))


def false_tilt_deg(felt_mps2: float) -> float:
    """The tilt that a level acceleration fakes, by how much longer than gravity what is felt is.

    A tenth of a m/s² may be the chip's own error; an acceleration that hides in it is caught by the
    gyro, or not at all.
    """
    excess = max(0.0, abs(felt_mps2 - GRAVITY_MPS2) - 0.1)
    return math.degrees(math.atan(math.sqrt(2 * excess / GRAVITY_MPS2)))


def _dot(a: Triple, b: Triple) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Triple, b: Triple) -> Triple:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(a: Triple) -> Triple:
    length = math.hypot(*a)
    return (a[0] / length, a[1] / length, a[2] / length) if length > 0 else (0.0, 0.0, 1.0)


def _toward(old: Triple, new: Triple, share: float) -> Triple:
    x, y, z = (a + share * (b - a) for a, b in zip(old, new, strict=True))
    return (x, y, z)
