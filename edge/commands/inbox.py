"""What has arrived and waits to be judged: bounded, and what does not fit is counted."""

import threading
from collections import deque

from drivers.clock import Clock
from telemetry.commands.jws import MAX_TOKEN_BYTES
from telemetry.link.transport import Arrived

INBOX = 256  # messages that wait to be judged; more are counted, and their sender asks again
RETAINED = 16  # of them that the broker kept: refused all the same, and no crowd of them blocks


class Inbox:
    """One thread puts, which must not wait; another takes."""

    def __init__(self, clock: Clock) -> None:
        self.overflow = 0  # messages that were not taken, or never looked at; since start
        self._clock = clock
        self._waiting: deque[tuple[Arrived, float]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, message: Arrived) -> None:
        """Take note of a message, and return at once."""
        payload = message.payload[: MAX_TOKEN_BYTES + 1]  # what is longer is refused anyhow
        with self._changed:
            if self._closed or not self._has_room(retained=message.retained):
                self.overflow += 1  # its sender hears nothing, and asks again
                return
            kept = Arrived(message.topic, payload, message.retained)
            self._waiting.append((kept, self._clock.mono_s()))
            self._changed.notify()

    def _has_room(self, *, retained: bool) -> bool:
        crowd = retained and sum(kept.retained for kept, _ in self._waiting) >= RETAINED
        return not crowd and len(self._waiting) < INBOX

    def take(self, timeout_s: float) -> tuple[Arrived, float] | None:
        """The next message, and when it came (monotonic, s); None if none comes within the time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout_s)
            return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Nothing is taken from here on; what still waits is counted."""
        with self._changed:
            self._closed = True
            self.overflow += len(self._waiting)
