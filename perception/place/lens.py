"""From a pixel to the ray that it saw, and back: pinhole, Brown-Conrady, fisheye.

Camera axes are those of OpenCV: x to the right in the picture, y down, z along the line of sight.
Distortions are written as OpenCV 4's "Camera Calibration and 3D Reconstruction" and "Fisheye camera
model" write them; the inverse is found by Newton's method and checked, because both models fold
back on themselves outside the field that they were fitted to.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from config.cameras import LensConfig

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEPS = 12  # of Newton's method; 5 are enough where the lens is well described
MEASURED_ERROR = 0.005  # of a focal length by a calibration with a board, 1 sigma, as a share
STATED_ERROR = 0.03  # of one from a data sheet's angle of view
WIDEST_RAD = math.radians(110)  # no lens sees farther back
TANGENT_MOST = math.tan(math.radians(85))  # nor a flat picture farther aside
ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Focal lengths and optical axis in pixels of pictures of this size."""

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    model: Literal["brown", "fisheye"] = "brown"
    distortion: tuple[float, ...] = ()  # brown: k1 k2 p1 p2 k3; fisheye: k1 k2 k3 k4
    focal_error: float = MEASURED_ERROR  # share, 1 sigma
    reach: float = math.inf  # brown: radius, fisheye: angle, up to which the model is one to one

    @classmethod
    def of(cls, config: LensConfig, width_px: int, height_px: int) -> Self | None:
        """The lens for pictures of a size; None where theirs has another shape than the measured
        ones: which part of the sensor they show nobody knows then."""
        if config.horizontal_fov_deg is not None:
            lens = cls.of_fov(config, width_px, height_px)
        else:
            measured = cls(
                width_px=config.width_px or 0,
                height_px=config.height_px or 0,
                fx_px=config.fx_px or 0.0,
                fy_px=config.fy_px or 0.0,
                cx_px=config.cx_px or 0.0,
                cy_px=config.cy_px or 0.0,
                focal_error=config.focal_error or MEASURED_ERROR,
            )
            scaled = measured.scaled(width_px, height_px)
            if scaled is None:
                return None
            lens = scaled
        lens = replace(lens, model=config.model, distortion=_filled(config))
        return replace(lens, reach=lens.one_to_one())

    @classmethod
    def of_fov(cls, config: LensConfig, width_px: int, height_px: int) -> Self:
        """Square pixels, axis in the middle, from the angle between left and right border. A
        fisheye's angle grows with the radius (equidistant), a flat picture's tangent does."""
        half_rad = math.radians(config.horizontal_fov_deg or 60.0) / 2
        reach = half_rad if config.model == "fisheye" else math.tan(half_rad)
        focal_px = width_px / 2 / reach
        return cls(
            width_px=width_px,
            height_px=height_px,
            fx_px=focal_px,
            fy_px=focal_px,
            cx_px=(width_px - 1) / 2,
            cy_px=(height_px - 1) / 2,
            focal_error=config.focal_error or STATED_ERROR,
        )

    def matrix(self) -> Floats:
        """(3, 3) the camera matrix, pixels; without distortion."""
        return np.array(
            [[self.fx_px, 0.0, self.cx_px], [0.0, self.fy_px, self.cy_px], [0.0, 0.0, 1.0]]
        )

    def scaled(self, width_px: int, height_px: int) -> Self | None:
        """For the same pictures in another size; None if they are not of the same shape."""
        across, down = width_px / self.width_px, height_px / self.height_px
        if abs(across / down - 1) > ASPECT_TOLERANCE:
            return None
        return replace(
            self,
            width_px=width_px,
            height_px=height_px,
            fx_px=self.fx_px * across,
            fy_px=self.fy_px * down,
            cx_px=(self.cx_px + 0.5) * across - 0.5,  # a pixel's centre is at its whole number
            cy_px=(self.cy_px + 0.5) * down - 0.5,
        )

    def one_to_one(self) -> float:
        """Where the distorted radius stops to grow with the true one."""
        if self.model == "fisheye":
            at = np.linspace(0.0, WIDEST_RAD, 1000)
            slope = _fisheye(at, self.distortion)[1]
        else:
            at = np.linspace(0.0, TANGENT_MOST, 4000)
            slope = _radial_slope(at, self.distortion)
        folds = np.flatnonzero(slope <= 0)
        return float(at[folds[0]] if len(folds) else at[-1])

    def rays(self, pixels: Floats) -> tuple[Floats, Bools]:
        """(N, 2) pixels as (N, 3) unit vectors in camera axes, and (N,) whether each is sound."""
        flat = (pixels - (self.cx_px, self.cy_px)) / (self.fx_px, self.fy_px)
        if self.model == "fisheye":
            return _fisheye_rays(flat, self.distortion, self.reach)
        points, sound = _undistorted(flat, self.distortion, self.reach)
        rays = np.column_stack((points, np.ones(len(points))))
        return rays / np.linalg.norm(rays, axis=1, keepdims=True), sound

    def pixels(self, rays: Floats) -> tuple[Floats, Bools]:
        """(N, 3) vectors in camera axes as (N, 2) pixels, and (N,) whether the lens sees them."""
        if self.model == "fisheye":
            across = np.hypot(rays[:, 0], rays[:, 1])
            angle = np.arctan2(across, rays[:, 2])
            radius = _fisheye(angle, self.distortion)[0]
            flat = rays[:, :2] * (radius / np.maximum(across, 1e-12))[:, None]
            seen = angle < self.reach
        else:
            ahead = np.where(rays[:, 2] > 1e-9, rays[:, 2], np.nan)
            points = rays[:, :2] / ahead[:, None]
            flat = _distort(points, self.distortion)[0]
            seen = np.hypot(points[:, 0], points[:, 1]) < self.reach
        return flat * (self.fx_px, self.fy_px) + (self.cx_px, self.cy_px), seen


