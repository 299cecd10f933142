"""Pictures that go on coming and do not change: a frozen or looped stream, not a quiet street.

A sensor has noise, so two pictures of the same scene differ; two copies of one picture do not.
"""

import zlib
from collections import deque

import numpy as np

from perception.camera.view import View

WINDOW_S = 1.5  # it must be so for most of this long, before the time to hold begins
LONGEST_GAP_S = 2.0  # between looks, over which pictures can be compared
STILL_SHARE = 0.9
FEWEST_LOOKS = 5
REMEMBERED = 60  # digests: a loop that is shorter than so many looks is seen to repeat
USUAL_LOOKS = 300
SURE_LOOKS = 50  # before the usual noise counts as known
NOISE_MIN = 0.25  # grey levels; a codec that flattens noise below this leaves nothing to go by
QUIET_SHARE = 0.15  # of the usual noise: a picture that was frozen and coded again


class Stillness:
    """How much of the last seconds of one camera was repetition."""

    def __init__(self, window_s: float = WINDOW_S, longest_gap_s: float = LONGEST_GAP_S) -> None:
        self._window_s = window_s
        self._longest_gap_s = longest_gap_s
        self._last: View | None = None
        self._last_s = 0.0
        self._digests: deque[int] = deque(maxlen=REMEMBERED)
        self._usual: deque[float] = deque(maxlen=USUAL_LOOKS)  # change between looks, grey levels
        self._recent: deque[tuple[float, bool]] = deque()

    def update(self, view: View, mono_s: float) -> float:
        """The share of repeated pictures in the last window, 0..1; 0 while there are too few."""
        last, gap_s = self._last, mono_s - self._last_s
        self._last, self._last_s = view, mono_s
        digest = zlib.crc32(view.raw.tobytes())
        if last is None or not 0 < gap_s <= self._longest_gap_s:
            self._recent.clear()
            self._digests.append(digest)
            return 0.0
        change = float(np.abs(view.raw.astype(np.int16) - last.raw).mean())
        still = change == 0 or change < self._quiet() or digest in self._digests
        self._digests.append(digest)
        self._recent.append((mono_s, still))
        while mono_s - self._recent[0][0] > self._window_s:
            self._recent.popleft()
        if not still:
            self._usual.append(change)
        return self._share(mono_s)

    def _share(self, mono_s: float) -> float:
        spans = self._recent and mono_s - self._recent[0][0] >= self._window_s * 0.7
        if not spans or len(self._recent) < FEWEST_LOOKS:
            return 0.0
        return sum(still for _, still in self._recent) / len(self._recent)

    def _quiet(self) -> float:
        """Below this change, in grey levels, a picture counts as a copy."""
        if len(self._usual) < SURE_LOOKS:
            return 0.0
        noise = float(np.percentile(self._usual, 5))
        return QUIET_SHARE * noise if noise >= NOISE_MIN else 0.0
