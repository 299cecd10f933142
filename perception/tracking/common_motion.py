"""The camera's own motion, told from what all objects do at once, where no picture is at hand.

Who walks, walks for himself; where everything in the picture is displaced together, the camera has
turned. The shift is looked for by votes: each pair of a track and a detection of like height
proposes one, and the proposal under which the most tracks meet a detection wins (as in a Hough
transform, Ballard 1981), with the distance of each pair cut off so that strays do not count (Huber,
Robust Statistics). It is believed only where it explains much more than standing still does.
"""

import math

import numpy as np

from perception.tracking.match import HEIGHT_SIGMA
from perception.tracking.motion import MEASURED_SHARE, BoxMotion, Floats, centres

# Gains are differences of log-likelihood, summed over the tracks.
GAIN_AT_REST = 7.0  # to believe that a camera moves which stood still: about 1 in 1000 by chance
GAIN_IN_MOTION = 2.0  # that it still moves
MOVING_S = 1.0  # it is taken to move on for so long after a shift
CUT = 4.0  # a track without a detection costs as much as one 2.8 sigma away
LEAST_TRACKS = 2
LEAST_SHARE = 0.5  # of the tracks have to agree
REACH_HEIGHTS = 2.0  # no shift is larger than so many heights of the boxes it moves
MOST_TRACKS = 16  # are asked, the longest seen
MOST_PROPOSALS = 150
SPEED_TAKEN = 0.5  # share of an unforeseen shift that is taken for a lasting speed
SPEED_KEPT_S = 2.0  # the camera's speed fades to 1/e in this time


class CommonMotion:
    """Shift and speed of one camera's picture, pixels."""

    def __init__(self) -> None:
        self._speed = np.zeros(2)  # px/s
        self._moved_s = -math.inf

    def drift(self, dt_s: float) -> Floats:
        """(2,) the shift to expect after dt_s seconds."""
        shift: Floats = self._speed * dt_s
        self._speed = self._speed * math.exp(-dt_s / SPEED_KEPT_S)
        return shift

    def measure(self, tracks: BoxMotion, boxes: Floats, mono_s: float, dt_s: float) -> Floats:
        """(2,) by how much the picture moved beyond what was expected; 0 where that is unsure.

        `tracks`: the predictions of what was seen lately; `boxes` (M, 4) x1 y1 x2 y2: the strong
        detections of the frame at mono_s, dt_s after the last.
        """
        moving = mono_s - self._moved_s <= MOVING_S
        shift = common_shift(tracks, boxes, GAIN_IN_MOTION if moving else GAIN_AT_REST)
        if shift is None or dt_s <= 0:
            return np.zeros(2)
        self._moved_s = mono_s
        self._speed = self._speed + SPEED_TAKEN * shift / dt_s
        return shift


def common_shift(tracks: BoxMotion, boxes: Floats, least_gain: float) -> Floats | None:
    """(2,) the shift, pixels, after which the tracks meet the boxes (M, 4); None if unsure."""
    if len(tracks) < LEAST_TRACKS or len(boxes) < LEAST_TRACKS:
        return None
    pairs = _Pairs(tracks, boxes)
    at_rest = pairs.cost(np.zeros((1, 2)))[0]
    if at_rest.sum() < least_gain:
        return None
    proposals = pairs.proposals()
    best = pairs.refined(proposals[int(pairs.cost(proposals).sum(axis=1).argmin())])
    moved = pairs.cost(best[None])[0]
    agreeing = int((moved < CUT).sum())
    sure = at_rest.sum() - moved.sum() >= least_gain
    enough = agreeing >= max(LEAST_TRACKS, LEAST_SHARE * len(moved))
    return best if sure and enough else None


class _Pairs:
    """Every track (N) with every detection (M) of one frame."""

    def __init__(self, tracks: BoxMotion, boxes: Floats) -> None:
        place = tracks.place[:MOST_TRACKS]
        found = centres(boxes)
        noise = MEASURED_SHARE * place[:, 2:].mean(axis=1)
        self.away = found[None, :, :2] - place[:, None, :2]  # (N, M, 2) px
        self.variance = tracks.place_var[:MOST_TRACKS, :2].mean(axis=1) + noise**2  # (N,) px²
        ratio = np.log(found[None, :, 3] / place[:, None, 3])
        self.unlike = (ratio / HEIGHT_SIGMA) ** 2  # (N, M)
        self.reach = REACH_HEIGHTS * place[:, 3]  # (N,) px

    def proposals(self) -> Floats:
        """(P, 2) shifts to try, the first one 0."""
        near = (self.unlike < 4) & (np.abs(self.away).max(axis=2) < self.reach[:, None])
        votes = self.away[near]
        step = max(1, math.ceil(len(votes) / MOST_PROPOSALS))
        return np.concatenate([np.zeros((1, 2)), votes[::step]])

    def cost(self, shifts: Floats) -> Floats:
        """(P, N) what each track costs after each of the shifts (P, 2): 0 is a perfect fit."""
        off = ((self.away[None] - shifts[:, None, None]) ** 2).sum(axis=3)
        fit = (off / self.variance[None, :, None] + self.unlike).min(axis=2, initial=2 * CUT)
        cost: Floats = fit / 2
        return cost

    def refined(self, shift: Floats) -> Floats:
        """The shift, moved to the weighted mean of the pairs that agree with it."""
        rows = np.arange(len(self.away))
        for _ in range(2):
            off = ((self.away - shift) ** 2).sum(axis=2) / self.variance[:, None] + self.unlike
            nearest = off.argmin(axis=1)
            fit = off[rows, nearest]
            weight = np.where(fit < 2 * CUT, np.exp(-fit / 4), 0.0) / self.variance
            if weight.sum() > 0:
                shift = (weight[:, None] * self.away[rows, nearest]).sum(axis=0) / weight.sum()
        return shift
