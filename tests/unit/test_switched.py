"""Outputs that are on or off: their patterns, what they report, and that they end off."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.actuators.actuator import ActuatorReport, Output, Silence
from drivers.actuators.lines import SharedLines
from drivers.actuators.patterns import PATTERNS, is_on, next_change_s
from drivers.actuators.switched import SwitchedActuator
from drivers.base import DeviceLostError
from drivers.samples import Done
from tests.fakes import ManualClock


class Relay:
    """Remembers each time it was switched; may be stuck, dumb or gone."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.on = True  # as a board may be when it is switched on
        self.stuck = self.dumb = self.gone = self.closed = False
        self.changes: list[tuple[float, bool]] = []

    def set(self, on: bool) -> None:
        if self.gone:
            raise DeviceLostError("pulled")
        if not self.stuck:
            self.on = on
        self.changes.append((self._clock.mono_s(), on))

    def get(self) -> bool | None:
        return None if self.dumb else self.on

    def close(self) -> None:
        self.closed = True


def made() -> tuple[SwitchedActuator, Relay, ManualClock]:
    clock = ManualClock()
    relay = Relay(clock)
    return SwitchedActuator(relay, clock, clock.advance), relay, clock


def reports(driver: SwitchedActuator, clock: ManualClock, for_s: float) -> list[ActuatorReport]:
    found, ends_s = [], clock.mono_s() + for_s
    while clock.mono_s() < ends_s:
        sample = driver.read()
        if isinstance(sample, ActuatorReport):
            found.append(sample)
    return found


def test_it_is_off_when_it_is_opened_and_when_it_is_closed() -> None:
    driver, relay, _ = made()
    assert not relay.on
    driver.ask(1, Output(level=1.0))
    assert relay.on
    driver.close()
    assert not relay.on
    assert relay.closed


def test_closing_what_has_gone_does_not_raise() -> None:
    driver, relay, _ = made()
    relay.gone = True
    driver.close()
    assert relay.closed


def test_what_is_asked_is_done_answered_and_reported_at_once() -> None:
    driver, relay, clock = made()
    reports(driver, clock, 0.1)
    driver.ask(7, Output(level=0.4))

    assert relay.on
    assert driver.read() == Done(token=7, ok=True)
    report = driver.read()
    assert isinstance(report, ActuatorReport)
    assert (report.level, report.measured, report.fault) == (1.0, True, None)


def test_what_it_cannot_is_answered_with_no() -> None:
    driver, _, _ = made()
    driver.ask(3, Silence())
    assert driver.read() == Done(token=3, ok=False, text="it is only on or off")


def test_a_relay_that_stands_otherwise_is_told_and_switched_again() -> None:
    driver, relay, clock = made()
    driver.ask(1, Output(level=1.0))
    reports(driver, clock, 0.1)
    relay.stuck, relay.on = True, False
    last = reports(driver, clock, 5.0)[-1]

    assert (last.level, last.fault) == (0.0, "it does not stand as it was told")
    assert driver.counters()["disobeyed"] > 0
    relay.stuck = False
    assert reports(driver, clock, 5.0)[-1].fault is None
    assert relay.on


def test_a_dumb_relay_is_reported_as_told() -> None:
    driver, relay, clock = made()
    relay.dumb = True
    driver.ask(1, Output(level=1.0))
    report = reports(driver, clock, 0.6)[-1]
    assert (report.level, report.measured) == (1.0, False)


def test_a_strobe_flashes_by_the_clock_and_ends_off() -> None:
    driver, relay, clock = made()
    driver.ask(1, Output(level=1.0, pattern="strobe"))
    found = reports(driver, clock, 4.0)
    driver.ask(2, Output(level=0.0))

    went_on = [at for at, on in relay.changes if on]
    assert 9 <= len(went_on) <= 11
    assert not relay.on
    assert {report.pattern for report in found} == {"strobe"}
    assert all(report.level == 1.0 for report in found)


def test_a_loss_is_raised() -> None:
    driver, relay, _ = made()
    relay.gone = True
    with pytest.raises(DeviceLostError):
        driver.ask(1, Output(level=1.0))


@given(st.sampled_from(sorted(PATTERNS)), st.floats(0, 1e5))
def test_no_pattern_flashes_more_than_three_times_a_second(pattern: str, begin_s: float) -> None:
    edges, now_s = 0, begin_s
    on = is_on(pattern, now_s)
    while now_s < begin_s + 1.0:
        step_s = next_change_s(pattern, now_s)
        assert step_s is not None
        now_s += max(step_s, 1e-3) + 1e-6
        edges += is_on(pattern, now_s) and not on and now_s < begin_s + 1.0
        on = is_on(pattern, now_s)
    assert edges <= 3


def test_an_unknown_pattern_is_steady() -> None:
    assert is_on("nonsense", 12.3)
    assert next_change_s("nonsense", 12.3) is None


class Wire:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def opener(opened: list[Wire]) -> Callable[[], Wire]:
    def open_wire() -> Wire:
        opened.append(Wire())
        return opened[-1]

    return open_wire


def test_a_shared_line_is_opened_once_and_closed_by_the_last() -> None:
    lines, opened = SharedLines(), list[Wire]()
    one, two = (lines.lease("/dev/x", opener(opened)) for _ in range(2))
    other = lines.lease("/dev/y", opener(opened))

    assert len(opened) == 2
    one.close()
    one.close()
    with two.use() as wire:
        assert wire is opened[0]
    assert opened[0].closed == 0
    two.close()
    assert (opened[0].closed, opened[1].closed) == (1, 0)
    other.close()


def test_a_line_that_went_has_gone_for_all_and_is_opened_anew() -> None:
    lines, opened = SharedLines(), list[Wire]()
    one, two = (lines.lease("/dev/x", opener(opened)) for _ in range(2))

    with pytest.raises(DeviceLostError), one.use():
        raise DeviceLostError("pulled")
    with pytest.raises(DeviceLostError, match="has gone"), two.use():
        pass
    third = lines.lease("/dev/x", opener(opened))
    one.close()
    two.close()

    assert [wire.closed for wire in opened] == [1, 0]
    with third.use() as wire:
        assert wire is opened[1]
    third.close()
    assert opened[1].closed == 1
