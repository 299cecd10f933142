"""What is odd about a receiver: told from its own sentences, simulated and recorded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drivers.gnss.receiver import NmeaReceiver
from drivers.gnss.route import Route, demo_route
from drivers.gnss.simulator import Corrections, GnssSimulator, SimulatorPlan
from drivers.samples import FixKind, GnssEpoch
from edge.positioning.agreement import Agreement
from edge.positioning.receiver_watch import ReceiverWatch
from edge.positioning.whereabouts import Whereabouts
from edge.reporting.gnss_findings import (
    charge_findings,
    fix_quality_findings,
    signal_findings,
    time_findings,
)
from edge.timebase import Timebase
from tests.fakes import ManualClock
from tests.shared_data import shared

DEMO = demo_route().route()
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def epochs(plan: SimulatorPlan, seconds: int) -> Iterator[GnssEpoch]:
    """As a live receiver gives them, one a second; the stamp counts from the start."""
    simulator, receiver = GnssSimulator(plan, START), NmeaReceiver(max_speed_mps=80.0, live=True)
    for second in range(seconds):
        done = receiver.feed(simulator.burst(), float(second)) + receiver.silence(second + 0.5)
        yield from (timed.epoch for timed in done)


def codes_by_second(plan: SimulatorPlan, seconds: int) -> dict[int, set[str]]:
    watch, found = ReceiverWatch(), {}
    for epoch in epochs(plan, seconds):
        watch.note(epoch)
        told = [*signal_findings("main", watch), *fix_quality_findings("main", watch)]
        found[round(epoch.mono_s)] = {finding.code for finding in told}
    return found


def test_an_hour_under_open_sky_has_no_hint() -> None:
    plan = SimulatorPlan(route=DEMO, constellations=("GP", "GL", "GA", "GB"), heading=True)
    assert set().union(*codes_by_second(plan, 3600).values()) == set()


def test_a_tunnel_is_low_signals_and_less_belief_in_its_fixes() -> None:
    plan = SimulatorPlan(route=DEMO, tunnels=((60, 30),))
    found = codes_by_second(plan, 150)
    assert found[58] == set()
    assert found[75] == {"gnss_signals_low"}
    assert found[110] == set()
    watch, doubts = ReceiverWatch(), {}
    for epoch in epochs(plan, 150):
        watch.note(epoch)
        if epoch.has_fix:
            doubts[round(epoch.mono_s)] = watch.doubt
    assert doubts[58] == 1.0
    assert doubts[62] > 5.0, "the last fixes, when the signals were already falling"
    assert doubts[120] == 1.0


def test_signals_that_fall_while_the_unit_stands_are_jamming() -> None:
    stands = Route(((52.0, 13.0), (52.0, 13.00001)), loop=False)
    plan = SimulatorPlan(route=stands, jamming=((60, 30),))
    found = codes_by_second(plan, 150)
    assert found[58] == set()
    assert "gnss_jammed" in found[70]
    assert found[110] == set()


def test_deceit_is_uniform_signals_and_a_jump_that_stays() -> None:
    plan = SimulatorPlan(route=DEMO, spoofing=((60, 60),))
    found = codes_by_second(plan, 100)
    assert found[58] == set()
    assert "gnss_jumps" in found[61]
    assert {"gnss_signals_uniform", "gnss_jumps"} <= found[80]


def test_real_receivers_are_not_called_uniform_jammed_or_jumping() -> None:
    logs = sorted(shared("data/nmea").rglob("*.log"))
    well = 0
    for log in logs:
        receiver, watch, base_ms = NmeaReceiver(max_speed_mps=80.0, live=True), ReceiverWatch(), -1
        for timed in receiver.feed(log.read_bytes(), 0.0) + receiver.silence(1e9):
            if timed.day_ms is None:
                continue
            base_ms = timed.day_ms if base_ms < 0 else base_ms
            watch.note(replace(timed.epoch, mono_s=(timed.day_ms - base_ms) % 86_400_000 / 1000))
            hints = (watch.uniform, watch.jammed, watch.moved_by_m)
            assert hints == (False, False, None), log.name
        well += watch.sky is not None and len(watch.sky.tracked()) >= 8
    assert well > 20


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"antenna": "open"}, "gnss_antenna"),
        ({"antenna": "short"}, "gnss_antenna"),
        ({"jamming": 3}, "gnss_jammed"),
        ({"antenna": "ok", "jamming": 1}, None),
    ],
)
def test_what_the_receiver_says_itself_is_passed_on(
    told: dict[str, object], code: str | None
) -> None:
    watch = ReceiverWatch()
    watch.note(replace(epoch_at(0.0), **told))  # type: ignore[arg-type]
    assert [finding.code for finding in signal_findings("main", watch)] == ([code] if code else [])


def epoch_at(mono_s: float, lat_deg: float = 52.0, **changes: object) -> GnssEpoch:
    epoch = GnssEpoch(
        mono_s=mono_s, utc=START + timedelta(seconds=mono_s), fix=FixKind.FIX_3D,
        lat_deg=lat_deg, lon_deg=13.0, hdop=1.0, speed_mps=5.0,
    )  # fmt: skip
    return replace(epoch, **changes)  # type: ignore[arg-type]


def test_old_corrections_are_told_while_there_is_a_fix() -> None:
    plan = SimulatorPlan(route=DEMO, corrections=Corrections(quality=4, age_s=45.0))
    assert codes_by_second(plan, 5)[4] == {"gnss_corrections_old"}
    plan = SimulatorPlan(route=DEMO, corrections=Corrections(quality=4, age_s=1.0))
    assert codes_by_second(plan, 5)[4] == set()


def test_two_receivers_that_are_apart_for_five_seconds_disagree() -> None:
    agreement = Agreement()
    for second in range(10):
        near = {"a": epoch_at(float(second)), "b": epoch_at(second + 0.2, 52.0001)}
        assert agreement.look(near, second + 0.5) == ""
    for second in range(10, 20):
        far = {"a": epoch_at(float(second)), "b": epoch_at(second + 0.2, 52.003)}
        told = agreement.look(far, second + 0.5)
        assert (told == "a and b are 334 m apart") == (second >= 15), (second, told)
    assert agreement.look({"a": epoch_at(20.0), "b": None}, 20.5) == ""


def test_an_old_date_is_told_and_no_source_of_time() -> None:
    for days, told in ((365, "2045"), (7168, "1024 weeks")):
        clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
        base = Timebase(clock, ["main"], synchronised=False)
        for epoch in epochs(SimulatorPlan(route=DEMO, days_back=days), 4):
            base.note_gnss("main", epoch)
        assert base.now()[1] == "none"
        (finding,) = time_findings(base.doubts())
        assert finding.code == "gnss_date_wrong"
        assert told in finding.text


def test_last_years_date_is_seen_beside_a_clock_that_was_set() -> None:
    clock = ManualClock(START + timedelta(days=400))
    base = Timebase(clock, ["main"], synchronised=False)
    base.note_gnss("main", replace(epoch_at(0.0), mono_s=clock.mono_s()))
    assert base.now()[1] == "rtc"
    assert base.doubts()["main"].what == "date"


def test_a_time_that_is_not_that_of_the_network_is_told() -> None:
    clock = ManualClock(START)
    base = Timebase(clock, ["main"], synchronised=True)
    base.note_gnss("main", replace(epoch_at(2.0), mono_s=clock.mono_s()))
    assert base.doubts() == {}
    base.note_gnss("main", replace(epoch_at(18.0), mono_s=clock.mono_s()))
    assert time_findings(base.doubts())[0].code == "gnss_time_disagrees"
    assert "+18 s" in base.doubts()["main"].text


def test_a_time_that_jumps_is_told_for_ten_minutes() -> None:
    clock = ManualClock(datetime(1970, 1, 1, tzinfo=UTC))
    base = Timebase(clock, ["main"], synchronised=False)
    for second in range(20):
        clock.advance(1.0)
        off_s = 40.0 if second >= 10 else 0.0
        base.note_gnss("main", replace(epoch_at(second + off_s), mono_s=clock.mono_s()))
    assert "jumped by +40 s" in base.doubts()["main"].text
    clock.advance(700.0)
    assert base.doubts() == {}


def test_a_spare_in_use_and_a_receiver_against_the_wheels_are_told() -> None:
    where = Whereabouts(["roof", "spare"], 5.0)
    where.note("roof", epoch_at(0.0))
    assert charge_findings(where, "roof", 0.0) == []
    where.note("spare", epoch_at(9.0))
    (finding,) = charge_findings(where, "roof", 9.0)
    assert (finding.code, finding.component) == ("gnss_spare_in_use", "spare")
    assert "roof has had no fix for 3 s" in finding.text
    alone = Whereabouts(["roof", "spare"], 5.0)
    alone.note("spare", epoch_at(0.0))
    assert "no fix since the start" in charge_findings(alone, "roof", 1.0)[0].text
