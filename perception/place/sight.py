"""Boxes in a picture as lines of sight: where foot and top of each are seen, and how a pixel more
or less would turn them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perception.place.geometry import Aim
from perception.place.lens import Lens

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# How far a detector's edges are off, 1 sigma. NanoDet-g on 254 persons of PETS09-S2L1 who stand
# apart: 0.037 of the height at the foot, 0.033 at the top, 0.14 of the width in the middle.
FOOT_SHARE = 0.035  # of the box's height, lower and upper edge
SIDE_SHARE = 0.14  # of its width, the middle
LEAST_PX = 1.0
CUT_SIDE_SHARE = 0.25  # of the width, where a side is beyond the picture's border
BORDER_SHARE = 0.005  # of the picture's side: an edge this near the border goes on beyond it
STEP_PX = 0.1  # for derivatives
MOST_TANGENT = 1e6  # straight down, as a tangent
FARTHEST_PX = 1e5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """N boxes as the world sees them. A drop is the tangent of the angle below the horizon."""

    foot: Floats  # (N, 2) the middle of the lower edge, pixels
    top: Floats  # (N, 2) of the upper edge
    along: Floats  # (N, 2) unit vectors east, north: away from the camera
    drop: Floats  # (N,) of the foot; not positive at the horizon and above
    foot_by_px: Floats  # (N, 2, 2) how the foot moves on a plane one metre below the lens, along
    # and to the right of it, by pixels across and down
    top_drop: Floats  # (N,)
    top_drop_by_px: Floats  # (N, 2) by pixels across and down
    foot_error_px: Floats  # (N, 2) 1 sigma, across and down
    sound: Bools  # (N,) the lens's description holds at the foot
    cut_off: Bools  # (N,) the foot is beyond the lower border
    whole: Bools  # (N,) neither foot nor top is beyond a border

    @property
    def side(self) -> Floats:
        """(N, 2) unit vectors to the right of `along`."""
        return np.column_stack((self.along[:, 1], -self.along[:, 0]))


def sight(boxes: Floats, lens: Lens, aim: Aim) -> Sight:
    """`boxes` (N, 4) x1 y1 x2 y2, pixels. One of no finite numbers has its foot nowhere."""
    boxes = np.where(np.abs(boxes).max(axis=1, keepdims=True) < FARTHEST_PX, boxes, np.inf)
    boxes = np.nan_to_num(boxes, posinf=-FARTHEST_PX)
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    foot = np.column_stack((middle, boxes[:, 3]))
    top = np.column_stack((middle, boxes[:, 1]))
    right, down = np.array([STEP_PX, 0.0]), np.array([0.0, STEP_PX])
    points = np.concatenate((foot, foot + right, foot + down, top, top + right, top + down))
    rays, sound = lens.rays(points)
    towards = (rays @ aim.rotation.T).reshape(6, len(boxes), 3)
    within: Bools = sound.reshape(6, len(boxes))
    level = np.hypot(towards[..., 0], towards[..., 1])
    drop = np.clip(-towards[..., 2] / np.maximum(level, 1e-12), -MOST_TANGENT, MOST_TANGENT)
    along, foot_by_px = _moves(towards[:3])
    inside = (middle >= 0) & (middle <= lens.width_px) & (boxes[:, 3] >= 0)
    cut_off = ~inside | (boxes[:, 3] >= lens.height_px * (1 - BORDER_SHARE))
    return Sight(
        foot=foot,
        top=top,
        along=along,
        drop=drop[0],
        foot_by_px=foot_by_px,
        top_drop=drop[3],
        top_drop_by_px=np.column_stack((drop[4] - drop[3], drop[5] - drop[3])) / STEP_PX,
        foot_error_px=_foot_error_px(boxes, lens),
        sound=np.asarray(within[:3].all(axis=0)),
        cut_off=cut_off,
        whole=~cut_off & (boxes[:, 1] > BORDER_SHARE * lens.height_px) & within.all(axis=0),
    )


def _moves(towards: Floats) -> tuple[Floats, Floats]:
    """(3, N, 3) rays through a foot, a pixel's part right of it and below it: `along` and
    `foot_by_px`. Straight down, any direction will do."""
    away = towards[0, :, :2]
    length = np.hypot(away[:, 0], away[:, 1])[:, None]
    along = np.where(length > 1e-9, away / np.maximum(length, 1e-12), (0.0, 1.0))
    up = towards[..., 2:]
    spots = towards[..., :2] / np.where(up < -1e-9, -up, 1e-9)
    steps = np.stack((spots[1] - spots[0], spots[2] - spots[0]), axis=1) / STEP_PX
    axes = np.stack((along, np.column_stack((along[:, 1], -along[:, 0]))), axis=1)
    return along, np.einsum("nai,nsi->nas", axes, steps)


def _foot_error_px(boxes: Floats, lens: Lens) -> Floats:
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    left, right = BORDER_SHARE * lens.width_px, (1 - BORDER_SHARE) * lens.width_px
    cut = (boxes[:, 0] <= left) | (boxes[:, 2] >= right)
    share = np.where(cut, CUT_SIDE_SHARE, SIDE_SHARE)
    return np.column_stack(
        (np.hypot(share * wide, LEAST_PX), np.hypot(FOOT_SHARE * tall, LEAST_PX))
    )
