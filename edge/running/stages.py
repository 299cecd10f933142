"""Several threads that are one worker: if one of them fails, the worker fails; if one hangs, the
worker hangs, and is seen to."""

import threading
from collections.abc import Callable, Mapping

from drivers.clock import Clock
from edge.running.worker import Beat

LOOK_EVERY_S = 0.25
MOVES_WITHIN_S = 2.0  # a stage that did not beat for so long holds back the worker's own beat
ENDS_WITHIN_S = 1.0  # once the worker is told to stop; what hangs longer is left behind

StageWork = Callable[[Beat, threading.Event], None]


class Stage:
    """One thread of several. `work(beat, stop)` returns soon after `stop` is set."""

    def __init__(self, name: str, work: StageWork, stop: threading.Event, clock: Clock) -> None:
        self.error: BaseException | None = None
        self.moved_mono_s = clock.mono_s()
        self._work = work
        self._stop = stop
        self._clock = clock
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def runs(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _beat(self) -> None:
        self.moved_mono_s = self._clock.mono_s()

    def _run(self) -> None:
        try:
            self._work(self._beat, self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again in the worker's own thread
            self.error = error


def run_stages(
    works: Mapping[str, StageWork],
    beat: Beat,
    stop: threading.Event,
    clock: Clock,
    tick: Callable[[], None] = lambda: None,
) -> bool:
    """Run all until `stop` is set or one raises; then end the others, and raise what it raised.

    `tick` is called every LOOK_EVERY_S meanwhile. Returns whether all have ended: with `stop` set,
    one that hangs is left behind. Without it there is nothing to be done but to wait, beating no
    more, until whoever watches the worker has enough of it.
    """
    halt = threading.Event()
    stages = [Stage(name, work, halt, clock) for name, work in works.items()]
    for stage in stages:
        stage.start()
    try:
        while all(stage.runs for stage in stages) and not stop.wait(LOOK_EVERY_S):
            if all(clock.mono_s() - stage.moved_mono_s < MOVES_WITHIN_S for stage in stages):
                beat()
            tick()
    finally:
        halt.set()
        ended = _await_end(stages, stop, clock)
    for stage in stages:
        if stage.error is not None:
            raise stage.error
    return ended


def _await_end(stages: list[Stage], stop: threading.Event, clock: Clock) -> bool:
    asked_mono_s: float | None = None
    while any(stage.runs for stage in stages):
        if stop.is_set():
            asked_mono_s = clock.mono_s() if asked_mono_s is None else asked_mono_s
            if clock.mono_s() - asked_mono_s > ENDS_WITHIN_S:
                return False
        for stage in stages:
            stage.join(0.02)
    return True
