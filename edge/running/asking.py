"""Asking a device that belongs to another thread: requests in, answers back."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from drivers.base import ActiveDriver, DriverError
from drivers.samples import Done

S = TypeVar("S")
R = TypeVar("R")

MOST_WAITING = 64
MEANWHILE_S = 0.5
GONE = "the device is not there"
CROWDED = "too much was asked of the device at once"


class Requests(Generic[R]):
    """What one device is asked for. Any thread asks; the device's own thread takes and settles.

    While the device is away, whatever is asked is refused at once: nothing waits for its return,
    since an order that comes late may do harm. Where too much waits, the oldest gives way: the
    newest may be the stop.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, R]] = deque()
        self._answers: dict[int, Done | None] = {}  # None: nobody has answered yet
        self._tokens = 0
        self._open = False

    # --- any thread ---

    @property
    def open(self) -> bool:
        return self._open

    def ask(self, request: R, within_s: float, meanwhile: Callable[[], None] | None = None) -> Done:
        """The device's answer; one that is not `ok` where it is away, or does not answer in time.

        What was not yet handed to the device by then never is. `meanwhile` is called now and then
        while it is waited for; what it raises ends the waiting.
        """
        token = self.begin(request)
        if token is None:
            return Done(token=0, ok=False, text=GONE)
        try:
            self._wait(token, within_s, meanwhile)
        finally:
            with self._changed:
                done = self._answers.pop(token)
                self._waiting = deque(each for each in self._waiting if each[0] != token)
        return done or Done(token=token, ok=False, text=f"no answer within {within_s:g} s")

    def _wait(self, token: int, within_s: float, meanwhile: Callable[[], None] | None) -> None:
        left_s, step_s = within_s, within_s if meanwhile is None else MEANWHILE_S
        while left_s > 0:
            with self._changed:
                if self._changed.wait_for(lambda: self._answers[token] is not None, step_s):
                    return
            left_s -= step_s
            if meanwhile is not None:
                meanwhile()

    def begin(self, request: R) -> int | None:
        """Ask, and look later: the token for `answer`. None where the device is away."""
        with self._changed:
            return self._put(request, answered=True)

    def answer(self, token: int, within_s: float = 0.0) -> Done | None:
        """The answer, once it has come within the time; it is given once."""
        with self._changed:
            self._changed.wait_for(lambda: self._answers.get(token) is not None, within_s)
            done = self._answers.get(token)
            if done is not None:
                del self._answers[token]
            return done

    def forget(self, token: int) -> None:
        """Nobody will look for this answer any more."""
        with self._changed:
            self._answers.pop(token, None)

    def post(self, request: R) -> bool:
        """Ask, and do not wait. False where the device is away."""
        with self._changed:
            return self._put(request, answered=False) is not None

    def _put(self, request: R, *, answered: bool) -> int | None:
        if not self._open:
            return None
        if len(self._waiting) >= MOST_WAITING:
            self._refuse(self._waiting.popleft()[0], CROWDED)
        self._tokens += 1
        self._waiting.append((self._tokens, request))
        if answered:
            self._answers[self._tokens] = None
        return self._tokens

    def _refuse(self, token: int, why: str) -> None:
        if token in self._answers and self._answers[token] is None:
            self._answers[token] = Done(token=token, ok=False, text=why)
            self._changed.notify_all()

    # --- the device's thread ---

    def opened(self) -> None:
        with self._changed:
            self._open = True

    def closed(self) -> None:
        """Whatever was asked and is not done never will be."""
        with self._changed:
            self._open = False
            self._waiting.clear()
            for token in self._answers:
                self._refuse(token, GONE)

    def take(self) -> list[tuple[int, R]]:
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def settle(self, done: Done) -> None:
        with self._changed:
            if done.token in self._answers:
                self._answers[done.token] = done
                self._changed.notify_all()


class Asked(Generic[S, R]):
    """A driver with its requests: as a plain `Driver` for the common loop."""

    def __init__(self, driver: ActiveDriver[S | Done, R], requests: Requests[R]) -> None:
        self._driver = driver
        self._requests = requests
        requests.opened()

    def read(self) -> S | None:
        for token, request in self._requests.take():
            try:
                self._driver.ask(token, request)
            except DriverError as error:
                self._requests.settle(Done(token=token, ok=False, text=str(error)))
                raise
        sample = self._driver.read()
        if isinstance(sample, Done):
            self._requests.settle(sample)
            return None
        return sample

    def close(self) -> None:
        self._requests.closed()
        self._driver.close()

    def counters(self) -> dict[str, int]:
        return self._driver.counters()
