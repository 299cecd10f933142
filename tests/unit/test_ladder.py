"""The ladder of what is given up: in order, one step at a time, never to and fro."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.perception import EasingConfig
from edge.seeing.easing import Condition, Easing
from edge.seeing.ladder import Ladder, Pressure, Step, Strain, pressure_of

DOWN_S, UP_S = 15.0, 60.0
PRESSURES = st.sampled_from(list(Pressure))


def strain(pressure: Pressure, cause: str = "heat") -> Strain:
    return Strain(cause=cause, pressure=pressure, text=f"{cause} is {pressure.name}")


def play(course: list[tuple[Pressure, float]]) -> list[tuple[float, int]]:
    """Second by second: when, and how many steps are taken then."""
    ladder, now_s, told = Ladder(DOWN_S, UP_S), 0.0, []
    for pressure, seconds in course:
        for _ in range(int(seconds)):
            now_s += 1.0
            before = ladder.taken
            assert ladder.update([strain(pressure)], now_s) == (ladder.taken != before)
            told.append((now_s, ladder.taken))
    return told


COURSES = st.lists(st.tuples(PRESSURES, st.floats(1, 300)), max_size=15)


@settings(deadline=None)
@given(COURSES)
def test_one_step_at_a_time_within_the_ladder_and_never_in_a_hurry(
    course: list[tuple[Pressure, float]],
) -> None:
    told = play(course)
    changes = [(later, b - a) for (_, a), (later, b) in pairwise([(0.0, 0), *told]) if a != b]

    assert all(0 <= taken <= len(Step) for _, taken in told)
    assert all(abs(by) == 1 for _, by in changes)
    for (earlier, _), (later, by) in pairwise(changes):
        assert later - earlier >= (DOWN_S if by > 0 else UP_S)


@settings(deadline=None)
@given(COURSES)
def test_it_goes_all_the_way_down_and_all_the_way_up(
    course: list[tuple[Pressure, float]],
) -> None:
    down = [*course, (Pressure.HIGH, len(Step) * DOWN_S + 2)]
    assert play(down)[-1][1] == len(Step)
    assert play([(Pressure.HIGH, 200), (Pressure.EASED, len(Step) * UP_S + 2)])[-1][1] == 0


@given(COURSES, st.floats(10, 2000))
@settings(deadline=None, max_examples=30)
def test_between_nothing_changes(course: list[tuple[Pressure, float]], seconds: float) -> None:
    told = play([*course, (Pressure.EASED, 1), (Pressure.BETWEEN, seconds)])
    after = [taken for _, taken in told[-int(seconds) :]]

    assert len(set(after)) == 1


def test_what_comes_back_at_once_is_tried_more_and_more_rarely() -> None:
    """A unit that is cool with half the pictures and hot with all of them."""
    ladder, changes = Ladder(DOWN_S, UP_S), []
    for second in range(4 * 3600):
        pressure = Pressure.EASED if ladder.taken else Pressure.HIGH
        if ladder.update([strain(pressure)], float(second)):
            changes.append(second)

    assert len(changes) < 20, "of about 380 without patience"
    gaps = [later - earlier for earlier, later in pairwise(changes)]
    assert max(gaps) > 3000


def test_a_step_that_is_no_use_is_passed_over() -> None:
    ladder = Ladder(DOWN_S, UP_S)
    for second in range(int(3 * DOWN_S) + 3):
        ladder.update([strain(Pressure.HIGH)], float(second))
    assert ladder.standing[-1] is Step.COARSE

    ladder.without(Step.COARSE)

    assert ladder.standing == (Step.HALF_RATE, Step.QUARTER_RATE, Step.PERSONS_ONLY)


@pytest.mark.parametrize(
    ("value", "high", "eased", "wanted"),
    [
        (90, 85, 77, Pressure.HIGH),
        (85, 85, 77, Pressure.HIGH),
        (80, 85, 77, Pressure.BETWEEN),
        (77, 85, 77, Pressure.EASED),
        (None, 85, 77, Pressure.EASED),
        (19, 20, 25, Pressure.HIGH),
        (22, 20, 25, Pressure.BETWEEN),
        (26, 20, 25, Pressure.EASED),
    ],
)
def test_pressure_has_a_gap_between_high_and_eased(
    value: float | None, high: float, eased: float, wanted: Pressure
) -> None:
    assert pressure_of(value, high, eased) is wanted


def eased_by(condition: Condition, seconds: int, fps: float | None = None) -> Easing:
    easing = Easing(EasingConfig(), lambda: condition)
    for second in range(seconds):
        easing.look(fps, float(second))
    return easing


@pytest.mark.parametrize(
    ("condition", "fps", "why"),
    [
        (Condition(hottest=("cpu-thermal", 91.4)), None, "cpu-thermal at 91 °C"),
        (Condition(load_per_core=4.25), None, "4.2 threads wait for each core"),
        (Condition(battery_percent=12.0), None, "battery at 12 %"),
        (Condition(), 0.4, "time for 0.4 pictures per second only"),
    ],
)
def test_each_cause_is_told_with_its_step(
    condition: Condition, fps: float | None, why: str
) -> None:
    easing = eased_by(condition, 20, fps)

    assert easing.text == f"step 1 of 5 (half the pictures): {why}"
    assert easing.rate(10.0) == 5.0
    assert easing.rate(1.2) == 1.0, "never below one a second"
    assert easing.rate(0.5) == 0.5, "unless it was asked for"


def test_the_last_step_is_optional_features_and_all_is_told() -> None:
    easing = eased_by(Condition(hottest=("cpu", 100.0)), 50)
    assert easing.extras_allowed()
    easing.without(Step.COARSE)
    for second in range(50, 200):
        easing.look(None, float(second))

    assert not easing.extras_allowed()
    assert easing.text == (
        "step 4 of 4 (a quarter of the pictures, persons only, no plates, no searches): "
        "cpu at 100 °C; smaller pictures, no parts: not with this model"
    )


def test_nothing_known_is_no_strain_and_it_can_be_switched_off() -> None:
    assert eased_by(Condition(), 300).text == ""
    off = Easing(EasingConfig(enabled=False), lambda: Condition(hottest=("cpu", 100.0)))
    assert not any(off.look(None, float(second)) for second in range(100))
