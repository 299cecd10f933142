"""Which pictures of a parked unit are worth the model's time.

A person who stands still must not get lost: whoever is followed is looked at often enough for the
tracker to hold on, whoever is not yet sure or was just missed is looked at as if the unit drove,
and without anything moving there is a look now and then all the same.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from config.devices import CameraSource
from config.perception import ParkedConfig
from edge.seeing.look import Look
from perception.detection.preprocess import Window
from perception.detection.stillness import Stillness

SETTLED_S = 2.0  # parked for so long before the gate may shut: a stop at a light is none
LOOKS_WHILE_KEPT = 4  # in the time after which the tracker gives up whoever is not seen


class Gate:
    """One camera's gate. `opens` is for the thread that prepares, `saw` for the one that concludes:
    each writes fields of its own."""

    def __init__(
        self,
        config: ParkedConfig,
        source: CameraSource,
        lost_after_s: float,
        parked: Callable[[], bool],
    ) -> None:
        self._config = config
        self._source = source
        self._parked = parked
        self._keep_every_s = min(config.look_every_s, lost_after_s / LOOKS_WHILE_KEPT)
        self._stillness = Stillness()
        self._parked_since_s: float | None = None
        self._looked_s = float("-inf")
        self._moved_s = float("-inf")
        self._unsure_s = float("-inf")
        self._followed = False

    def stands(self, mono_s: float) -> bool:
        """Whether the camera has stood still for long enough."""
        if not (self._source.fixed or self._parked()):
            self._parked_since_s = None
            return False
        if self._parked_since_s is None:
            self._parked_since_s = mono_s
        return self._source.fixed or mono_s - self._parked_since_s >= SETTLED_S

    def window(self, width_px: int, height_px: int) -> Window | None:
        """The part of the picture that matters while the unit is parked; None: all of it."""
        if self._source.region is None:
            return None
        x1, y1, x2, y2 = self._source.region
        left, top = int(x1 * width_px), int(y1 * height_px)
        right, bottom = round(x2 * width_px), round(y2 * height_px)
        return left, top, max(right, left + 1), max(bottom, top + 1)

    def opens(self, image: NDArray[np.uint8], mono_s: float, window: Window | None) -> bool:
        """Whether to look at this picture of a camera that stands."""
        if not self._config.gate:
            return True
        if self._stillness.moved(image, mono_s, window):
            self._moved_s = mono_s
        every_s = self._keep_every_s if self._followed else self._config.look_every_s
        lively_s = max(self._moved_s, self._unsure_s)
        if mono_s - lively_s > self._config.hold_s and mono_s - self._looked_s < every_s:
            return False
        self._looked_s = mono_s
        return True

    def passes(self) -> None:
        """The unit moves: everything is looked at, and the scene is another one."""
        self._stillness.forget()

    def saw(self, look: Look, sure_from: float) -> None:
        """Take note of a look: `sure_from` is the score of a detection that counts by itself."""
        self._followed = bool(look.tracks)
        seen = sum(track.seen for track in look.tracks)
        strong = int((look.found.scores >= sure_from).sum())
        if strong > seen or seen < len(look.tracks):
            self._unsure_s = look.frame.mono_s