def _filled(config: LensConfig) -> tuple[float, ...]:
    """Coefficients with the last ones put in; () without distortion."""
    count = 4 if config.model == "fisheye" else 5
    given = config.distortion
    if config.model == "brown" and not any(given):
        return ()
    return (*given, *(0.0,) * (count - len(given)))


# --- Brown-Conrady (Brown, Photogrammetric Engineering 37(8), 1971) ------------------------------


def _distort(points: Floats, coefficients: tuple[float, ...]) -> tuple[Floats, Floats]:
    """(N, 2) ideal points as distorted ones, and (N, 2, 2) the derivative."""
    if not coefficients:
        return points, np.broadcast_to(np.eye(2), (len(points), 2, 2))
    k1, k2, p1, p2, k3 = coefficients
    x, y = points[:, 0], points[:, 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))  # of radial by r2, times 2
    out = np.empty_like(points)
    out[:, 0] = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    out[:, 1] = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    jacobian = np.empty((len(points), 2, 2))
    jacobian[:, 0, 0] = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x
    jacobian[:, 0, 1] = jacobian[:, 1, 0] = x * y * slope + 2 * p1 * x + 2 * p2 * y
    jacobian[:, 1, 1] = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    return out, jacobian


def _radial_slope(radius: Floats, coefficients: tuple[float, ...]) -> Floats:
    if not coefficients:
        return np.ones_like(radius)
    k1, k2, _, _, k3 = coefficients
    r2 = radius * radius
    return np.asarray(1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3)))


def _undistorted(
    flat: Floats, coefficients: tuple[float, ...], reach: float
) -> tuple[Floats, Bools]:
    """The ideal points that come out at `flat`. Newton's method from there on; what does not
    come out within 1e-6, or beyond `reach`, is not sound."""
    points = flat.astype(np.float64, copy=True)
    if coefficients:
        for _ in range(STEPS):
            out, jacobian = _distort(points, coefficients)
            points += _solved(jacobian, flat - out)
            radius = np.hypot(points[:, 0], points[:, 1])
            points *= np.minimum(1.0, reach / np.maximum(radius, 1e-12))[:, None]
        off = np.abs(_distort(points, coefficients)[0] - flat).max(axis=1, initial=0.0)
    else:
        off = np.zeros(len(points))
    return points, (off < 1e-6) & (np.hypot(points[:, 0], points[:, 1]) < reach)


def _solved(matrix: Floats, right: Floats) -> Floats:
    """(N, 2) the solutions of N systems of 2; 0 where there is none."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    det = a * d - b * c
    safe = np.where(np.abs(det) > 1e-9, det, np.inf)
    x = (d * right[:, 0] - b * right[:, 1]) / safe
    y = (a * right[:, 1] - c * right[:, 0]) / safe
    return np.column_stack((x, y))


# --- fisheye (Kannala and Brandt, PAMI 28(8), 2006) ----------------------------------------------


def _fisheye(angle: Floats, coefficients: tuple[float, ...]) -> tuple[Floats, Floats]:
    """The radius at an angle from the axis, and its slope."""
    k1, k2, k3, k4 = coefficients
    a2 = angle * angle
    radius = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
    slope = 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))
    return radius, slope


def _fisheye_rays(
    flat: Floats, coefficients: tuple[float, ...], reach: float
) -> tuple[Floats, Bools]:
    radius = np.hypot(flat[:, 0], flat[:, 1])
    angle = np.minimum(radius, reach)
    for _ in range(STEPS):
        out, slope = _fisheye(angle, coefficients)
        angle = np.clip(angle + (radius - out) / np.maximum(slope, 1e-3), 0.0, reach)
    sound = (np.abs(_fisheye(angle, coefficients)[0] - radius) < 1e-6) & (angle < reach)
    aside = np.sin(angle) / np.maximum(radius, 1e-12)
    aside = np.where(radius < 1e-9, 1.0, aside)
    return np.column_stack((flat * aside[:, None], np.cos(angle))), sound
