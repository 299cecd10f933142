"""Lines that several devices share: one RS-485 bus with eight relays, and a camera's mount on it.

Each device has its own thread; whoever transacts on the line holds it alone meanwhile. When one
finds that the line has gone, it has gone for all, and the next to open it opens it anew.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from config.language import tell
from drivers.base import DeviceLostError


class Closable(Protocol):
    def close(self) -> object: ...


L = TypeVar("L", bound=Closable)


@dataclass(slots=True)
class _Line:
    item: Any
    users: int = 0
    gone: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Lease(Generic[L]):
    """One device's share of a line."""

    def __init__(self, lines: "SharedLines", key: str, line: _Line) -> None:
        self._lines = lines
        self._key = key
        self._line = line
        self._returned = False

    @contextmanager
    def use(self) -> Iterator[L]:
        """The line, for this device alone. Raises DeviceLostError, and so does what is done with
        it: then it is closed for all."""
        with self._line.lock:
            if self._line.gone:
                raise DeviceLostError(tell("{name} has gone", name=self._key))
            try:
                yield self._line.item
            except DeviceLostError:
                self._lines.lost(self._key, self._line)
                raise

    def close(self) -> None:
        if not self._returned:
            self._returned = True
            self._lines.back(self._key, self._line)


class SharedLines:
    """All shared lines of this process, by what opens them. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def lease(self, key: str, open_line: Callable[[], L]) -> Lease[L]:
        """`key`: the port. Raises what `open_line` raises."""
        with self._lock:
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = _Line(open_line())
            line.users += 1
            return Lease(self, key, line)

    def lost(self, key: str, line: _Line) -> None:
        """By whoever holds it."""
        line.gone = True
        line.item.close()
        with self._lock:
            if self._lines.get(key) is line:
                del self._lines[key]

    def back(self, key: str, line: _Line) -> None:
        with self._lock:
            line.users -= 1
            if line.users == 0 and not line.gone:
                line.gone = True
                line.item.close()
                if self._lines.get(key) is line:
                    del self._lines[key]


LINES = SharedLines()  # of this process: a port is open once, whoever asks for it
