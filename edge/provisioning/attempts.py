"""How often one address may ask, and may be wrong: a token must not be found by trying."""

import threading
from collections import OrderedDict, deque

WINDOW_S = 600.0
WRONG_IN_WINDOW = 5
ASKED_PER_MINUTE = 30
MOST_ADDRESSES = 4096  # the one not heard of for longest is forgotten


class _Address:
    __slots__ = ("asked", "wrong")

    def __init__(self) -> None:
        self.asked: deque[float] = deque(maxlen=ASKED_PER_MINUTE)
        self.wrong: deque[float] = deque(maxlen=WRONG_IN_WINDOW)


class Attempts:
    """Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, _Address] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """0 where it may ask now, and has asked; else after how many seconds it may."""
        with self._lock:
            found = self._seen.setdefault(address, _Address())
            self._seen.move_to_end(address)
            while len(self._seen) > MOST_ADDRESSES:
                self._seen.popitem(last=False)
            waits = (
                _left(found.wrong, WINDOW_S, now_s),
                _left(found.asked, 60.0, now_s),
            )
            if max(waits) == 0:
                found.asked.append(now_s)
            return max(waits)

    def was_wrong(self, address: str, now_s: float) -> None:
        with self._lock:
            self._seen.setdefault(address, _Address()).wrong.append(now_s)


def _left(times: "deque[float]", window_s: float, now_s: float) -> float:
    if times.maxlen is None or len(times) < times.maxlen:
        return 0.0
    return max(0.0, times[0] + window_s - now_s)
