"""When a unit in a car sleeps, what must never make it sleep, and what then rests."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from config.sleep import SleepConfig
from drivers.samples import Battery, VehicleState
from edge.body.carrier import Carrier
from edge.resting.bedtime import MEAN_OVER_S, NEVER_BEFORE_S, Bedtime
from edge.resting.nap import Nap
from edge.resting.power import command_of, run
from edge.resting.resting import TRY_AGAIN_S, Resting
from edge.resting.switches import STEADY_S, Switches
from edge.running.driver_loop import DriverHealth
from tests.carriers import carrier
from tests.fakes import ManualClock

HALF_HOUR = SleepConfig(after_s=1800)


def evening(bedtime: Bedtime, begin_s: float, end_s: float, **told: object) -> list[str]:
    """Its steps, second by second."""
    facts = {"ignition": False, "voltage_v": 12.6, "busy": ""} | told
    return [bedtime.look(float(s), **facts) for s in range(int(begin_s), int(end_s))]  # type: ignore[arg-type]


def test_it_works_on_for_half_an_hour_and_sleeps_until_the_key_is_turned() -> None:
    bedtime = Bedtime(HALF_HOUR)
    assert set(evening(bedtime, 0, 10, ignition=True)) == {"awake"}
    assert set(evening(bedtime, 10, 10 + 1800)) == {"waiting"}
    assert set(evening(bedtime, 1810, 5000)) == {"asleep"}
    assert set(evening(bedtime, 5000, 5001, ignition=True)) == {"awake"}
    assert set(evening(bedtime, 5001, 5001 + 1800)) == {"waiting"}, "from the beginning"


@settings(deadline=None)  # other tests run beside it
@given(
    st.lists(
        st.tuples(
            st.sampled_from([True, False, None]),
            st.one_of(st.none(), st.floats(0, 30)),
            st.sampled_from(["", "a task is open"]),
            st.floats(0.5, 900),
        ),
        max_size=60,
    )
)
def test_it_sleeps_only_when_off_for_long_enough_and_idle(steps) -> None:
    bedtime, now_s, off_s = Bedtime(HALF_HOUR), 0.0, None
    for ignition, voltage_v, busy, passed_s in steps:
        now_s += passed_s
        off_s = (now_s if off_s is None else off_s) if ignition is False else None
        step = bedtime.look(now_s, ignition=ignition, voltage_v=voltage_v, busy=busy)
        if step == "asleep":
            assert off_s is not None
            assert not busy
            assert now_s - off_s >= NEVER_BEFORE_S


def test_a_bus_that_is_lost_is_no_key_that_was_turned() -> None:
    bedtime = Bedtime(HALF_HOUR)
    assert set(evening(bedtime, 0, 1000)) == {"waiting"}
    assert set(evening(bedtime, 1000, 90_000, ignition=None, voltage_v=None)) == {"awake"}
    assert set(evening(bedtime, 90_000, 91_800)) == {"waiting"}, "counted anew"


def test_a_low_battery_shortens_it_to_five_minutes_and_one_reading_does_not() -> None:
    bedtime = Bedtime(HALF_HOUR)
    evening(bedtime, 0, 100, ignition=True, voltage_v=14.0)
    steps = evening(bedtime, 100, 100 + NEVER_BEFORE_S + 1, voltage_v=11.5)
    assert (steps[-2], steps[-1]) == ("waiting", "asleep")
    assert bedtime.low
    cranked = Bedtime(HALF_HOUR)
    for second in range(1700):
        voltage_v = 8.0 if second % 200 == 0 else 12.4
        step = cranked.look(float(second), ignition=False, voltage_v=voltage_v, busy="")
        assert step == "waiting", f"after {second} s"
    short = Bedtime(HALF_HOUR)
    begun = NEVER_BEFORE_S + 10
    assert set(evening(short, 0, begun, voltage_v=None)) == {"waiting"}
    assert set(evening(short, begun, begun + MEAN_OVER_S, voltage_v=11.0)) == {"waiting"}
    assert evening(short, begun + MEAN_OVER_S, begun + MEAN_OVER_S + 1, voltage_v=11.0) == [
        "asleep"
    ]


def test_work_keeps_it_awake_and_is_named() -> None:
    bedtime = Bedtime(HALF_HOUR)
    assert set(evening(bedtime, 0, 4000, busy="a call for help stands")) == {"waiting"}
    assert bedtime.held == "a call for help stands"
    assert evening(bedtime, 4000, 4001) == ["asleep"]
    assert bedtime.held == ""
    assert evening(bedtime, 4001, 4002, busy="the task x is open") == ["waiting"], "it wakes up"


# --- switches ----------------------------------------------------------------------------------


def car(name: str = "car") -> Carrier:
    made = carrier(name)
    made.health.open = True
    return made


def told(of: Carrier, mono_s: float, **facts: object) -> None:
    of.note(VehicleState(mono_s=mono_s, **facts))  # type: ignore[arg-type]


def test_switches_are_told_when_they_change_and_are_steady() -> None:
    of = car()
    switches = Switches([of])
    found = []
    for tenth in range(200):
        now_s = tenth / 10
        bouncing = now_s > 5 and int(now_s * 5) % 2 == 0
        ignition = now_s < 10
        told(of, now_s, ignition=ignition, light_bar=bouncing, siren=None)
        found += [(what, round(now_s, 1)) for what, _ in switches.look(now_s)]
    assert [what for what, _ in found] == ["ignition_off"]
    assert 10 + STEADY_S <= found[0][1] <= 10 + STEADY_S + 0.2
    assert (switches.ignition, switches.siren) == (False, None)


def test_a_carrier_that_is_away_or_old_says_nothing() -> None:
    of = car()
    switches = Switches([of])
    for second in range(5):
        told(of, float(second), ignition=False)
        switches.look(float(second))
    assert switches.ignition is False
    of.health.open = False
    switches.look(5.0)
    assert switches.ignition is None
    of.health.open = True
    assert switches.look(4.0 + 6.0) == []
    assert switches.ignition is None, "it is six seconds old"


def test_the_voltage_is_the_one_that_was_told_lately() -> None:
    of = car()
    switches = Switches([of])
    of.note(Battery(mono_s=10.0, voltage_v=12.2))
    of.note(Battery(mono_s=10.0, name="fuel", percent=50))
    switches.look(12.0)
    assert switches.voltage_v == 12.2
    switches.look(40.0)
    assert switches.voltage_v is None


# --- what rests --------------------------------------------------------------------------------


def test_a_worker_rests_and_begins_again() -> None:
    clock, sessions, stop = ManualClock(), [], threading.Event()
    nap, health = Nap(clock), DriverHealth("front", "camera")

    def look_on(beat, until: threading.Event) -> None:
        sessions.append("opened")
        while not until.wait(0.01):
            beat()
        sessions.append("closed")

    beats: list[float] = []
    work = nap.rests(look_on, health)
    thread = threading.Thread(target=work, args=(lambda: beats.append(time.monotonic()), stop))
    thread.start()
    try:
        assert eventually(lambda: sessions == ["opened"])
        nap.begin()
        assert eventually(lambda: health.resting)
        assert sessions == ["opened", "closed"]
        before = len(beats)
        assert eventually(lambda: len(beats) > before), "it gives signs of life while it rests"
        nap.end()
        assert eventually(lambda: len(sessions) == 3)
        assert not health.resting
        assert health.last_sample_mono_s == clock.mono_s(), "it is not silent since before"
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
    assert sessions == ["opened", "closed", "opened", "closed"]


def test_a_nap_that_is_over_before_the_work_has_stopped_costs_no_worker() -> None:
    nap, health, stop = Nap(ManualClock()), DriverHealth("front", "camera"), threading.Event()
    begun: list[int] = []

    def slow_to_stop(_beat, _until: threading.Event) -> None:
        begun.append(1)
        if len(begun) == 1:
            nap.begin()
            nap.end()
        else:
            stop.set()

    nap.rests(slow_to_stop, health)(lambda: None, stop)
    assert len(begun) == 2


def eventually(condition, within_s: float = 5.0) -> bool:
    ends_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.01)
    return True


class Heard:
    """A witness that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def tell(self, data, _mono_s) -> None:
        self.told.append((data.what, data.component))

    def pose_at(self, _mono_s):
        return None, None


