"""UTC for monotonic stamps, attached once, with its quality."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from drivers.clock import Clock, asleep_s, system_clock_synchronised
from drivers.gnss.calendar import FLOOR_DATE
from drivers.samples import GnssEpoch

TimeQuality = Literal["gnss", "ntp", "rtc", "none"]

GNSS_TRUST_S = 6 * 3600.0  # a 20 ppm crystal drifts 0.4 s in this time
GNSS_WINDOW = 30  # epochs; the one that arrived with the least delay is the best witness
PLAUSIBLE_FROM = datetime(2026, 1, 1, tzinfo=UTC)  # a clock before this was never set
RECHECK_S = 10.0
OLD_DATE_S = 86_400.0  # a clock that nobody set lies in the past: a receiver behind it is wrong
DISAGREES_S = 3.0
JUMP_KEPT_S = 600.0


@dataclass(frozen=True, slots=True)
class TimeDoubt:
    """Why a receiver's time is not believed."""

    what: Literal["date", "time"]
    text: str


class _Witness:
    """What one receiver's epochs say of UTC minus monotonic, and minus what the computer slept
    through: so it is right after a suspension, too. Its own thread writes."""

    def __init__(self) -> None:
        self._offsets_s: deque[float] = deque(maxlen=GNSS_WINDOW)
        self.best: tuple[float, float] | None = None  # offset, stamp of the newest epoch
        self.doubt: TimeDoubt | None = None
        self.jump: tuple[float, float] | None = None  # by how much its time jumped, and when

    def hear(self, utc: datetime, mono_s: float, asleep_s: float) -> None:
        offset_s = utc.timestamp() - mono_s - asleep_s
        if self._offsets_s and abs(offset_s - self._offsets_s[-1]) > 2.0:
            self.jump = offset_s - self._offsets_s[-1], mono_s
            self._offsets_s.clear()  # the receiver corrected itself, or is deceived
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
        if epoch.utc is None or not epoch.has_fix:
            return
        witness = self._witnesses[receiver]
        witness.doubt = self._doubt(epoch.utc, epoch)
        if witness.doubt is None:
            witness.hear(epoch.utc, epoch.mono_s, self._asleep())

    def _doubt(self, utc: datetime, epoch: GnssEpoch) -> TimeDoubt | None:
        """Why this time cannot be; None where nothing speaks against it."""
        if epoch.date_moved:
            told = f"its date lies before {FLOOR_DATE}, and 1024 weeks later is {utc:%Y-%m-%d}"
            return TimeDoubt("date", told)
        now_mono_s, clock_utc = self._clock.mono_s(), self._clock.utc()
        ahead_s = (utc - clock_utc).total_seconds() + now_mono_s - epoch.mono_s
        if clock_utc >= PLAUSIBLE_FROM and ahead_s < -OLD_DATE_S:
            told = f"it says {utc:%Y-%m-%d}, and the computer's clock {clock_utc:%Y-%m-%d}"
            return TimeDoubt("date", told)
        if self._steered(now_mono_s) and abs(ahead_s) > DISAGREES_S:
            return TimeDoubt("time", f"it is {ahead_s:+.0f} s off the time of the network")
        return None

    def doubts(self) -> dict[str, TimeDoubt]:
        """Receivers whose time is not believed, or jumped lately. Any thread."""
        found, now_mono_s = dict[str, TimeDoubt](), self._clock.mono_s()
        for name, witness in self._witnesses.items():
            doubt, jump = witness.doubt, witness.jump
            if doubt is None and jump is not None and now_mono_s - jump[1] < JUMP_KEPT_S:
                doubt = TimeDoubt("time", f"its time jumped by {jump[0]:+.0f} s")
            if doubt is not None:
                found[name] = doubt
        return found

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
