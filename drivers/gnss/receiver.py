"""From bytes to epochs: what serial ports, networks, gpsd and recordings have in common."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from drivers.base import BadDataError
from drivers.gnss.assembler import EpochAssembler
from drivers.gnss.calendar import FLOOR_DATE, Calendar
from drivers.gnss.fusion import Fused
from drivers.gnss.guard import JumpGuard
from drivers.gnss.nmea import parse
from drivers.gnss.nmea_framing import Line, SentenceFramer
from drivers.samples import FixKind, GnssEpoch

MAX_ADDRESSES = 200  # told apart in the counts; noise must not fill the memory with names
OTHERS = "P(others)"


@dataclass(frozen=True, slots=True)
class TimedEpoch:
    """An epoch and its time of day, which a receiver may know without knowing the date."""

    epoch: GnssEpoch
    day_ms: int | None


class NmeaReceiver:
    """Takes bytes and gives epochs; counts what it had to drop, by cause. Does no input or output.

    `live`: epochs come as soon as they are complete, and a date before the software was made is
    taken for a roll-over of the GPS week. A recording is neither in a hurry nor corrected.
    """

    def __init__(self, *, max_speed_mps: float, live: bool) -> None:
        self._framer = SentenceFramer()
        self._assembler = EpochAssembler(live=live)
        self._calendar = Calendar(FLOOR_DATE if live else None)
        self._guard = JumpGuard(max_speed_mps)
        self._counts: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()  # "GNGGA", "PUBX"
        self.heard: Callable[[str], None] | None = None
        """Called with each sentence that has a right checksum, as it comes."""

    @property
    def is_open(self) -> bool:
        """Whether an epoch waits for more, or for a silence."""
        return self._assembler.is_open

    @property
    def kinds(self) -> Counter[str]:
        """Sentences with a right checksum, by kind: GGA, GSV ... PUBX."""
        kinds: Counter[str] = Counter()
        for address, count in self._addresses.items():
            kinds[address if address.startswith("P") else address[2:]] += count
        return kinds

    @property
    def sentences(self) -> int:
        """How many sentences with a right checksum there were."""
        return self._counts["sentences"]

    @property
    def noise_bytes(self) -> int:
        """How many bytes there were that belong to no sentence, damaged ones included."""
        return self._framer.counts["other_bytes"] + self._framer.damaged_bytes

    def feed(self, data: bytes, mono_s: float) -> list[TimedEpoch]:
        """The epochs that these bytes, arrived at `mono_s`, complete."""
        done: list[TimedEpoch] = []
        for line in self._framer.feed(data, mono_s):
            done += self._take(line)
        # An attitude that is told all the time leaves no silence between the bursts.
        return done + self._finished(self._assembler.silence(mono_s)) if data else done

    def silence(self, mono_s: float) -> list[TimedEpoch]:
        """The epoch that is complete because nothing came until `mono_s`."""
        return self._finished(self._assembler.silence(mono_s))

    def finish(self) -> list[TimedEpoch]:
        """The epoch still open at the end of a recording."""
        self._framer.finish()
        return self._finished(self._assembler.finish())

    def counters(self) -> dict[str, int]:
        """What was read, and what was dropped, by cause."""
        return dict(self._counts + self._framer.counts + self._assembler.counts)

    def _take(self, line: Line) -> list[TimedEpoch]:
        self._counts["sentences"] += 1
        if self.heard is not None:
            self.heard(line.body)
        address = line.body.partition(",")[0]
        known = address in self._addresses or len(self._addresses) < MAX_ADDRESSES
        self._addresses[address if known else OTHERS] += 1
        try:
            report = parse(line.body)
        except BadDataError:
            self._counts["bad_field"] += 1
            return []
        if report is None:
            return []
        if report.refused:
            self._counts["bad_field"] += report.refused
        fused = self._assembler.add(report, line.mono_s)
        return self._finished(fused) if fused else []

    def _finished(self, fused: Iterable[Fused]) -> list[TimedEpoch]:
        return [TimedEpoch(self._checked(one), one.day_ms) for one in fused]

    def _checked(self, fused: Fused) -> GnssEpoch:
        has_fix = fused.fix is not FixKind.NONE
        self._counts["epochs"] += 1
        utc = None
        if fused.day_ms is not None:
            utc = self._calendar.utc(fused.day_ms, fused.day, fused.day_told_ms, has_fix=has_fix)
        moved = utc is not None and self._calendar.moved
        if has_fix and not self._guard.accepts(fused):
            self._counts["jump"] += 1
            return _without_position(_sample(fused, utc, date_moved=moved))
        self._counts["fixes"] += has_fix
        return _sample(fused, utc, date_moved=moved)


def _sample(fused: Fused, utc: datetime | None, *, date_moved: bool) -> GnssEpoch:
    lat_deg, lon_deg = fused.place or (None, None)
    return GnssEpoch(
        mono_s=fused.mono_s,
        utc=utc,
        fix=fused.fix,
        lat_deg=lat_deg,
        lon_deg=lon_deg,
        alt_msl_m=fused.alt_msl_m,
        speed_mps=fused.speed_mps,
        course_deg=fused.course_deg,
        heading_deg=fused.heading_deg,
        satellites_used=fused.satellites_used,
        satellites_in_view=fused.satellites_in_view,
        hdop=fused.hdop,
        pdop=fused.pdop,
        vdop=fused.vdop,
        error_m=fused.error_m,
        talkers=fused.talkers,
        heading_error_deg=fused.heading_error_deg,
        corrections_age_s=fused.corrections_age_s,
        base_id=fused.base_id,
        sky=fused.sky,
        jamming=fused.jamming,
        antenna=fused.antenna,
        date_moved=date_moved,
    )


def _without_position(epoch: GnssEpoch) -> GnssEpoch:
    """A refused jump: that the receiver lives is known, where it is is not."""
    return replace(
        epoch,
        jumped=True,
        fix=FixKind.NONE,
        lat_deg=None,
        lon_deg=None,
        alt_msl_m=None,
        speed_mps=None,
        course_deg=None,
        error_m=None,
    )
