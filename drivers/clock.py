"""The clocks, behind one seam so that tests can move them."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two clocks that must not be mixed: one for durations, one for the time of day."""

    def mono_s(self) -> float:
        """Seconds since some fixed moment; never jumps, says nothing of the date."""

    def utc(self) -> datetime:
        """The system's idea of the time of day, zone UTC; may be wrong and may jump."""


class SystemClock:
    """The clocks of the computer."""

    def mono_s(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)
