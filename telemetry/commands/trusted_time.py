"""What time it is, as far as a command may rely on it.

A clock that somebody set back would make an old command fresh again. So the latest time that a good
source (GNSS, NTP) ever gave is kept, over reboots, and no earlier time is believed. A source that
is wrong for a while must not lift that mark for good: a jump ahead counts only once it has stood.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from drivers.clock import Clock
from telemetry.contract.wire_types import TimeQuality

TRUSTED: frozenset[TimeQuality] = frozenset({"gnss", "ntp"})
BACK_S = 10.0  # so far below the mark a clock may be that is merely being steered
AGREE_S = 5.0  # further ahead than this of what the monotonic clock expects is a jump
STAND_S = 600.0  # and a jump must have stood for so long;
FIRST_S = (
    60.0  # the first time of a run, which is ahead by as long as the unit was off, for so long
)


class ClockUnsetError(Exception):
    """No time that a command's expiry could be judged by."""


class TrustedTime:
    """`note` about once a second; `at` when a command comes. One thread."""

    def __init__(
        self,
        utc_at: Callable[[float], tuple[datetime, TimeQuality]],
        clock: Clock,
        mark: datetime | None,
    ) -> None:
        """`utc_at`: UTC at a monotonic stamp, and its quality. `mark`: of earlier runs."""
        self.mark = mark
        self._utc_at = utc_at
        self._clock = clock
        self._marked_mono_s = clock.mono_s()
        self._ahead: tuple[datetime, float] | None = None  # a jump that has yet to stand
        self._stand_s = FIRST_S

    @property
    def set_back(self) -> bool:
        """Whether the clock is below the mark now."""
        utc, quality = self._utc_at(self._clock.mono_s())
        return quality != "none" and self._below(utc)

    def note(self) -> None:
        mono_s = self._clock.mono_s()
        utc, quality = self._utc_at(mono_s)
        if quality not in TRUSTED:
            self._ahead = None
            return
        if self.mark is None or self._has_stood(utc, mono_s):
            self.mark, self._marked_mono_s, self._ahead = utc, mono_s, None
            self._stand_s = STAND_S

    def at(self, mono_s: float) -> datetime:
        """UTC at this stamp. Raises ClockUnsetError."""
        utc, quality = self._utc_at(mono_s)
        if quality == "none":
            raise ClockUnsetError("this unit does not know the time yet")
        if self._below(utc):
            raise ClockUnsetError("this unit's clock was set back")
        return utc

    def trust_now(self) -> datetime:
        """Somebody on the spot says that the clock is right: the mark goes where it stands."""
        self._marked_mono_s, self._ahead = self._clock.mono_s(), None
        self.mark, _ = self._utc_at(self._marked_mono_s)
        return self.mark

    def _below(self, utc: datetime) -> bool:
        return self.mark is not None and utc < self.mark - timedelta(seconds=BACK_S)

    def _has_stood(self, utc: datetime, mono_s: float) -> bool:
        """Whether this time may be the new mark."""
        if self.mark is None or utc <= self.mark:
            self._ahead = None
            return False
        if (utc - self.mark).total_seconds() <= AGREE_S + mono_s - self._marked_mono_s:
            return True
        if self._ahead is not None:
            begun, begun_s = self._ahead
            if abs((utc - begun).total_seconds() - (mono_s - begun_s)) <= AGREE_S:
                return mono_s - begun_s >= self._stand_s
        self._ahead = (utc, mono_s)
        return False
