"""Is the hub still there? What came last, and how to have the broker answer soon."""

from telemetry.link.transport import WireMessage


class Probe:
    """A dead link is noticed late by itself (1.5 times the keep-alive). One thread."""

    def __init__(self) -> None:
        self.heard_mono_s = float("-inf")  # when something came last
        self.question: WireMessage | None = None  # what may be sent again and again
        self.every_s: float | None = None  # how often; None: not at all
        self._asked_s = float("-inf")

    def due(self, now_mono_s: float) -> WireMessage | None:
        """What is to be sent now; it counts as sent."""
        if self.question is None or self.every_s is None:
            return None
        if now_mono_s - self._asked_s < self.every_s:
            return None
        self._asked_s = now_mono_s
        return self.question
