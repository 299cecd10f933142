"""How boxes move: one small Kalman filter per coordinate, for all tracks at once.

A box is followed as centre and size (cx, cy, w, h), each with its velocity, driven by white noise
in the acceleration (Bar-Shalom, Estimation with Applications to Tracking and Navigation, 6.2.2).
The four coordinates do not know of each other, so every 2x2 filter is written out and runs over
arrays of shape (N, 4): no matrix is inverted and the cost hardly grows with N.

Time is in seconds and every noise is a share of the box's size, so that neither the frame rate nor
the distance of an object changes how it is followed.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Shares of the size. Chosen on MOT15 with Faster R-CNN boxes, whose noise is large; a prediction
# that turns too readily exchanges two people who pass each other.
MEASURED_SHARE = 0.1  # 1 sigma of a detected box
START_SPEED = 1.0  # 1 sigma of the first velocity, sizes per second: a walker, seen from the side
JERKINESS = np.array([0.3, 0.3, 0.1, 0.1])  # white acceleration noise, sizes per s^1.5
VELOCITY_KEPT_S = np.array([20.0, 20.0, 0.5, 0.5])  # velocities fade to 1/e in this time
LEAST_DEPTH = 0.1  # of a homography's third coordinate: less is behind or beside the camera
LEAST_SIZE_PX = 1.0  # a predicted box never shrinks below this


def centres(boxes: Floats) -> Floats:
    """(N, 4) x1 y1 x2 y2 as (N, 4) cx cy w h."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / 2, size], axis=1)


def corners(states: Floats) -> Floats:
    """(N, 4) cx cy w h as (N, 4) x1 y1 x2 y2."""
    half = states[:, 2:] / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1)


@dataclass(slots=True)
class BoxMotion:
    """Position and velocity of N boxes with their variances; each array is (N, 4) float64."""

    place: Floats  # cx cy w h, px
    speed: Floats  # their velocities, px/s
    place_var: Floats  # px²
    cross_var: Floats  # px²/s
    speed_var: Floats  # px²/s²

    @classmethod
    def none(cls) -> Self:
        return cls(*(np.zeros((0, 4)) for _ in range(5)))

    @classmethod
    def start(cls, boxes: Floats) -> Self:
        """New boxes, (N, 4) x1 y1 x2 y2, whose velocity is not known yet."""
        place = centres(boxes)
        size = _size(place)
        still = np.zeros_like(place)
        place_var = np.broadcast_to((MEASURED_SHARE * size) ** 2, place.shape).copy()
        speed_var = np.broadcast_to((START_SPEED * size) ** 2, place.shape).copy()
        return cls(place, still, place_var, still.copy(), speed_var)

    def __len__(self) -> int:
        return len(self.place)

    def boxes(self) -> Floats:
        """(N, 4) x1 y1 x2 y2, pixels."""
        return corners(self.place)

    def middle(self) -> Floats:
        """(2,) the mean of the boxes' middles, pixels; 0 without boxes."""
        middle: Floats = self.place[:, :2].mean(axis=0) if len(self) else np.zeros(2)
        return middle

    def spread(self) -> Floats:
        """(N,) 1 sigma of the centre, as a share of the box's size."""
        sigma: Floats = np.sqrt(self.place_var[:, :2].mean(axis=1)) / _size(self.place)[:, 0]
        return sigma

    def predict(self, dt_s: float) -> None:
        """Move all boxes on by dt_s seconds, 0 or more."""
        keep = np.exp(-dt_s / VELOCITY_KEPT_S)
        # With a fading velocity the way is v tau (1 - exp(-dt / tau)): at first v dt.
        way = VELOCITY_KEPT_S * (1 - keep)
        noise = (JERKINESS * _size(self.place)) ** 2
        self.place = self.place + way * self.speed
        self.place[:, 2:] = np.maximum(self.place[:, 2:], LEAST_SIZE_PX)
        self.place_var = (
            self.place_var
            + 2 * way * self.cross_var
            + way**2 * self.speed_var
            + noise * dt_s**3 / 3
        )
        self.cross_var = keep * (self.cross_var + way * self.speed_var) + noise * dt_s**2 / 2
        self.speed_var = keep**2 * self.speed_var + noise * dt_s
        self.speed = keep * self.speed

    def correct(self, rows: NDArray[np.int64], boxes: Floats) -> None:
        """Take in what was measured: boxes (M, 4) x1 y1 x2 y2 of the tracks `rows` (M,)."""
        measured = centres(boxes)
        place_var, cross_var = self.place_var[rows], self.cross_var[rows]
        noise = (MEASURED_SHARE * _size(measured)) ** 2
        gain_place = place_var / (place_var + noise)
        gain_speed = cross_var / (place_var + noise)
        off = measured - self.place[rows]
        self.place[rows] += gain_place * off
        self.speed[rows] += gain_speed * off
        self.place_var[rows] = (1 - gain_place) * place_var
        self.cross_var[rows] = (1 - gain_place) * cross_var
        self.speed_var[rows] -= gain_speed * cross_var

    def warp(self, warp: Floats) -> None:
        """Follow the camera's own motion: `warp` maps pixels of the last picture to this one, as
        an affine (2, 3) or a homography (3, 3), which is linear near each box's middle.

        A box that a homography takes behind the camera stays where it was.
        """
        full = np.vstack([warp, [0.0, 0.0, 1.0]]) if len(warp) == 2 else warp
        depth = self.place[:, :2] @ full[2, :2] + full[2, 2]
        ahead = depth > LEAST_DEPTH
        depth = np.where(ahead, depth, 1.0)[:, None]
        moved = (self.place[:, :2] @ full[:2, :2].T + full[:2, 2]) / depth
        # The derivative of the quotient: (N, 2, 2).
        turn = (full[None, :2, :2] - moved[:, :, None] * full[None, None, 2, :2]) / depth[:, None]
        turn[~ahead] = np.eye(2)
        scale = np.sqrt(np.abs(np.linalg.det(turn)))[:, None]
        self.place[:, :2] = np.where(ahead[:, None], moved, self.place[:, :2])
        self.speed[:, :2] = np.einsum("nij,nj->ni", turn, self.speed[:, :2])
        self.place[:, 2:] *= scale
        self.speed[:, 2:] *= scale
        for variance in (self.place_var, self.cross_var, self.speed_var):
            variance *= scale**2

    def shift(self, way: Floats) -> None:
        """Move all boxes by (2,) pixels, as after a turn of the camera."""
        self.place[:, :2] += way

    def some(self, rows: NDArray[np.int64]) -> Self:
        """A copy of the boxes `rows` (M,) alone."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drop all boxes where `rows` (N,) is False."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[rows])

    def append(self, other: Self) -> None:
        for name in self.__slots__:
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))


def _size(place: Floats) -> Floats:
    """(N, 1) mean of width and height, px: the yardstick for all noises."""
    size: Floats = np.maximum((place[:, 2:3] + place[:, 3:4]) / 2, LEAST_SIZE_PX)
    return size
