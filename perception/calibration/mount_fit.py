"""Height, pitch, roll and, where bearings are known, yaw of a camera, from upright things of known
height: a person, a mast, a wall's edge; with their distances where these were measured.

Least squares by Levenberg and Marquardt (Marquardt, SIAM J. Appl. Math. 11(2), 1963), on pixels. An
object whose distance is not known stands where the ray through its foot meets the ground.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from config.cameras import MountConfig
from perception.calibration.lens_fit import CalibrationError
from perception.place.geometry import CAMERA_TO_BODY, NED_TO_ENU, turned
from perception.place.lens import Lens

Floats = NDArray[np.float64]

ROUNDS = 100
STEP = 1e-5
GOOD_ENOUGH = 1e-10
START_HEIGHTS_M = (0.6, 1.5, 3.0, 8.0)
START_PITCHES_DEG = (0.0, -15.0, -40.0)
LEAST_HEIGHT_M = 0.05
FAR_PX = 1e4  # told where a thing would not be in the picture at all
ENOUGH_DEG, ENOUGH_SHARE = 0.5, 0.05
MISFIT = 3.0  # sigmas: a sighting that fits so badly is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An upright thing on the ground, as it is in the picture."""

    name: str
    foot_px: tuple[float, float]
    top_px: tuple[float, float]
    height_m: float
    distance_m: float | None = None  # on the ground, from below the lens to the foot
    bearing_deg: float | None = None  # of the foot from there, clockwise from the bow
    error_px: float = 2.0  # of each mark, 1 sigma


@dataclass(frozen=True, slots=True, kw_only=True)
class MountFit:
    """How the camera sits, with errors at 1 sigma."""

    height_m: float
    pitch_deg: float
    roll_deg: float
    yaw_deg: float | None  # None: no bearing told it
    height_error_m: float
    angle_error_deg: float  # the largest of the angles'
    rms_px: float
    residuals_px: dict[str, float]  # of each sighting
    sigmas: dict[str, float]  # the same in its own errors

    def warnings(self) -> list[str]:
        """What is weak in it, each with its cure."""
        found = []
        if self.angle_error_deg > ENOUGH_DEG:
            found.append(
                f"the angles are known to {self.angle_error_deg:.1f} degrees only → more "
                "sightings, some near and some far, with distances"
            )
        if self.height_error_m > ENOUGH_SHARE * self.height_m:
            found.append(
                f"the height is known to {self.height_error_m:.2f} m only → measure it, or add "
                "sightings with distances"
            )
        return found + [
            f"{name} is {self.residuals_px[name]:.0f} px off → mark or measure it again"
            for name, sigmas in self.sigmas.items()
            if sigmas > MISFIT
        ]

    def mount(self, old: MountConfig | None) -> MountConfig:
        """As configuration; what was not measured stays as it was."""
        was = old or MountConfig(height_m=self.height_m, pitch_deg=self.pitch_deg)
        yaw_deg = was.yaw_deg if self.yaw_deg is None else self.yaw_deg
        return was.model_copy(
            update={
                "height_m": round(self.height_m, 3),
                "pitch_deg": round(self.pitch_deg, 2),
                "roll_deg": round(self.roll_deg, 2),
                "yaw_deg": round(yaw_deg, 2),
                "error_deg": round(max(self.angle_error_deg, 0.1), 2),
                "height_error_m": round(max(self.height_error_m, 0.01), 3),
            }
        )


