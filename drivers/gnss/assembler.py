"""Which sentences belong to one instant, and when that instant is complete."""

from collections import Counter, deque

from drivers.gnss.calendar import DAY_MS
from drivers.gnss.fusion import POSITION_KINDS, Fused, fuse
from drivers.gnss.nmea_attitude import ATTITUDE_KINDS
from drivers.gnss.report import Report
from drivers.samples import FixKind

SAME_INSTANT_MS = 30  # a GLL may differ from its GGA by rounding; the fastest receivers give 20 Hz
SILENCE_S = 0.1  # a receiver falls silent between its bursts, not within one
TRUSTED_AFTER = 3  # bursts in a row that ended alike
# Many receivers send GGA ten times a second and RMC, with the date, once: after each wrong guess
# so many times more bursts must agree.
CAUTION = 4
TRUSTED_AFTER_MOST = 192
MAX_REPORTS = 128  # a burst has about 30; more without a position is no epoch

Slot = tuple[str, str]  # talker and kind


class BurstEnd:
    """Learns with which sentence a receiver ends its bursts."""

    def __init__(self) -> None:
        self._seen: Counter[Slot] = Counter()
        self._last: tuple[Slot, int] | None = None
        self._end: tuple[Slot, int] | None = None
        self._agreed = 0
        self._needed = TRUSTED_AFTER

    def saw(self, report: Report) -> None:
        """One more sentence. A page of GSV that is not the last one never ends a burst."""
        if not report.page_is_last:
            self._last = None
            return
        slot = (report.talker, report.kind)
        self._seen[slot] += 1
        self._last = slot, self._seen[slot]

    @property
    def is_here(self) -> bool:
        """Whether the sentence just seen is the one that the last bursts ended with."""
        return self._agreed >= self._needed and self._last == self._end

    def learn(self) -> None:
        """The burst is known to be over: what was seen last ended it."""
        if self._last is not None and self._last == self._end:
            self._agreed += 1
        else:
            self._end, self._agreed = self._last, 1

    def distrust(self) -> None:
        """A sentence came after what was taken for the end."""
        self._agreed = 0
        self._needed = min(self._needed * CAUTION, TRUSTED_AFTER_MOST)

    def restart(self) -> None:
        """The next sentence is the first of a burst."""
        self._seen.clear()
        self._last = None


class EpochAssembler:
    """Collects reports until their epoch is complete, and makes one of each instant.

    An epoch is complete when a position of another time arrives. A live receiver is not kept
    waiting for that: the sentence that its bursts end with is learned, and a silence ends one too.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._reports: list[Report] = []
        self._positions: set[Slot] = set()  # those of the open epoch
        self._mono_s = 0.0
        self._heard_s = 0.0
        self._day_ms: int | None = None
        self._out_ms: deque[int] = deque(maxlen=4)  # times of the epochs that are out
        self._last_out: tuple[Fused, frozenset[Slot]] | None = None
        self._burst = BurstEnd()
        self.counts: Counter[str] = Counter()
        """Reports dropped by cause: late, repeated."""

    @property
    def is_open(self) -> bool:
        """Whether reports wait for their epoch to be complete."""
        return bool(self._reports)

    def add(self, report: Report, mono_s: float) -> list[Fused]:
        """The epochs that this report, arrived at `mono_s`, completes: none, one or two."""
        done: list[Fused] = []
        if report.kind in ATTITUDE_KINDS and self._renews(report):
            return done
        self._heard_s = max(self._heard_s, mono_s)
        if report.kind in POSITION_KINDS:
            if cause := self._surplus(report):
                self.counts[cause] += 1
                return done
            if self._begins_epoch(report):
                self._burst.learn()
                done += self._close()
            self._positions.add((report.talker, report.kind))
            if self._day_ms is None:
                self._day_ms = report.day_ms
        self._keep(report, mono_s)
        if self._live and self._positions and self._burst.is_here:
            done += self._close()
        return done

    def silence(self, mono_s: float) -> list[Fused]:
        """The epoch that a silence until `mono_s` completes, if it is long enough."""
        if not self._live or not self._reports or mono_s - self._heard_s < SILENCE_S:
            return []
        # Also where only sentences without a position wait: then their burst was ended too early.
        self._burst.learn()
        return self._close()

    def finish(self) -> list[Fused]:
        """The epoch still open when nothing will follow."""
        return self._close()

    def _renews(self, report: Report) -> bool:
        """Whether this attitude takes the place of an earlier one of the open epoch.

        They may come 25 times as often as positions: such a stream must not keep a burst open.
        """
        for at, earlier in enumerate(self._reports):
            if (earlier.talker, earlier.kind) == (report.talker, report.kind):
                self._reports[at] = report
                return True
        return False

    def _surplus(self, report: Report) -> str:
        """Why this position is dropped; empty if it is not."""
        day_ms = report.day_ms
        if day_ms is None:
            return ""
        slot = (report.talker, report.kind)
        if self._is_now(day_ms):
            again = slot in self._positions and report.fix is not FixKind.NONE
            return "repeated" if again else ""
        if not any(apart_ms(day_ms, out_ms) <= SAME_INSTANT_MS for out_ms in self._out_ms):
            return ""
        if self._clock_stands(slot, report):
            return ""
        self._burst.distrust()
        return "late"

    def _clock_stands(self, slot: Slot, report: Report) -> bool:
        """Whether a receiver without a fix repeats its time: each burst is an epoch."""
        if self._last_out is None or report.fix is not FixKind.NONE or report.day_ms is None:
            return False
        last, slots = self._last_out
        return (
            last.fix is FixKind.NONE
            and slot in slots
            and last.day_ms is not None
            and apart_ms(report.day_ms, last.day_ms) <= SAME_INSTANT_MS
        )

    def _is_now(self, day_ms: int) -> bool:
        return self._day_ms is not None and apart_ms(day_ms, self._day_ms) <= SAME_INSTANT_MS

    def _begins_epoch(self, report: Report) -> bool:
        if not self._positions:
            return False  # what waits, if anything, came just before it
        if (report.talker, report.kind) in self._positions:
            return True
        if report.day_ms is not None and self._day_ms is not None:
            return not self._is_now(report.day_ms)
        # One knows the time, the other does not: where only one has a fix, it came or went between.
        had_fix = any(r.fix is not None and r.fix is not FixKind.NONE for r in self._reports)
        has_fix = report.fix is not None and report.fix is not FixKind.NONE
        return (report.day_ms is None) != (self._day_ms is None) and had_fix != has_fix

    def _keep(self, report: Report, mono_s: float) -> None:
        if len(self._reports) >= MAX_REPORTS:
            self._reports.clear() if not self._positions else self._reports.pop()
        if not self._reports:
            self._mono_s = mono_s
        self._reports.append(report)
        self._burst.saw(report)

    def _close(self) -> list[Fused]:
        done = []
        if self._positions:
            fused = fuse(self._reports, self._mono_s)
            done.append(fused)
            if fused.day_ms is not None:
                self._out_ms.append(fused.day_ms)
            self._last_out = fused, frozenset(self._positions)
        self._reports = []
        self._positions = set()
        self._day_ms = None
        self._burst.restart()
        return done


def apart_ms(one: int, other: int) -> int:
    """Between two times of day, over midnight if that is nearer."""
    gap = abs(one - other) % DAY_MS
    return min(gap, DAY_MS - gap)
