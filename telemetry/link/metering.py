"""The byte budget of a metered link: how much went over it today, kept over restarts.

The day comes from a clock that may be wrong. Set into the future and back it must not open the
budget twice, and left in the past it must not keep it shut for ever.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from drivers.clock import Clock
from telemetry.contract.wire_types import TimeQuality
from telemetry.outbox.rescue import sync_folder

URGENT = 1  # priorities up to this one are sent whatever was used
MIB = 1024 * 1024
# Beside what we write: the head of a PUBLISH and its PUBACK (40 bytes of MQTT), and for both a
# segment's head and TLS record (40 and 29 bytes each), as if nothing were sent together.
OVERHEAD_BYTES = 180
SAVE_EVERY_S = 30.0
SAVE_EVERY_BYTES = 256 * 1024
DAY_S = 86_400.0
SHORTEST_DAY_S = 20 * 3600.0  # between two new days by a clock that nothing steers


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    day: date
    used_bytes: int
    limit_bytes: int
    holding_back: bool


class Meter:
    """Used by the publisher's thread. Without a limit it does nothing."""

    def __init__(
        self,
        path: Path | None,
        daily_mib: float | None,
        now: Callable[[], tuple[datetime, TimeQuality]],
        clock: Clock,
    ) -> None:
        """`path`: where it is kept; with None it is forgotten with the process."""
        self._path = path
        self._limit_bytes = None if daily_mib is None else round(daily_mib * MIB)
        self._now = now
        self._clock = clock
        self._begun_s: float | None = None  # monotonic: when a day began in this run
        self._checked_s = float("-inf")
        self._saved_s = clock.mono_s()
        self._unsaved_bytes = 0
        self._day, self._used_bytes = self._read() if daily_mib is not None else (date.min, 0)

    def count(self, size_bytes: int) -> None:
        """So many bytes of topic and payload went over the link, in either direction."""
        if self._limit_bytes is None:
            return
        self._used_bytes += size_bytes + OVERHEAD_BYTES
        self._unsaved_bytes += size_bytes + OVERHEAD_BYTES
        waited_s = self._clock.mono_s() - self._saved_s
        if self._unsaved_bytes > SAVE_EVERY_BYTES or waited_s > SAVE_EVERY_S:
            self.save()

    @property
    def holding_back(self) -> bool:
        """Only urgent messages may go until the day is over."""
        if self._limit_bytes is None:
            return False
        now_s = self._clock.mono_s()
        if now_s - self._checked_s > 1.0:
            self._checked_s = now_s
            self._look_at_the_day(now_s)
        return self._used_bytes >= self._limit_bytes

    @property
    def half_used(self) -> bool:
        """What is left of the day is for messages: pictures wait. From the publisher's thread."""
        return self._limit_bytes is not None and self._used_bytes >= self._limit_bytes / 2

    def figures(self) -> BudgetFigures | None:
        """None where the link is not metered. From any thread."""
        if self._limit_bytes is None:
            return None
        used_bytes = self._used_bytes
        return BudgetFigures(
            day=self._day,
            used_bytes=used_bytes,
            limit_bytes=self._limit_bytes,
            holding_back=used_bytes >= self._limit_bytes,
        )

    def save(self) -> None:
        """On the disk when it returns, or not: a disk that refuses costs the count, no message."""
        self._saved_s, self._unsaved_bytes = self._clock.mono_s(), 0
        if self._path is None or self._limit_bytes is None:
            return
        new = self._path.with_name(self._path.name + ".new")
        with suppress(OSError):
            with new.open("w", encoding="utf-8") as file:
                json.dump({"day": self._day.isoformat(), "used_bytes": self._used_bytes}, file)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            sync_folder(self._path.parent)

    def _look_at_the_day(self, now_s: float) -> None:
        moment, quality = self._now()
        today = moment.date()
        # At the first look in a run the day that the last run knew may well be over.
        passed_s = DAY_S if self._begun_s is None else now_s - self._begun_s
        self._begun_s = now_s if self._begun_s is None else self._begun_s
        if quality == "none":  # nobody knows the date: a day is what lasts a day
            if now_s - self._begun_s >= DAY_S:
                self._begin(self._day, now_s)
        elif today < self._day:
            self._day = today  # the clock was wrong; what was used stays used, tomorrow comes
        elif today > self._day and (quality != "rtc" or passed_s >= SHORTEST_DAY_S):
            self._begin(today, now_s)

    def _begin(self, day: date, now_s: float) -> None:
        self._day, self._used_bytes, self._begun_s = day, 0, now_s
        self.save()

    def _read(self) -> tuple[date, int]:
        """What the last run knew; a file that cannot be read counts as nothing used."""
        if self._path is None:
            return date.min, 0
        try:
            found = json.loads(self._path.read_bytes()[:4096])
            day, used_bytes = date.fromisoformat(found["day"]), found["used_bytes"]
            if isinstance(used_bytes, int) and used_bytes >= 0:
                return day, used_bytes
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            pass
        return date.min, 0
