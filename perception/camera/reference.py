"""What a standing camera usually shows, learnt slowly; dusk and fog are followed, a hand is not."""

import numpy as np

from perception.camera.view import Floats, View, likeness, soften

SAME = 0.5  # likeness from which a block shows what it usually shows
PULL = 12.0  # grey levels: one odd view moves the average by no more than its share of this
MEDIAN_STEP = 2.0
TINY = 1e-3
LEARN_S = 5.0  # of standing still before the view can be compared with anything


class Reference:
    """Exponential averages over `adapt_s` of view, contrast and brightness; at first, of all that
    was seen yet."""

    def __init__(self, adapt_s: float) -> None:
        self._adapt_s = adapt_s
        self._learnt_s = 0.0
        self._last_s: float | None = None
        self._small: Floats | None = None
        self._texture: Floats | None = None
        self._steady: Floats | None = None
        self.detail = 0.0
        self.level = 0.0
        self.bright = 0.0

    @property
    def known(self) -> bool:
        return self._learnt_s >= LEARN_S

    @property
    def small(self) -> Floats:
        """(HEIGHT, WIDTH). Only when something was learnt."""
        if self._small is None:
            raise RuntimeError("nothing was learnt yet")
        return self._small

    @property
    def texture(self) -> Floats:
        """(ROWS, COLUMNS). Only when something was learnt."""
        if self._texture is None:
            raise RuntimeError("nothing was learnt yet")
        return self._texture

    @property
    def steady(self) -> Floats:
        """(ROWS, COLUMNS): how often each block shows the same, 0..1: low where leaves, water or
        traffic move. Only when something was learnt."""
        if self._steady is None:
            raise RuntimeError("nothing was learnt yet")
        return self._steady

    def learn(self, view: View, mono_s: float) -> None:
        """One more ordinary view."""
        if self._small is None or self._texture is None or self._steady is None:
            self._small, self._texture = view.small.copy(), view.texture.copy()
            self._steady = np.ones_like(view.texture)
            self.detail, self.level, self.bright = view.detail, view.level, view.bright
            self._last_s = mono_s
            return
        passed_s = min(max(mono_s - (self._last_s or mono_s), 0.0), 1.0)
        self._last_s = mono_s
        self._learnt_s += passed_s
        share = np.float32(passed_s / min(self._adapt_s, max(self._learnt_s, passed_s, 1e-6)))
        same = (likeness(view.soft, soften(self._small)) >= SAME).astype(np.float32)
        self._steady += share * (same - self._steady)
        self._small += share * np.clip(view.small - self._small, -PULL, PULL)
        self._follow_texture(view.texture, share)
        self.detail += float(share) * (view.detail - self.detail)
        self.level += float(share) * (view.level - self.level)
        self.bright += float(share) * (view.bright - self.bright)

    def _follow_texture(self, texture: Floats, share: np.float32) -> None:
        """A running median, in steps of a share of itself: cars that drive through a block for less
        than half of the time leave no trace in it."""
        step = np.float32(min(1.0, MEDIAN_STEP * float(share)))
        ratio = (texture + TINY) / (self.texture + TINY)
        self._texture = self.texture * np.exp(np.clip(np.log(ratio), -step, step))

    def pause(self, mono_s: float) -> None:
        """Time passes, and nothing is learnt from it."""
        if self._last_s is not None:
            self._last_s = mono_s


class Average:
    """An exponential average over time; at first, of all that was seen yet."""

    def __init__(self, over_s: float) -> None:
        self.value = 0.0
        self._over_s = over_s
        self._age_s = 0.0
        self._last_s: float | None = None

    def learn(self, value: float, mono_s: float) -> None:
        if self._last_s is None:
            self.value, self._last_s = value, mono_s
            return
        passed_s = min(max(mono_s - self._last_s, 0.0), 1.0)
        self._last_s, self._age_s = mono_s, self._age_s + passed_s
        if passed_s > 0:
            self.value += passed_s / min(self._over_s, self._age_s) * (value - self.value)

    def pause(self, mono_s: float) -> None:
        """Time passes, and nothing is learnt from it."""
        if self._last_s is not None:
            self._last_s = mono_s
