"""The objects of one camera as they move over the ground: filters of position and velocity.

Constant velocity, disturbed by white acceleration (Bar-Shalom, Li and Kirubarajan, Estimation with
Applications to Tracking and Navigation, 2001, sec. 6.2.2), all objects at once. Only the part of an
error that each picture brings anew averages out here; what is the same in all pictures, the unit's
own position above all, is added again to what is told.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# What a sort of object does, 1 sigma: acceleration, m/s² over a second; speed when first seen, m/s.
MOTIONS = {"person": (0.8, 1.2), "bicycle": (1.5, 4.0)}
VEHICLE = (2.5, 7.0)
FRESH_GROWTH = 2.0  # pictures in a row are alike, and so are a detector's errors in them
LOOSE_SHARE = 0.1  # of the held variance by angles that is not held after all: gait, springs
GATE = 25.0  # squared: farther from the expected place than five sigma is an outlier
OUTLIERS_IN_A_ROW = 3  # this many, and the object is where they say
LONGEST_STEP_S = 5.0  # after a longer gap nothing is known of where it went

Identity = np.eye(2)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """N places of one picture; the rows of `usable` count. The covariances are as in `Grounded`."""

    points: Floats  # (N, 2) east, north
    fresh: Floats  # (N, 2, 2) m²
    loose: Floats  # (N, 2, 2) m²
    held: Floats  # (N, 2, 2) m²
    usable: Bools  # (N,)

    def noise(self) -> Floats:
        """(N, 2, 2) m², of what is new in each picture, in the filters' eyes."""
        noise = FRESH_GROWTH * self.fresh + LOOSE_SHARE * self.loose
        return np.where(self.usable[:, None, None], noise, Identity)


@dataclass(slots=True)
class Paths:
    """N filters: east, north, and velocities. The arrays are replaced, never written into."""

    ids: list[int] = field(default_factory=list)
    mono_s: float = 0.0
    state: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 4, 4)))
    known: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))  # has ever been placed
    strikes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    outliers: int = 0  # counted

    def update(self, mono_s: float, ids: list[int], labels: list[str], measured: Measured) -> None:
        """Go on to a picture. Who is not among `ids` any more is forgotten."""
        motions = np.array([MOTIONS.get(label, VEHICLE) for label in labels]).reshape(-1, 2)
        self._arrange(ids)
        step_s = mono_s - self.mono_s
        if not 0 <= step_s <= LONGEST_STEP_S:
            self.known = np.zeros(len(ids), np.bool_)
            step_s = 0.0
        self.mono_s = mono_s
        self._predict(step_s, motions[:, 0])
        usable, noise = measured.usable, measured.noise()
        begun = usable & ~self.known
        surprising = self._correct(measured, noise, usable & self.known)
        self.outliers += int(surprising.sum())
        self.strikes = np.where(surprising, self.strikes + 1, np.where(usable, 0, self.strikes))
        begun |= self.strikes >= OUTLIERS_IN_A_ROW
        self._begin(begun, measured.points, noise, motions[:, 1])

    def shift(self, east_m: float, north_m: float) -> None:
        """The same places from another origin."""
        self.state = self.state + np.array([east_m, north_m, 0.0, 0.0])

    def spread(self, fresh: Floats, seen: Bools) -> Floats:
        """(N, 2, 2) m², of the places, without what is held. The filters take errors for larger
        than they are, so as not to average out what does not; but no more is told of an object
        that is seen than its picture alone would say."""
        own = self.covariance[:, :2, :2]
        sizes = np.trace(own, axis1=1, axis2=2)
        most = np.where(seen, np.trace(fresh, axis1=1, axis2=2), np.inf)
        return np.asarray(own * np.minimum(1.0, most / np.maximum(sizes, 1e-12))[:, None, None])

    def _arrange(self, ids: list[int]) -> None:
        """The filters in the order of `ids`, new ones unknown."""
        if ids == self.ids:
            return
        at = {one: index for index, one in enumerate(self.ids)}
        rows = np.array([at.get(one, -1) for one in ids], np.int64)
        kept = rows >= 0
        state, covariance = np.zeros((len(ids), 4)), np.zeros((len(ids), 4, 4))
        known, strikes = np.zeros(len(ids), np.bool_), np.zeros(len(ids), np.int64)
        state[kept], covariance[kept] = self.state[rows[kept]], self.covariance[rows[kept]]
        known[kept], strikes[kept] = self.known[rows[kept]], self.strikes[rows[kept]]
        self.ids, self.state, self.covariance = list(ids), state, covariance
        self.known, self.strikes = known, strikes

    def _predict(self, step_s: float, acceleration: Floats) -> None:
        if step_s <= 0 or not len(self.ids):
            return
        move = np.eye(4)
        move[0, 2] = move[1, 3] = step_s
        # White noise acceleration of so much over a second: its density is the square of that.
        one = np.array([[step_s**3 / 3, step_s**2 / 2], [step_s**2 / 2, step_s]])
        noise = np.kron(one, Identity)
        self.state = self.state @ move.T
        self.covariance = move @ self.covariance @ move.T
        self.covariance += (acceleration**2)[:, None, None] * noise

    def _correct(self, measured: Measured, noise: Floats, which: Bools) -> Bools:
        """Take in what was measured; (N,) where it was too far off to be believed."""
        surprising = np.zeros(len(self.ids), np.bool_)
        rows = np.flatnonzero(which)
        if not len(rows):
            return surprising
        state, covariance = self.state[rows], self.covariance[rows]
        spread = covariance[:, :2, :2] + noise[rows]
        off = measured.points[rows] - state[:, :2]
        distance = np.einsum("ni,nij,nj->n", off, inverse(spread + measured.held[rows]), off)
        good = distance <= GATE
        surprising[rows[~good]] = True
        gain = covariance[:, :, :2] @ inverse(spread)
        new_state = state + np.einsum("nij,nj->ni", gain, off)
        new_covariance = covariance - gain @ covariance[:, :2, :]
        new_covariance = (new_covariance + new_covariance.transpose(0, 2, 1)) / 2
        self.state, self.covariance = self.state.copy(), self.covariance.copy()
        self.state[rows[good]] = new_state[good]
        self.covariance[rows[good]] = new_covariance[good]
        return surprising

    def _begin(self, which: Bools, points: Floats, noise: Floats, speed: Floats) -> None:
        if not which.any():
            return
        self.state, self.covariance = self.state.copy(), self.covariance.copy()
        self.state[which, :2], self.state[which, 2:] = points[which], 0.0
        fresh = np.zeros((int(which.sum()), 4, 4))
        fresh[:, :2, :2] = noise[which]
        fresh[:, 2:, 2:] = (speed[which] ** 2)[:, None, None] * Identity
        self.covariance[which] = fresh
        self.known = self.known | which
        self.strikes = np.where(which, 0, self.strikes)


def inverse(matrix: Floats) -> Floats:
    """(N, 2, 2) inverses of positive definite matrices."""
    a, b, c = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1]
    out = np.empty_like(matrix)
    out[:, 0, 0], out[:, 1, 1], out[:, 0, 1], out[:, 1, 0] = c, a, -b, -b
    return np.asarray(out / np.maximum(a * c - b * b, 1e-18)[:, None, None])