def fit_mount(sightings: Sequence[Sighting], lens: Lens, height_m: float | None = None) -> MountFit:
    """`height_m`: the lens's, where it was measured. Raises CalibrationError."""
    bearings = any(one.bearing_deg is not None for one in sightings)
    problem = _Problem(tuple(sightings), _Table.of(sightings, lens), lens, height_m, bearings)
    known = sum(2 + (one.distance_m is not None) + (one.bearing_deg is not None)
                for one in sightings)  # fmt: skip
    if len(sightings) < 2 or known <= problem.count:
        raise CalibrationError(
            f"{len(sightings)} sightings do not tell {problem.count} numbers",
            "add sightings, at different distances, and measure those",
        )
    best = min((problem.solve(start) for start in problem.starts()), key=lambda one: one[1])
    return problem.told(best[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The sightings as arrays; nan where nothing was measured."""

    rays: Floats  # (N, 3) through the feet, camera axes
    marks: Floats  # (2 N, 2) feet, then tops
    errors_px: Floats  # (2 N, 1)
    heights_m: Floats  # (N,)
    distances_m: Floats  # (N,)
    bearings_rad: Floats  # (N,)

    @classmethod
    def of(cls, sightings: Sequence[Sighting], lens: Lens) -> "_Table":
        def numbers(values: list[float | None]) -> Floats:
            return np.array([math.nan if one is None else one for one in values], np.float64)

        feet = np.array([one.foot_px for one in sightings], np.float64).reshape(-1, 2)
        tops = np.array([one.top_px for one in sightings], np.float64).reshape(-1, 2)
        errors = numbers([one.error_px for one in sightings])
        return cls(
            rays=lens.rays(feet)[0],
            marks=np.concatenate((feet, tops)),
            errors_px=np.concatenate((errors, errors))[:, None],
            heights_m=numbers([one.height_m for one in sightings]),
            distances_m=numbers([one.distance_m for one in sightings]),
            bearings_rad=np.radians(numbers([one.bearing_deg for one in sightings])),
        )


@dataclass(frozen=True, slots=True)
class _Problem:
    """Parameters: pitch and roll in radians; the logarithm of the height; yaw in radians."""

    sightings: tuple[Sighting, ...]
    table: _Table
    lens: Lens
    height_m: float | None
    bearings: bool

    @property
    def count(self) -> int:
        return 2 + (self.height_m is None) + self.bearings

    def starts(self) -> list[Floats]:
        heights = START_HEIGHTS_M if self.height_m is None else (self.height_m,)
        rest = [[math.log(height)] if self.height_m is None else [] for height in heights]
        yaw = [0.0] if self.bearings else []
        return [
            np.array([math.radians(pitch), 0.0, *one, *yaw])
            for pitch in START_PITCHES_DEG
            for one in rest
        ]

    def unpacked(self, x: Floats) -> tuple[float, float, float, float]:
        """Yaw, pitch, roll in degrees, height in metres."""
        height_m = math.exp(min(x[2], 7.0)) if self.height_m is None else self.height_m
        yaw = float(x[-1]) if self.bearings else 0.0
        return math.degrees(yaw), math.degrees(x[0]), math.degrees(x[1]), float(height_m)

    def residuals(self, x: Floats) -> Floats:
        """All marks' misfits, in their own sigmas: foot across and down, top across and down."""
        yaw, pitch, roll, height_m = self.unpacked(x)
        rotation = NED_TO_ENU @ turned(yaw, pitch, roll) @ CAMERA_TO_BODY
        feet = self._feet(rotation, height_m)
        tops = feet + np.column_stack((np.zeros((len(feet), 2)), self.table.heights_m))
        pixels, seen = self.lens.pixels(np.concatenate((feet, tops)) @ rotation)
        off = np.where(seen[:, None], pixels - self.table.marks, FAR_PX) / self.table.errors_px
        sound = np.nan_to_num(off, nan=FAR_PX, posinf=FAR_PX, neginf=-FAR_PX)
        return np.asarray(np.hstack(np.split(sound, 2)).ravel(), np.float64)

    def _feet(self, rotation: Floats, height_m: float) -> Floats:
        """(N, 3) where they stand, from the lens: measured, or on the rays through their feet."""
        rays = self.table.rays @ rotation.T
        level = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
        on_ray = height_m * level / np.maximum(-rays[:, 2], 1e-4)
        away_m = np.where(np.isnan(self.table.distances_m), on_ray, self.table.distances_m)
        known = ~np.isnan(self.table.bearings_rad)[:, None]
        bearings = np.nan_to_num(self.table.bearings_rad)
        told = np.column_stack((np.sin(bearings), np.cos(bearings)))
        level_m = np.where(known, told, rays[:, :2] / level[:, None]) * away_m[:, None]
        return np.column_stack((level_m, np.full(len(level_m), -height_m)))

    def jacobian(self, x: Floats) -> Floats:
        steps = STEP * np.eye(len(x))
        both = [(self.residuals(x + step), self.residuals(x - step)) for step in steps]
        return np.column_stack([(more - less) / (2 * STEP) for more, less in both])

    def solve(self, x: Floats) -> tuple[Floats, float]:
        """The nearest best fit, and what is left, squared."""
        damping, left = 1e-2, float((self.residuals(x) ** 2).sum())
        for _ in range(ROUNDS):
            slopes, off = self.jacobian(x), self.residuals(x)
            square = slopes.T @ slopes
            step = np.linalg.lstsq(
                square + damping * np.diag(np.diag(square) + 1e-9), -slopes.T @ off, rcond=None
            )[0]
            after = float((self.residuals(x + step) ** 2).sum())
            if after < left:
                done = left - after < GOOD_ENOUGH * left
                x, left, damping = x + step, after, damping / 5
                if done:
                    break
            elif damping > 1e8:
                break
            else:
                damping *= 5
        return x, left

    def told(self, x: Floats) -> MountFit:
        """Raises CalibrationError where the sightings leave something open."""
        slopes, off = self.jacobian(x), self.residuals(x)
        square = slopes.T @ slopes
        yaw, pitch, roll, height_m = self.unpacked(x)
        if np.linalg.cond(square) > 1e12 or height_m < LEAST_HEIGHT_M:
            raise CalibrationError(
                "the sightings leave height and angles open",
                "add some at other distances, left and right in the picture",
            )
        # A fit that is worse than its marks should be is no better known than it fits.
        spare = max(len(off) - len(x), 1)
        scale = max(1.0, float((off**2).sum()) / spare)
        errors = np.sqrt(np.diag(np.linalg.inv(square)) * scale)
        angles = [errors[0], errors[1], *([errors[-1]] if self.bearings else [])]
        rows = np.sqrt((off.reshape(len(self.sightings), 4) ** 2).mean(axis=1))
        sigmas = {one.name: float(row) for one, row in zip(self.sightings, rows, strict=True)}
        pixels = {one.name: sigmas[one.name] * one.error_px for one in self.sightings}
        return MountFit(
            height_m=height_m,
            pitch_deg=pitch,
            roll_deg=roll,
            yaw_deg=yaw if self.bearings else None,
            height_error_m=float(errors[2]) * height_m if self.height_m is None else 0.01,
            angle_error_deg=math.degrees(max(float(angle) for angle in angles)),
            rms_px=math.sqrt(float(np.mean(np.square(list(pixels.values()))))),
            residuals_px=pixels,
            sigmas=sigmas,
        )


def of_person(box: tuple[float, float, float, float], shot: Sighting) -> Sighting:
    """A sighting with the marks of a detected box. Its edges err by a share of its height."""
    middle = (box[0] + box[2]) / 2
    error_px = max(0.035 * (box[3] - box[1]), 1.0)
    return replace(shot, foot_px=(middle, box[3]), top_px=(middle, box[1]), error_px=error_px)
