"""How long a message has waited, whatever somebody does to the computer's clock."""

from datetime import UTC, datetime, timedelta

from drivers.clock import Clock

EARLIER_LONGEST_MS = 366 * 86_400_000  # rows that seem older were stored by a clock not yet set
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Ages:
    """Stamps rows with the date at which the run began and the monotonic time since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Ages must not jump when somebody sets the clock: the date is read once, here.
        self._begun_mono_s = clock.mono_s()
        self._begun_ms = (clock.utc() - _EPOCH) // _MS
        self.earlier: int | None = None  # last sequence of earlier runs, once known

    def now_ms(self) -> int:
        return self._begun_ms + self._run_ms()

    def age_s(self, sequence: int, put_ms: int) -> float:
        """Exact for rows of this run. One of an earlier run is at least as old as this run; what
        the clock says on top is believed if no clock can have been set in between."""
        if self.earlier is None or sequence > self.earlier:
            return max(0, self.now_ms() - put_ms) / 1000
        age_ms = (self._clock.utc() - _EPOCH) // _MS - put_ms
        return max(self._run_ms(), age_ms if age_ms < EARLIER_LONGEST_MS else 0) / 1000

    def _run_ms(self) -> int:
        return round((self._clock.mono_s() - self._begun_mono_s) * 1000)
