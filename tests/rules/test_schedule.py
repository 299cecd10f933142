"""Days and hours at which a rule runs."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.hours import read_hours
from perception.rules.schedule import Schedule

FRIDAY_22_LOCAL = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)  # 22:00 in China


@pytest.mark.parametrize(
    ("window", "active"),
    [
        ("22:00-06:00", True),
        ("fri 22:00-06:00", True),
        ("sat 22:00-06:00", False),
        ("mon-fri 07:30-18:00", False),
        ("mon-fri 07:30-22:01", True),
        ("thu-sat 21:00-22:00", False),
        ("sat-mon,fri 00:00-24:00", True),
    ],
)
def test_a_window_covers_its_days_and_hours(window: str, active: bool) -> None:
    assert Schedule([window], 8.0).active(FRIDAY_22_LOCAL) is active


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    saturday_2_local = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)

    assert Schedule(["fri 22:00-06:00"], 8.0).active(saturday_2_local)
    assert not Schedule(["sat 22:00-06:00"], 8.0).active(saturday_2_local)


def test_without_windows_or_without_a_clock_it_runs() -> None:
    assert Schedule([], 8.0).active(FRIDAY_22_LOCAL)
    assert Schedule(["01:00-02:00"], 8.0).active(None)


@pytest.mark.parametrize("words", ["", "22-06", "25:00-26:00", "xyz 10:00-11:00", "10:00-10:00"])
def test_hours_that_cannot_be_read_name_the_cure(words: str) -> None:
    with pytest.raises(ValueError, match=r"write|days are"):
        read_hours(words)


@given(st.text(max_size=30))
def test_nothing_but_a_value_error_comes_of_any_text(words: str) -> None:
    try:
        days, begin, end = read_hours(words)
    except ValueError:
        return
    assert days <= set(range(7))
    assert 0 <= begin < 1440
    assert 0 <= end <= 1440
