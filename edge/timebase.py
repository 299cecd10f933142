"""UTC for monotonic stamps, attached once, with its quality."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Literal

from drivers.clock import Clock, system_clock_synchronised
from drivers.samples import GnssEpoch

TimeQuality = Literal["gnss", "ntp", "rtc", "none"]

GNSS_TRUST_S = 6 * 3600.0  # a 20 ppm crystal drifts 0.4 s in this time
GNSS_WINDOW = 30  # epochs; the one that arrived with the least delay is the best witness
PLAUSIBLE_FROM = datetime(2026, 1, 1, tzinfo=UTC)  # a clock before this was never set
RECHECK_S = 10.0


class Timebase:
    """Says what time it was at a monotonic stamp, and how far to believe it.

    A system clock that NTP steers is the best source (milliseconds). Else the receiver's UTC is
    (some tenths of a second late, by the length of its sentences). Else the system clock, if it
    is plausible. One writer thread (GNSS), any number of readers.
    """

    def __init__(self, clock: Clock, synchronised: bool | None = None) -> None:
        self._clock = clock
        self._fixed = synchronised  # None: ask the kernel
        self._checked_mono_s = float("-inf")
        self._synchronised = False
        self._witnesses: deque[tuple[float, float]] = deque(maxlen=GNSS_WINDOW)
        self._gnss: tuple[float, float] | None = None  # UTC minus monotonic, stamp of the newest

    def note_gnss(self, epoch: GnssEpoch) -> None:
        """Learn from a receiver's UTC. Only from live receivers, never from a recording."""
        if epoch.utc is None or not epoch.has_fix:
            return
        offset_s = epoch.utc.timestamp() - epoch.mono_s
        if self._witnesses and abs(offset_s - self._witnesses[-1][1]) > 2.0:
            self._witnesses.clear()  # the receiver corrected itself
        self._witnesses.append((epoch.mono_s, offset_s))
        # Transport delay only ever makes UTC look early, so the largest offset is the truest.
        self._gnss = (max(offset for _, offset in self._witnesses), epoch.mono_s)

    def at(self, mono_s: float) -> tuple[datetime, TimeQuality]:
        """UTC at the stamp, and its quality."""
        now_mono_s = self._clock.mono_s()
        gnss = self._gnss
        if self._steered(now_mono_s):
            quality: TimeQuality = "ntp"
        elif gnss is not None and now_mono_s - gnss[1] < GNSS_TRUST_S:
            return datetime.fromtimestamp(gnss[0] + mono_s, UTC), "gnss"
        else:
            quality = "rtc" if self._clock.utc() >= PLAUSIBLE_FROM else "none"
        return self._clock.utc() - timedelta(seconds=now_mono_s - mono_s), quality

    def now(self) -> tuple[datetime, TimeQuality]:
        return self.at(self._clock.mono_s())

    def _steered(self, now_mono_s: float) -> bool:
        if self._fixed is not None:
            return self._fixed
        if now_mono_s - self._checked_mono_s > RECHECK_S:
            self._synchronised = system_clock_synchronised()
            self._checked_mono_s = now_mono_s
        return self._synchronised