@contextmanager
def parked(**sleep: object) -> Iterator[tuple[Resting, Carrier, ManualClock, list[str], list[int]]]:
    """A unit in a car whose key was just turned; what was run, and how many messages wait."""
    of, clock, ran, waiting = car(), ManualClock(), [], [0]

    def ran_it(command) -> str:
        ran.append(" ".join(command))
        return "Interactive authentication required." if len(ran) == 1 else ""

    resting = Resting(
        config=SleepConfig.model_validate({"after_s": 60} | sleep),
        carriers=[of],
        witness=Heard(),  # type: ignore[arg-type]
        clock=clock,
        pending=lambda: waiting[0],
        busy=lambda: "",
        run=ran_it,
    )
    told(of, clock.mono_s(), ignition=True)
    yield resting, of, clock, ran, waiting


def live(resting: Resting, of: Carrier, clock: ManualClock, for_s: float, **facts: object) -> None:
    for _ in range(int(for_s * 2)):
        clock.advance(0.5)
        told(of, clock.mono_s(), **facts)
        resting.look()


def test_the_queue_is_emptied_before_the_power_goes_and_a_refusal_is_told() -> None:
    with parked(action="poweroff", flush_s=20) as (resting, of, clock, ran, waiting):
        live(resting, of, clock, 10, ignition=True)
        waiting[0] = 5
        live(resting, of, clock, 62 + STEADY_S, ignition=False)
        assert resting.nap.resting
        assert ran == []
        waiting[0] = 0
        live(resting, of, clock, 1, ignition=False)
        assert ran == ["systemctl poweroff"]
        assert [each.code for each in resting.findings()] == ["sleep_failed"]
        assert "authentication" in resting.findings()[0].text
        live(resting, of, clock, 60, ignition=False)
        assert len(ran) == 1
        live(resting, of, clock, TRY_AGAIN_S, ignition=False)
        assert len(ran) == 2
        assert resting.findings() == []
        live(resting, of, clock, 3, ignition=True)
        assert not resting.nap.resting
        assert resting.witness.told == [  # type: ignore[attr-defined]
            ("ignition_off", "car"),
            ("asleep", "unit"),
            ("ignition_on", "car"),
            ("awake", "unit"),
        ]


