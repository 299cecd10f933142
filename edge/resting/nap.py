"""Workers that rest while the unit sleeps: their devices are closed, and opened when it wakes."""

import threading

from drivers.clock import Clock
from edge.running.driver_loop import DriverHealth
from edge.running.either import Either
from edge.running.worker import Beat, WorkOf

LOOK_EVERY_S = 0.2


class Nap:
    """Any thread begins and ends it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._resting = threading.Event()
        self._naps = 0  # begun so far

    @property
    def resting(self) -> bool:
        return self._resting.is_set()

    def begin(self) -> None:
        self._naps += 1
        self._resting.set()

    def end(self) -> None:
        self._resting.clear()

    def rests(self, work: WorkOf, health: DriverHealth) -> WorkOf:
        """The same work, stopped while the unit sleeps and begun again after that."""

        def run(beat: Beat, stop: threading.Event) -> None:
            until = Either(stop, self._resting)
            while not stop.is_set():
                if self._resting.is_set():
                    health.resting = True
                    beat()
                    stop.wait(LOOK_EVERY_S)
                    continue
                if health.resting:  # it is given its time to speak again
                    health.resting, health.last_sample_mono_s = False, self._clock.mono_s()
                naps = self._naps
                work(beat, until)
                if naps == self._naps:
                    return  # it has ended by itself

        return run
