"""How tall somebody upright is, told from where his foot and his top are seen.

From a lens at height H, a foot seen at a drop q (tangent below the horizon) is H / q away; the top,
seen at a drop t, is t H / q below the lens. So he is S = H (1 - t / q) tall. The size prior that
helps to place him is not in it: it would only give back what was put in.
"""

import numpy as np
from numpy.typing import NDArray

from perception.place.geometry import Aim
from perception.place.ground import STEEPEST_PRIOR
from perception.place.sight import Sight

Floats = NDArray[np.float64]


def statures(seen: Sight, aim: Aim) -> tuple[Floats, Floats]:
    """(N,) metres and (N,) their errors at 1 sigma; nan where the box does not show a height.

    Errors of the first order: of the lens's height, of the tilt, of both edges of the box.
    """
    q, t, lens_m = seen.drop, seen.top_drop, aim.height_m
    usable = seen.whole & seen.sound & (q > 0) & (q > t) & (q < STEEPEST_PRIOR)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        tall_m = lens_m * (1 - t / q)
        foot_drop = (q**2)[:, None] * seen.foot_by_px[:, 0] * seen.foot_error_px
        top_drop = seen.top_drop_by_px[:, 1] * seen.foot_error_px[:, 1]
        variance = (
            (tall_m / lens_m * aim.height_error_m) ** 2
            + (lens_m * (t - q) * (1 - t * q) / q**2 * aim.tilt_error_rad) ** 2
            + (lens_m * t / q**2) ** 2 * (foot_drop**2).sum(axis=1)
            + (lens_m / q * top_drop) ** 2
        )
    return np.where(usable, tall_m, np.nan), np.where(usable, np.sqrt(variance), np.nan)
