"""The date that belongs to a receiver's time of day."""

from datetime import UTC, date, datetime, timedelta

from drivers.gnss.nmea_fields import GPS_YEARS

ROLLOVER = timedelta(weeks=1024)  # GPS counts weeks in ten bits (IS-GPS-200, 20.3.3.3.1.1)
DAY_MS = 86_400_000
HALF_DAY = timedelta(hours=12)

# No unit runs before this software was made: a receiver that says so has lost count of the weeks.
FLOOR_DATE = date(2026, 1, 1)


class Calendar:
    """Remembers the last date heard, so that a sentence with a time alone gets its date.

    With a floor, an earlier date is moved up by whole 1024 weeks; recordings have no floor.
    """

    def __init__(self, floor: date | None) -> None:
        self._floor = floor
        self._last: datetime | None = None
        self.moved = False
        """Whether the date heard last was below the floor, and moved up."""

    def utc(
        self, day_ms: int, written: date | None, written_ms: int | None, *, has_fix: bool
    ) -> datetime | None:
        """Date and time of the epoch at `day_ms`; None while no believable date has been heard.

        `written` is the date in the epoch's own sentences, and `written_ms` the time beside it,
        which may be another (ZDA may run ahead). Without a fix, a receiver that starts up counts
        from 1980 or from its factory's date: below the floor, that is not a date.
        """
        day = self._believed(written, has_fix=has_fix)
        if day is not None:
            self._last = _at(day, day_ms if written_ms is None else written_ms)
        if self._last is not None:
            self._last = _nearest(self._last, day_ms)
            # Times that go round and round carry the date along, to where there are no dates.
            if self._last.year not in GPS_YEARS:
                self._last = None
        return self._last

    def _believed(self, written: date | None, *, has_fix: bool) -> date | None:
        if written is None:
            return None
        if self._floor is None or written >= self._floor:
            self.moved = False
            return written
        if not has_fix:
            return None
        self.moved = True
        behind = self._floor - written
        return written + ROLLOVER * -(-behind // ROLLOVER)


def _at(day: date, day_ms: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(milliseconds=day_ms)


def _nearest(last: datetime, day_ms: int) -> datetime:
    """The moment with this time of day that is nearest to the last one: over midnight, too."""
    same_day = _at(last.date(), day_ms)
    if same_day - last < -HALF_DAY:
        return same_day + timedelta(days=1)
    if same_day - last > HALF_DAY:
        return same_day - timedelta(days=1)
    return same_day
