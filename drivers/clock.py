"""The clocks, behind one seam so that tests can move them."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
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


NO_SLEEP_S = 0.01  # no suspension is that short; less is the time between two readings
TIME_ERROR = 5  # of <sys/timex.h>: "clock not synchronized"
TOLD_STATE = Path("/run/patrol-edge-clock/state")  # of patrol-edge-clock.service
TOLD_FOR_S = 30.0


def kernel_clock_state(told: Path = TOLD_STATE) -> int | None:
    """What ntp_adjtime(3) says of the clock, 0..TIME_ERROR; None where nobody can tell.

    The service may not ask it: a call that could set a clock is not open to it. Then what
    `drivers.clock_teller` wrote counts, while it is fresh.
    """
    state = asked_clock_state()
    return told_clock_state(told) if state is None else state


def asked_clock_state() -> int | None:
    """As the kernel says; None where it may not be asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    # All zero asks without setting anything (modes = 0); larger than struct timex on any Linux.
    state = int(libc.ntp_adjtime(ctypes.create_string_buffer(512)))
    return None if state < 0 else state


def told_clock_state(told: Path) -> int | None:
    """As the file says: a state and when it was asked for, in seconds of the monotonic clock."""
    try:
        state, at_s = told.read_text(encoding="ascii").split()
        age_s = time.monotonic() - float(at_s)
        return int(state) if 0 <= age_s <= TOLD_FOR_S and 0 <= int(state) <= TIME_ERROR else None
    except (OSError, ValueError):
        return None


def system_clock_synchronised() -> bool:
    """Whether the kernel says that something (NTP, PTP) steers the clock; no if it says nothing."""
    state = kernel_clock_state()
    return state is not None and state < TIME_ERROR


def asleep_s() -> float:
    """How long the computer was suspended since it booted: `mono_s` stands still meanwhile
    (clock_gettime(2): CLOCK_BOOTTIME counts it, CLOCK_MONOTONIC does not)."""

    def look() -> tuple[float, float]:
        before_s = time.monotonic()
        booted_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        after_s = time.monotonic()
        return after_s - before_s, booted_s - after_s

    # The look that was held up least between its readings is right.
    _, slept_s = min(look() for _ in range(3))
    return slept_s if slept_s > NO_SLEEP_S else 0.0


def since_boot_s() -> float:
    """Seconds since the computer started, its sleep included; nobody sets it (CLOCK_BOOTTIME).

    Comparable between processes of the same `computer_boot_id`.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def computer_boot_id() -> str:
    """Tells one boot of the computer from another (random(4)); empty where the kernel tells none.

    Monotonic stamps of the same boot may be compared, also between processes.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
