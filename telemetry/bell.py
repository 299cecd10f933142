"""What wakes the one thread that waits: an event that `poll` can watch together with a socket."""

import os
import weakref
from typing import Protocol


class Bell(Protocol):
    """Whoever has news for the thread that waits rings it; a `threading.Event` will do, too."""

    def set(self) -> None:
        """Ring. From any thread; never blocks."""


class PollBell:
    """One thread waits with `poll` on `fileno`, and calls `clear` when that says it was rung,
    before it looks at what there is to do."""

    def __init__(self) -> None:
        self._handle = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._rung = False
        weakref.finalize(self, os.close, self._handle)

    def fileno(self) -> int:
        return self._handle

    def set(self) -> None:
        # A system call only for the first ring: producers ring for every message.
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._handle, 1)

    def clear(self) -> None:
        """Whoever rings between the two steps is not heard again, but what he rang for is seen,
        since the caller looks only after this; the other order could lose all rings to come."""
        os.eventfd_read(self._handle)
        self._rung = False
