"""What time a command may rely on: never earlier than it was, and a jump ahead must stand first."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.commands.control_state import ControlState
from telemetry.commands.limits import MAX_BUCKETS, Limits
from telemetry.commands.trusted_time import BACK_S, ClockUnsetError, TrustedTime
from telemetry.contract.wire_types import TimeQuality
from tests.fakes import ManualClock


class Source:
    """A time of day with a quality, both to be set."""

    def __init__(self, mark: datetime | None = None) -> None:
        self.clock = ManualClock()
        self.quality: TimeQuality = "ntp"
        self.time = TrustedTime(self._at, self.clock, mark)

    def _at(self, mono_s: float) -> tuple[datetime, TimeQuality]:
        return self.clock.utc() - timedelta(seconds=self.clock.mono_s() - mono_s), self.quality

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.time.note()

    def believed(self) -> bool:
        try:
            self.time.at(self.clock.mono_s())
        except ClockUnsetError:
            return False
        return True


def test_the_mark_follows_a_good_clock_and_nothing_earlier_is_believed() -> None:
    source = Source()
    source.run(60)
    assert source.time.mark == source.clock.utc()
    source.clock.jump_utc(-BACK_S + 1)
    assert source.believed(), "a clock may be steered"
    source.clock.jump_utc(-2)
    assert not source.believed()
    assert source.time.set_back


def test_a_jump_ahead_counts_once_it_has_stood() -> None:
    source = Source()
    source.run(10)
    before = source.time.mark
    source.clock.jump_utc(86_400)
    source.run(500)
    assert source.time.mark == before
    source.run(110)
    assert source.time.mark == source.clock.utc()
    source.run(5)
    assert source.time.mark == source.clock.utc()


def test_two_wrong_times_that_disagree_do_not_stand_for_each_other() -> None:
    source = Source()
    source.run(10)
    before = source.time.mark
    for _ in range(20):
        source.clock.jump_utc(3600)
        source.run(100)
    assert source.time.mark == before


@pytest.mark.parametrize("quality", ["rtc", "none"])
def test_a_poor_clock_lifts_no_mark(quality: TimeQuality) -> None:
    source = Source(mark=datetime(2026, 5, 1, tzinfo=UTC))
    source.quality = quality
    source.run(1000)
    assert source.time.mark == datetime(2026, 5, 1, tzinfo=UTC)
    assert source.believed() == (quality == "rtc")


def test_somebody_may_lower_the_mark() -> None:
    source = Source(mark=datetime(2030, 1, 1, tzinfo=UTC))
    assert not source.believed()
    source.time.trust_now()
    assert source.believed()
    source.run(5)
    assert source.time.mark == source.clock.utc()


@given(st.lists(st.tuples(st.integers(-(10**8), 10**8), st.integers(1, 700)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_whatever_the_clock_does_no_earlier_time_is_believed(jumps: list[tuple[int, int]]) -> None:
    source, latest = Source(), datetime.min.replace(tzinfo=UTC)
    for jump_s, run_s in jumps:
        source.clock.jump_utc(jump_s)
        source.clock.advance(run_s)
        source.time.note()
        assert source.time.mark is not None
        assert source.time.mark >= latest, "the mark never falls"
        latest = source.time.mark
        if source.believed():
            told = source.time.at(source.clock.mono_s())
            assert told >= latest - timedelta(seconds=BACK_S)


def test_who_commands_outlives_a_restart_and_a_damage_is_told(tmp_path: Path) -> None:
    path, now = tmp_path / "control.json", datetime(2026, 6, 1, tzinfo=UTC)
    state = ControlState.load(path)
    assert (state.now.commander, state.fault) == ("hub", None)
    state.hand_over("local", "local:li", now)
    state.remember(now)
    again = ControlState.load(path)
    assert again.now == state.now
    assert (again.now.commander, again.now.by, again.now.latest) == ("local", "local:li", now)
    assert path.stat().st_mode & 0o777 == 0o600
    for damage in (b"", b"{", b'{"commander": 1}', b"\xff"):
        path.write_bytes(damage)
        lost = ControlState.load(path)
        assert lost.now.commander == "hub"
        assert lost.fault is not None


def test_a_hand_over_that_the_disk_refuses_has_not_happened(tmp_path: Path) -> None:
    state = ControlState.load(tmp_path / "no" / "such" / "folder")
    with pytest.raises(OSError, match="No such file"):
        state.hand_over("local", "local:li", datetime(2026, 6, 1, tzinfo=UTC))
    assert state.now.commander == "hub"


def test_a_minutes_worth_at_once_and_then_by_and_by() -> None:
    clock = ManualClock()
    limits = Limits(clock)
    assert [limits.allows("a", 6) for _ in range(8)] == [True] * 6 + [False] * 2
    clock.advance(10.1)
    assert [limits.allows("a", 6), limits.allows("a", 6)] == [True, False]
    assert limits.allows("b", 6)
    for number in range(2 * MAX_BUCKETS):
        limits.allows(number, 6)
    assert len(limits._buckets) == MAX_BUCKETS
