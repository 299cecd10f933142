"""How the camera itself has moved between two pictures: from the pictures, or from two poses.

Corners of the earlier picture (Shi and Tomasi 1994), none of them on what is followed, are found
again in the later one (pyramidal Lucas-Kanade; Bouguet 2000), and a similarity, shift, turn and
zoom, is fitted to them by reweighted least squares with Tukey's biweight (Holland and Welsch 1977):
no random samples, so that the same pictures give the same answer. Where too few corners agree it
says nothing rather than something wrong.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.tracking.motion import Floats

SMALL_WIDTH_PX = 320  # of the picture that is looked at; a pixel of it is 4 of 720p
CORNERS = 120
CORNER_QUALITY = 0.01  # against the best corner of the picture
CORNER_DISTANCE_PX = 9
MASK_GROWN = 0.1  # a followed object's box is left out with such a share of its size around it
WINDOW_PX = 15  # of Lucas-Kanade; with 3 pyramid levels it finds shifts up to some 60 px
LEVELS = 3
THERE_AND_BACK_PX = 0.7  # a corner that does not find home is none
LEAST_CORNERS = 12
LEAST_SHARE = 0.5  # of the corners found again have to agree
LEAST_SPREAD = 0.08  # 1 sigma of where those lie, as a share of the picture's width
AGREE_PX = 1.5
LARGEST_ZOOM = 1.3
LARGEST_TURN_RAD = 0.35
STILL_PX = 0.15  # less than this anywhere is no motion but noise
TUKEY_WIDTHS_PX = (24.0, 12.0, 6.0, 3.0, 1.5, 1.5)  # from the first guess to the last word

Image = NDArray[np.uint8]
STANDING = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


class EgoMotion:
    """Compares each picture of one camera with the one before. One thread."""

    def __init__(self) -> None:
        self._before: Image | None = None  # small and grey
        self._size = (0, 0)

    def forget(self) -> None:
        """The next picture is compared with nothing."""
        self._before = None

    def remember(self, image: Image) -> None:
        """The next picture is compared with this one, which itself is compared with nothing."""
        if image.dtype != np.uint8 or image.ndim not in {2, 3} or min(image.shape) < 1:
            self._before = None
            return
        self._size = image.shape[1], image.shape[0]
        self._before = _small(image, _shrink(image.shape[1]))

    def measure(self, image: Image, followed: Floats) -> Floats | None:
        """(2, 3) maps pixels of the picture before to this one; None where that is unsure.

        `image` (H, W, 3) or (H, W) uint8; `followed` (N, 4) x1 y1 x2 y2, pixels: where things
        moved of themselves in the picture before. Exactly `STANDING` where nothing moved.
        """
        before, size = self._before, self._size
        self.remember(image)
        small = self._before
        if before is None or small is None or size != self._size:
            return None
        shrink = _shrink(size[0])
        corners = _corners(before, followed / shrink)
        old, new = _found_again(before, small, corners)
        warp = fit_similarity(old, new, small.shape[1])
        if warp is None:
            return None
        # From the small picture's pixels to those of the large one: centres lie at whole numbers.
        half = (shrink - 1) / 2
        offset = warp[:, 2] * shrink + half - warp[:, :2] @ np.array([half, half])
        scaled: Floats = np.column_stack([warp[:, :2], offset])
        return scaled


def turn_homography(before: Floats, after: Floats) -> Floats:
    """(3, 3) maps pixels of one picture to the next after a pure turn of the camera.

    `before`, `after` (3, 3): K R, from directions in the world to pixels (`Placer.projection`).
    Hartley and Zisserman, Multiple View Geometry, 2nd ed., 8.4.2. What the camera travelled between
    the two is not in it: near things move by more.
    """
    turned = after @ np.linalg.inv(before)
    homography: Floats = turned / turned[2, 2]
    return homography


def fit_similarity(old: Floats, new: Floats, width_px: float) -> Floats | None:
    """(2, 3) the similarity that takes the points old (N, 2) to new (N, 2); None if unsure."""
    if len(old) < LEAST_CORNERS:
        return None
    warp = STANDING.copy()
    warp[:, 2] = np.median(new - old, axis=0)
    for width in TUKEY_WIDTHS_PX:
        away = np.hypot(*(new - old @ warp[:, :2].T - warp[:, 2]).T)
        weight = np.maximum(1 - (away / (width + AGREE_PX)) ** 2, 0.0) ** 2
        if weight.sum() < LEAST_CORNERS / 4:
            return None
        warp = _weighted_similarity(old, new, weight)
    away = np.hypot(*(new - old @ warp[:, :2].T - warp[:, 2]).T)
    agree = away < AGREE_PX
    if agree.sum() < max(LEAST_CORNERS, LEAST_SHARE * len(old)):
        return None
    if np.hypot(*old[agree].std(axis=0)) < LEAST_SPREAD * width_px or not _credible(warp):
        return None
    moved = np.abs(old @ (warp[:, :2] - STANDING[:, :2]).T + warp[:, 2]).max()
    return warp if moved > STILL_PX else STANDING.copy()


def _weighted_similarity(old: Floats, new: Floats, weight: Floats) -> Floats:
    """Least squares: Umeyama 1991, in the plane, as one complex factor."""
    share = weight / weight.sum()
    middle, goal = share @ old, share @ new
    one = (old - middle) @ np.array([1, 1j])
    other = (new - goal) @ np.array([1, 1j])
    spread = float(share @ np.abs(one) ** 2)
    factor = complex((share * np.conj(one)) @ other) / max(spread, 1e-9)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    warp: Floats = np.column_stack([turn, goal - turn @ middle])
    return warp


def _credible(warp: Floats) -> bool:
    zoom = float(np.hypot(warp[0, 0], warp[1, 0]))
    turn_rad = abs(float(np.arctan2(warp[1, 0], warp[0, 0])))
    return 1 / LARGEST_ZOOM < zoom < LARGEST_ZOOM and turn_rad < LARGEST_TURN_RAD


def _shrink(width_px: int) -> float:
    return max(1.0, width_px / SMALL_WIDTH_PX)


def _small(image: Image, shrink: float) -> Image:
    size = max(1, round(image.shape[1] / shrink)), max(1, round(image.shape[0] / shrink))
    if image.ndim == 3:
        grey = image[:, :, 0] if image.shape[2] != 3 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = np.ascontiguousarray(grey, np.uint8)
    if shrink > 1:
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return image


def _corners(small: Image, followed: Floats) -> NDArray[np.float32]:
    """(N, 1, 2) float32, on the standing part of the picture."""
    mask = np.full(small.shape, 255, np.uint8)
    height, width = small.shape
    for x1, y1, x2, y2 in np.nan_to_num(followed).tolist():
        aside, above = MASK_GROWN * (x2 - x1), MASK_GROWN * (y2 - y1)
        left, right = (int(min(max(x, 0), width)) for x in (x1 - aside, x2 + aside + 1))
        top, bottom = (int(min(max(y, 0), height)) for y in (y1 - above, y2 + above + 1))
        mask[top:bottom, left:right] = 0
    found = cv2.goodFeaturesToTrack(
        small, CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, mask=mask, blockSize=3
    )
    if found is None:
        return np.zeros((0, 1, 2), np.float32)
    return np.asarray(found, np.float32).reshape(-1, 1, 2)


def _found_again(before: Image, now: Image, corners: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """(N, 2) where the corners were and (N, 2) are, of those that are found there and back."""
    if not len(corners):
        return np.zeros((0, 2)), np.zeros((0, 2))
    window = (WINDOW_PX, WINDOW_PX)
    there, seen, _ = cv2.calcOpticalFlowPyrLK(
        before, now, corners, np.empty_like(corners), winSize=window, maxLevel=LEVELS
    )
    back, home, _ = cv2.calcOpticalFlowPyrLK(
        now, before, there, np.empty_like(corners), winSize=window, maxLevel=LEVELS
    )
    old, new = corners.reshape(-1, 2).astype(np.float64), there.reshape(-1, 2).astype(np.float64)
    returned = np.hypot(*(back.reshape(-1, 2) - corners.reshape(-1, 2)).T) < THERE_AND_BACK_PX
    good = (seen.ravel() == 1) & (home.ravel() == 1) & returned & np.isfinite(new).all(axis=1)
    return old[good], new[good]
