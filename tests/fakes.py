"""Small stand-ins of our own, shared by tests."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock that moves only when told. Both hands move together, unless `jump_utc` is used."""

    def __init__(self, utc: datetime = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)) -> None:
        self._mono_s = 1000.0
        self._utc = utc

    def mono_s(self) -> float:
        return self._mono_s

    def utc(self) -> datetime:
        return self._utc

    def advance(self, seconds: float) -> None:
        self._mono_s += seconds
        self._utc += timedelta(seconds=seconds)

    def jump_utc(self, seconds: float) -> None:
        self._utc += timedelta(seconds=seconds)
