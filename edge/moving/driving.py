"""Driving from afar, as a dead-man's handle: what is not said again in time stops."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.clock import Clock
from drivers.platforms.orders import Drive
from edge.body.carrier import Carrier

IDLE_S = 0.5
AGAIN_S = 0.2  # a carrier stops by itself when it hears nothing for half a second
REACT_S = 0.05  # what the stop itself takes on its way to the carrier, taken off the time
STILL = Drive()


@dataclass(slots=True)
class _Wish:
    carrier: Carrier
    drive: Drive
    until_mono_s: float
    next_mono_s: float


class Driving:
    """The guard's thread ticks; orders and the link come from any thread."""

    def __init__(
        self, clock: Clock, on_dead_man: Callable[[str, str], None], wake: Callable[[], None]
    ) -> None:
        """`on_dead_man`: told the carrier and why it was stopped, when nobody said stop.

        `wake`: has the guard tick again now.
        """
        self._clock = clock
        self._on_dead_man = on_dead_man
        self._wake = wake
        self._lock = threading.Lock()
        self._wish: _Wish | None = None
        self._link = True

    def want(self, carrier: Carrier, drive: Drive, for_s: float) -> bool:
        """Move like this for so long. False: the carrier has gone."""
        now_s = self._clock.mono_s()
        with self._lock:
            still = drive == STILL
            until_s = now_s + for_s - REACT_S
            self._wish = None if still else _Wish(carrier, drive, until_s, now_s + AGAIN_S)
            taken = carrier.requests.post(drive)
        self._wake()
        return taken

    def halt(self, why: str = "") -> None:
        """Stop now, if it moves. With a reason: nobody on the other side asked for it."""
        with self._lock:
            wish, self._wish = self._wish, None
            if wish is not None:
                wish.carrier.requests.post(STILL)
        if wish is not None and why:
            self._on_dead_man(wish.carrier.name, why)

    def link(self, up: bool) -> None:
        """Whether the hub can be heard."""
        lost, self._link = self._link and not up, up
        if lost:
            self.halt("the link to the hub is lost")

    def tick(self) -> float:
        """Say it again, or stop it. Returns the seconds until there is something to do."""
        with self._lock:
            wish, now_s = self._wish, self._clock.mono_s()
            if wish is None:
                return IDLE_S
            over, there = now_s >= wish.until_mono_s, True
            if not over and now_s >= wish.next_mono_s:
                wish.next_mono_s = now_s + AGAIN_S
                there = wish.carrier.requests.post(wish.drive)
        if over or not there:  # one that comes back does not drive on
            self.halt("the order to drive was not repeated in time" if over else "it went away")
            return IDLE_S
        return max(0.0, min(wish.next_mono_s, wish.until_mono_s) - now_s)
