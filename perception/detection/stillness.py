"""Whether anything moves before a camera that stands: a small grey picture against the one before.

For parked units only: a camera that moves sees everything move.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from perception.detection.preprocess import Window

Grey = NDArray[np.float32]

SIDE_PX = 160  # the longer side of the small picture: a person of 20 x 50 px in 720p is 2.5 x 6
LEAST_STEP = 8.0  # grey levels: a difference is seen from here on, and
LEAST_NOISES = 6.0  # from so many times the noise on
CELLS = 3  # so many points next to each other must differ
SETTLE_S = 2.0  # what stands for some of these belongs to the scene, as does what it leaves bare
MOVING_S = 30.0  # what moves changes the scene little: no trail stays behind it
SAMPLE = 3  # medians are taken of every third point of every third row
MAD_TO_SIGMA = 1.4826  # of normally distributed noise (Hampel 1974)


class Stillness:
    """The scene of one camera as it was. Pure: stamps come from the pictures."""

    def __init__(self) -> None:
        self._scene: Grey | None = None
        self._last: Grey | None = None  # the picture before, in the scene's light
        self._mono_s = 0.0

    def forget(self) -> None:
        """The camera has moved: what comes next is a new scene."""
        self._scene = None

    def moved(self, image: NDArray[np.uint8], mono_s: float, window: Window | None = None) -> bool:
        """Whether something in a (H, W, 3) uint8 picture, or its window, differs from the scene.

        True for the first picture. A change of light or exposure, which changes all of the picture
        by a factor and an offset, is no movement. 0.7 ms for 720p.
        """
        now = _small(image, window)
        if self._scene is None or self._last is None or self._scene.shape != now.shape:
            self._scene, self._last, self._mono_s = now.copy(), now, mono_s
            return True
        now = _in_the_light_of(self._scene, now)
        away = np.abs(now - self._scene)
        noise = MAD_TO_SIGMA * float(np.median(away[::SAMPLE, ::SAMPLE]))
        enough = max(LEAST_STEP, LEAST_NOISES * noise)
        differs = away > enough
        self._learn(now, np.abs(now - self._last) > enough, mono_s)
        # A 3 x 3 mean of ones and zeros is the number of points that differ around each, by nine.
        around = cv2.boxFilter(differs.view(np.uint8), cv2.CV_32F, (3, 3), normalize=False)
        return bool(around.max() >= CELLS)

    def _learn(self, now: Grey, moves: NDArray[np.bool_], mono_s: float) -> None:
        scene, dt_s = self._scene, max(0.0, mono_s - self._mono_s)
        self._last, self._mono_s = now, mono_s
        settles, moving = (1 - math.exp(-dt_s / tau_s) for tau_s in (SETTLE_S, MOVING_S))
        if scene is not None:
            scene += (now - scene) * np.where(moves, np.float32(moving), np.float32(settles))


def _small(image: NDArray[np.uint8], window: Window | None) -> Grey:
    left, top, right, bottom = window or (0, 0, image.shape[1], image.shape[0])
    part = image[top:bottom, left:right]
    scale = SIDE_PX / max(part.shape[:2])
    width, height = (
        max(1, round(side * min(1.0, scale))) for side in (part.shape[1], part.shape[0])
    )
    # Means over the area: the noise of 64 points of 720p becomes an eighth.
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)


def _in_the_light_of(scene: Grey, now: Grey) -> Grey:
    """`now` as it would be under the scene's light: the medians and mean deviations are made equal,
    which somebody who enters changes little."""
    was, seen = scene[::SAMPLE, ::SAMPLE], now[::SAMPLE, ::SAMPLE]
    middle_was, middle_seen = float(np.median(was)), float(np.median(seen))
    spread_was = float(np.median(np.abs(was - middle_was)))
    spread_seen = float(np.median(np.abs(seen - middle_seen)))
    gain = spread_was / spread_seen if min(spread_was, spread_seen) > 1 else 1.0
    lit: Grey = (now - np.float32(middle_seen)) * np.float32(gain) + np.float32(middle_was)
    return lit