def test_a_queue_that_does_not_empty_holds_it_up_for_so_long_and_no_longer() -> None:
    with parked(action="suspend", flush_s=20) as (resting, of, clock, ran, waiting):
        waiting[0] = 9
        live(resting, of, clock, 62 + STEADY_S, ignition=False)
        live(resting, of, clock, 15, ignition=False)
        assert ran == []
        live(resting, of, clock, 6, ignition=False)
        assert ran == ["systemctl suspend"]


def test_by_default_nothing_is_run_and_a_lost_bus_wakes_it() -> None:
    with parked() as (resting, of, clock, ran, _):
        live(resting, of, clock, 62 + STEADY_S, ignition=False)
        assert resting.nap.resting
        live(resting, of, clock, 100, ignition=False)
        live(resting, of, clock, 10, ignition=None)
        assert not resting.nap.resting
        assert ran == []


def test_blue_lights_make_it_hurry() -> None:
    with parked() as (resting, of, clock, _, _):
        live(resting, of, clock, 5, ignition=True, light_bar=True)
        assert resting.in_a_hurry
        live(resting, of, clock, 5, ignition=True, light_bar=None)
        assert not resting.in_a_hurry


def test_the_owner_may_have_a_command_and_its_fault_is_told_in_its_words() -> None:
    config = SleepConfig(action="command", command=(sys.executable, "-c", "print('no'); exit(3)"))
    assert run(command_of(config)) == "no"
    assert run((sys.executable, "-c", "")) == ""
    assert "No such file" in run(("/no/such/program",))
    assert command_of(SleepConfig()) == ()
    with pytest.raises(ValidationError, match="go together"):
        SleepConfig(action="command")
