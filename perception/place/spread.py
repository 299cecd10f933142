"""What a covariance says: the ellipse that holds the truth in 95 of 100 cases, and by how much it
must be wider where a range is known by its angle only."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHI2_95 = 5.991464547107979  # -2 ln 0.05: the 95 % point of chi-squared with two degrees of freedom
MOST_SKEW = 1 / 3  # a range whose 1 sigma is more than this share of it is no range


@dataclass(frozen=True, slots=True)
class Ellipse:
    """Half axes in metres, the longer one first, and where that one points."""

    major_m: float
    minor_m: float
    bearing_deg: float  # of the longer axis, 0 to 180 from north


def ellipse_of(covariance: Floats) -> Ellipse:
    """The 95 % ellipse of a (2, 2) covariance, east, north, m²."""
    (a, b), (_, c) = np.asarray(covariance, np.float64).tolist()
    mean, half = (a + c) / 2, math.hypot((a - c) / 2, b)
    major, minor = mean + half, max(mean - half, 0.0)
    bearing_deg = math.degrees(math.atan2(2 * b, c - a)) / 2  # from north towards east
    return Ellipse(
        math.sqrt(CHI2_95 * max(major, 0.0)), math.sqrt(CHI2_95 * minor), bearing_deg % 180.0
    )


def widening(skew: Floats) -> Floats:
    """(N,) how much longer the axis along the range must be, for the share `skew` (N,) that 1 sigma
    of the angle's error is of the angle, so that the ellipse still holds 95 of 100.

    A range by an angle errs evenly in 1 / range. One that comes out too short takes the error for
    too small, one too long for too large; at a fifth these no longer cancel.
    """
    at, wider = _widenings()
    return np.interp(skew, at, wider)


@functools.cache
def _widenings() -> tuple[Floats, Floats]:
    at = np.linspace(0.0, MOST_SKEW, 18)
    return at, np.array([_widening(skew) for skew in at.tolist()])


def _widening(skew: float) -> float:
    """By bisection: the share held grows with the width."""
    low, high = 0.8, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _held(middle, skew) >= 0.95 else (middle, high)
    return high


def _held(wider: float, skew: float) -> float:
    """The share of errors held, where the angle errs by x sigma: the range then by x in units of
    sigma as told, times 1 + skew x (see `widening`), and across by an even error of its own."""
    x = np.linspace(-min(6.0, 1 / skew if skew else 6.0), 6.0, 1201)
    left = CHI2_95 - (x * (1 + skew * x) / wider) ** 2
    across = np.sqrt(np.maximum(left, 0.0) / 2)
    share = np.array([math.erf(one) for one in across.tolist()])
    weight = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return float(np.sum(share * weight) * (x[1] - x[0]))
