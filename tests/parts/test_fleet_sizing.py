"""The table of docs/scale.md follows from its assumptions, and these from what units really do."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.fleet.plan import FleetPlan
from edge.fleet.sizing import BEGIN, SIZES, Assumptions, main, renewed, rows, shown, table
from telemetry.contract.envelope import Draft
from tests.parts.test_fleet_lives import BEGUN, live

DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"


def value(units: int, what: str, given: Assumptions | None = None) -> float:
    return next(row.value for row in rows(units, given or Assumptions()) if row.what == what)


def test_the_document_has_the_table_that_follows_from_the_assumptions() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert renewed(text) == text, "run: python -m edge.fleet.sizing docs/scale.md"


def test_the_assumed_rates_are_those_of_a_simulated_hour() -> None:
    units, seconds = 100, 3600
    told = live(FleetPlan(units=units), seconds)
    urgent = sum(Draft.of(data, BEGUN, "ntp").priority <= 1 for _, _, data in told)
    assumed, pace = Assumptions(), FleetPlan(units=1).pace

    assert len(told) / units / seconds == pytest.approx(assumed.duty_per_s, rel=0.15)
    assert urgent / units / seconds == pytest.approx(assumed.alerts_per_s, rel=0.15)
    assert assumed.parked_per_s == pytest.approx(1 / pace.parked_s + 1 / pace.health_s)


def test_the_figures_by_hand_for_ten_thousand_units() -> None:
    # A third on duty at 0.30/s, the others at 2/30 s: 1000 + 444 messages a second.
    assert value(10_000, "messages, a usual hour") == pytest.approx(1444, abs=1)
    assert value(10_000, "messages, the busiest hour") == pytest.approx(4333, abs=1)
    assert value(10_000, "connections") == 10_000
    assert value(10_000, "handshakes after a restart of all") == pytest.approx(166.7, abs=0.1)
    assert value(10_000, "messages a day") == pytest.approx(1444.4 * 86_400, rel=1e-3)


@pytest.mark.parametrize("row", [row.what for row in rows(1, Assumptions())])
def test_a_hundred_times_the_units_need_a_hundred_times_as_much(row: str) -> None:
    small, large = (value(units, row) for units in SIZES)

    assert large / small == pytest.approx(100, rel=0.15 if row == "reader partitions" else 1e-9)


@given(st.floats(0, 1e15), st.sampled_from(["", "/s", "B", "bit/s"]))
def test_a_figure_is_shown_with_two_digits(number: float, unit: str) -> None:
    text = shown(number, unit)
    digits = Counter(character.isdigit() for character in text.replace("e-", ""))

    assert digits[True] >= 1
    assert "e+" not in text


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(1444, "/s", "1.4 k/s"), (10_000, "", "10 000"), (0.44, "", "0.44"), (1e6, "", "1 M"),
     (144_000, "/s", "140 k/s"), (41e6, "bit/s", "41 Mbit/s"), (3, "", "3")],
)  # fmt: skip
def test_how_a_figure_is_shown(number: float, unit: str, text: str) -> None:
    assert shown(number, unit) == text


def test_a_document_without_a_place_for_the_table_is_left_alone() -> None:
    for text in ("", BEGIN, "words"):
        with pytest.raises(ValueError, match="no place"):
            renewed(text)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["25000"]) == 0
    assert capsys.readouterr().out == table((25_000,)) + "\n"
    path = tmp_path / "scale.md"
    path.write_text(DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
    assert main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == DOCUMENT.read_text(encoding="utf-8")
    assert main(["nonsense"]) == main([]) == 2
