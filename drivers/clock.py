"""The clocks, behind one seam so that tests can move them."""

import ctypes
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


def system_clock_synchronised() -> bool:
    """Whether the kernel says that something (NTP, PTP) steers the clock: ntp_adjtime(3)."""
    libc = ctypes.CDLL(None, use_errno=True)
    time_error = 5  # TIME_ERROR of <sys/timex.h>: "clock not synchronized"
    # All zero asks without setting anything (modes = 0); larger than struct timex on any Linux.
    state = libc.ntp_adjtime(ctypes.create_string_buffer(512))
    return bool(0 <= state < time_error)
