"""When a rule runs: days and hours of local time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from config.hours import read_hours


class Schedule:
    """Windows of local time; none means always."""

    def __init__(self, windows: Sequence[str], utc_offset_h: float) -> None:
        self._windows = [read_hours(window) for window in windows]
        self._offset = timedelta(hours=utc_offset_h)

    def active(self, utc: datetime | None) -> bool:
        """True also where the time of day is unknown: an alert too many is better than one too
        few, and a human looks at each."""
        if utc is None or not self._windows:
            return True
        local = utc + self._offset
        minute, today = local.hour * 60 + local.minute, local.weekday()
        return any(_covers(minute, today, days, begin, end) for days, begin, end in self._windows)


def _covers(minute: int, today: int, days: frozenset[int], begin: int, end: int) -> bool:
    """A window over midnight belongs to the day on which it begins."""
    if begin < end:
        return today in days and begin <= minute < end
    return (today in days and minute >= begin) or ((today - 1) % 7 in days and minute < end)
