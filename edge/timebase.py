"""UTC for monotonic stamps, attached once, with its quality."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from drivers.clock import Clock, asleep_s, system_clock_synchronised
from drivers.samples import GnssEpoch

TimeQuality = Literal["gnss", "ntp", "rtc", "none"]

GNSS_TRUST_S = 6 * 3600.0  # a 20 ppm crystal drifts 0.4 s in this time
GNSS_WINDOW = 30  # epochs; the one that arrived with the least delay is the best witness
PLAUSIBLE_FROM = datetime(2026, 1, 1, tzinfo=UTC)  # a clock before this was never set
RECHECK_S = 10.0


class _Witness:
    """What one receiver's epochs say of UTC minus monotonic, and minus what the computer slept
    through: so it is right after a suspension, too. Its own thread writes."""

    def __init__(self) -> None:
        self._offsets_s: deque[float] = deque(maxlen=GNSS_WINDOW)
        self.best: tuple[float, float] | None = None  # offset, stamp of the newest epoch

    def hear(self, utc: datetime, mono_s: float, asleep_s: float) -> None:
        offset_s = utc.timestamp() - mono_s - asleep_s
        if self._offsets_s and abs(offset_s - self._offsets_s[-1]) > 2.0:
            self._offsets_s.clear()  # the receiver corrected itself
        self._offsets_s.append(offset_s)
        # Transport delay only ever makes UTC look early, so the largest offset is the truest.
        self.best = (max(self._offsets_s), mono_s)


class Timebase:
    """Says what time it was at a monotonic stamp, and how far to believe it.

    A system clock that NTP steers is the best source (milliseconds). Else the first receiver that
    knows UTC is (some tenths of a second late, by the length of its sentences). Else the system
    clock, if it is plausible. Each receiver is heard from its own thread; anyone may ask.
    """

    def __init__(
        self,
        clock: Clock,
        receivers: Sequence[str] = (),
        synchronised: bool | None = None,
        asleep: Callable[[], float] = asleep_s,
    ) -> None:
        """`receivers` in order of trust. `synchronised` None: ask the kernel. `asleep`: seconds
        that the computer was suspended, ever."""
        self._clock = clock
        self._asleep = asleep
        self._fixed = synchronised
        self._checked_mono_s = float("-inf")
        self._synchronised = False
        self._witnesses = {name: _Witness() for name in receivers}

    def note_gnss(self, receiver: str, epoch: GnssEpoch) -> None:
        """Learn from a receiver's UTC. Only from live receivers, never from a recording."""
        if epoch.utc is not None and epoch.has_fix:
            self._witnesses[receiver].hear(epoch.utc, epoch.mono_s, self._asleep())

    def at(self, mono_s: float) -> tuple[datetime, TimeQuality]:
        """UTC at the stamp, and its quality."""
        now_mono_s = self._clock.mono_s()
        offset_s = self._gnss_offset_s(now_mono_s)
        if self._steered(now_mono_s):
            quality: TimeQuality = "ntp"
        elif offset_s is not None:
            return datetime.fromtimestamp(offset_s + self._asleep() + mono_s, UTC), "gnss"
        else:
            quality = "rtc" if self._clock.utc() >= PLAUSIBLE_FROM else "none"
        return self._clock.utc() - timedelta(seconds=now_mono_s - mono_s), quality

    def now(self) -> tuple[datetime, TimeQuality]:
        return self.at(self._clock.mono_s())

    def _gnss_offset_s(self, now_mono_s: float) -> float | None:
        """UTC minus monotonic, by the first receiver that was heard lately enough."""
        heard = (witness.best for witness in self._witnesses.values())
        fresh = (best for best in heard if best and now_mono_s - best[1] < GNSS_TRUST_S)
        return next((offset_s for offset_s, _ in fresh), None)

    def _steered(self, now_mono_s: float) -> bool:
        if self._fixed is not None:
            return self._fixed
        if now_mono_s - self._checked_mono_s > RECHECK_S:
            self._synchronised = system_clock_synchronised()
            self._checked_mono_s = now_mono_s
        return self._synchronised
