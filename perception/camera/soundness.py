"""Whether a camera's picture is of use at all: too dark, burnt out, hidden, or always the same.

For every camera, also where no rule watches it, so it costs little: one look a second, 1 ms at
720p. Measures are those of the rule `camera_state`, which looks more often and tells the hub within
seconds; this tells a technician what has stayed wrong.
"""

from collections.abc import Collection
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from perception.camera.evidence import FROZEN_SHARE, hidden
from perception.camera.reference import Average
from perception.camera.stillness import Stillness
from perception.camera.view import View, best_contrast

EVERY_S = 0.9  # between two looks: each picture of a camera that gives one a second
STANDS_S = 10.0  # a tunnel, a headlamp, a hand before the lens are over sooner
DARK_LEVEL = 12.0  # of 255, mean; a street at night under lamps has 20 to 40
BURNT_SHARE = 0.5  # of the picture is saturated; the sun in it saturates a tenth
BLANK = 0.004  # contrast of the best blocks; plain asphalt has 0.013, a painted lens 0.003 to 0.01
ADAPT_S = 60.0  # for what contrast is usual
FROZEN_OVER_S = 20.0  # smart codecs send a quiet street unchanged for ten
LOOKS_APART_S = 5.0  # at most, for two pictures to be compared


class Defect(StrEnum):
    """What can be wrong with a picture that came in time and whole."""

    DARK = "dark"
    BURNT_OUT = "burnt_out"
    COVERED = "covered"
    FROZEN = "frozen"


class PictureWatch:
    """One camera's pictures. One thread; `standing` may be asked by any."""

    def __init__(self, *, recorded: bool = False) -> None:
        """`recorded`: from a file, which may repeat itself."""
        self.view: View | None = None  # the newest, with its level and share of saturated pixels
        self.standing: Collection[Defect] = ()  # replaced whole
        self._recorded = recorded
        self._usual = Average(ADAPT_S)
        self._stillness = Stillness(FROZEN_OVER_S, LOOKS_APART_S)
        self._since_s: dict[Defect, float] = {}
        self._looked_s: float | None = None

    def due(self, mono_s: float) -> bool:
        """Whether it is time for a look. A stamp that lies back is looked at."""
        return self._looked_s is None or not 0 <= mono_s - self._looked_s < EVERY_S

    def look(self, image: NDArray[np.uint8], mono_s: float) -> None:
        """At a (H, W, 3) uint8 BGR picture; smaller than 2 x 2 it says nothing."""
        if min(image.shape[:2]) < 2:
            return
        self._looked_s = mono_s
        self.view = view = View.of(image)
        light, still = self._light(view), self._still(view, mono_s)
        found = {defect for defect in (light or still,) if defect}  # what is hidden stands still
        if found:
            self._usual.pause(mono_s)
        else:
            self._usual.learn(best_contrast(view), mono_s)
        self._since_s = {defect: self._since_s.get(defect, mono_s) for defect in sorted(found)}
        self.standing = tuple(
            defect for defect, since_s in self._since_s.items() if mono_s - since_s >= STANDS_S
        )

    @property
    def doubts(self) -> bool:
        """Whether something is wrong now that may pass."""
        return bool(self._since_s)

    def forget(self) -> None:
        """The camera is opened anew: what it usually shows still holds, the rest does not."""
        self._since_s, self.standing = {}, ()
        self._stillness = Stillness(FROZEN_OVER_S, LOOKS_APART_S)

    def _light(self, view: View) -> Defect | None:
        if view.bright >= BURNT_SHARE:
            return Defect.BURNT_OUT
        if view.level < DARK_LEVEL:
            return Defect.DARK
        if hidden(view, self._usual.value) >= 1.0 or best_contrast(view) < BLANK:
            return Defect.COVERED
        return None

    def _still(self, view: View, mono_s: float) -> Defect | None:
        repeated = self._stillness.update(view, mono_s)
        return Defect.FROZEN if repeated >= FROZEN_SHARE and not self._recorded else None
