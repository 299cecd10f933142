"""The byte budget of a day: over restarts, and by clocks that are wrong."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.contract.wire_types import TimeQuality
from telemetry.link.metering import MIB, Meter
from tests.fakes import ManualClock

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Bench:
    def __init__(self, path: Path | None, moment: datetime = NOON, mib: float | None = 1) -> None:
        self.clock = ManualClock(moment)
        self.quality: TimeQuality = "ntp"
        self.meter = Meter(path, mib, lambda: (self.clock.utc(), self.quality), self.clock)

    def use_up(self) -> None:
        assert not self.holding_back()
        self.meter.count(2 * MIB)
        assert self.holding_back()

    def holding_back(self) -> bool:
        self.clock.advance(1.1)
        return self.meter.holding_back


def test_a_link_that_is_not_metered() -> None:
    bench = Bench(None, mib=None)
    bench.meter.count(10**12)
    assert not bench.holding_back()
    assert bench.meter.figures() is None


def test_what_is_used_is_used_until_the_day_is_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "budget.json")
    bench.use_up()
    figures = bench.meter.figures()
    assert figures is not None
    assert (figures.day, figures.holding_back) == (date(2026, 11, 26), True)
    assert figures.used_bytes >= 2 * MIB
    bench.clock.advance(11.9 * 3600)
    assert bench.holding_back()
    bench.clock.advance(0.2 * 3600)
    assert not bench.holding_back()


def test_a_restart_does_not_open_it(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    bench = Bench(path)
    bench.use_up()
    bench.meter.save()
    again = Bench(path, NOON + timedelta(hours=1))
    assert again.holding_back()
    tomorrow = Bench(path, NOON + timedelta(days=1))
    assert not tomorrow.holding_back()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 5000, b"{}", b'{"day":"x","used_bytes":1}', b'{"day":"2026-11-26"}', b"\xff",
     b'{"day":"2026-11-26","used_bytes":-5}', b'{"day":5,"used_bytes":5}', b"null"],
)  # fmt: skip
def test_a_file_that_is_none_counts_as_nothing_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "budget.json"
    path.write_bytes(content)
    bench = Bench(path)
    assert not bench.holding_back()
    bench.use_up()


def test_a_clock_set_into_the_future_and_back_opens_it_once_at_most(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "budget.json")
    bench.quality = "rtc"
    bench.use_up()
    for _ in range(10):
        bench.clock.jump_utc(400 * 86_400)
        assert bench.holding_back()
        bench.clock.jump_utc(-400 * 86_400)
        assert bench.holding_back()


def test_a_day_that_a_wrong_clock_put_into_the_future_does_not_shut_it_for_ever(
    tmp_path: Path,
) -> None:
    path = tmp_path / "budget.json"
    wrong = Bench(path, NOON + timedelta(days=4000))
    wrong.quality = "rtc"
    wrong.use_up()
    wrong.meter.save()
    right = Bench(path)
    assert right.holding_back()  # nor does putting it right open it
    right.clock.advance(12.1 * 3600)
    assert not right.holding_back()


def test_with_no_date_at_all_a_day_is_what_lasts_a_day(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "budget.json", datetime(1970, 1, 1, tzinfo=UTC))
    bench.quality = "none"
    bench.use_up()
    bench.clock.jump_utc(10 * 365 * 86_400)
    assert bench.holding_back()
    bench.clock.advance(86_400)
    assert not bench.holding_back()


def test_a_folder_that_cannot_be_written_costs_the_count_and_no_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "missing" / "budget.json")
    bench.use_up()
    bench.meter.save()


@given(
    st.lists(st.tuples(st.floats(0, 2 * 86_400), st.integers(-5, 5), st.booleans()), max_size=30)
)
def test_it_is_never_shut_for_longer_than_two_days_of_a_clock_that_runs(
    moves: list[tuple[float, int, bool]],
) -> None:
    bench = Bench(None)
    for seconds, days, steered in moves:
        bench.clock.advance(seconds)
        bench.clock.jump_utc(days * 86_400.0)
        bench.quality = "ntp" if steered else "rtc"
        bench.meter.count(MIB)
        bench.holding_back()
    for _ in range(49):
        bench.clock.advance(3600)
        if not bench.holding_back():
            return
    pytest.fail("still shut")
