"""Those who draw conclusions from looks, kept apart: who fails costs the others nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from drivers.clock import Clock
from drivers.samples import Frame
from edge.seeing.look import Ending, Glancer, Look, Observer
from perception.place.placed import Scene

STANDS_S = 60.0  # so long after the last failure it is a fault


@dataclass(frozen=True, slots=True)
class Failure:
    """What an observer raised last."""

    name: str
    error: str
    times: int  # since the start
    mono_s: float


class Onlookers:
    """The observers of a unit, in their order. `see`, `glance` and `end` are the perception
    thread's; `failing` is for anyone."""

    def __init__(self, observers: Sequence[Observer], clock: Clock) -> None:
        self._observers = tuple(observers)
        self._clock = clock
        self._times: Counter[str] = Counter()
        self._newest: dict[str, Failure] = {}  # by observer; replaced whole

    def see(self, look: Look) -> None:
        for one in self._observers:
            with self._guard(one):
                one.see(look)

    def glance(self, frame: Frame, scene: Callable[[], Scene]) -> None:
        """For those who watch pictures themselves; the scene is made where somebody does."""
        for one in self._observers:
            if isinstance(one, Glancer):
                with self._guard(one):
                    one.glance(frame, scene())

    def end(self, camera: str, reason: Ending) -> None:
        for one in self._observers:
            with self._guard(one):
                one.end(camera, reason, self._clock.mono_s())

    def failing(self, now_mono_s: float) -> list[Failure]:
        """Those that failed in the last minute."""
        return [each for each in self._newest.values() if now_mono_s - each.mono_s < STANDS_S]

    @contextmanager
    def _guard(self, one: Observer) -> Iterator[None]:
        """It is shown the next look all the same: what it has told to begin it can still end."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a bug in one must not end the alerts of all
            self._note(type(one).__name__, error)

    def _note(self, name: str, error: Exception) -> None:
        now_mono_s = self._clock.mono_s()
        if all(each.name != name for each in self.failing(now_mono_s)):
            structlog.get_logger().exception("observer_failed", observer=name)
        self._times[name] += 1
        text = f"{type(error).__name__}: {error}"
        newest = Failure(name, text, self._times[name], now_mono_s)
        self._newest = self._newest | {name: newest}
