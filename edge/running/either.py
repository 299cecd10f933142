"""An event that is set while one of two is."""

import threading

LOOK_EVERY_S = 0.2


class Either(threading.Event):
    """Waited for in short steps, since there are two."""

    def __init__(self, first: threading.Event, second: threading.Event) -> None:
        super().__init__()
        self._both = first, second

    def is_set(self) -> bool:
        return any(each.is_set() for each in self._both)

    def wait(self, timeout: float | None = None) -> bool:
        left_s = float("inf") if timeout is None else timeout
        first, second = self._both
        while not self.is_set() and left_s > 0:
            step_s = min(LOOK_EVERY_S, left_s)
            if first.wait(step_s) or second.is_set():
                break
            left_s -= step_s
        return self.is_set()
