"""Which positions the hub hears, and how far it may believe them."""

import random

import pytest

from config.models import PositionConfig
from drivers.samples import FixKind, GnssEpoch
from edge.positioning.schedule import PositionSchedule
from edge.positioning.whereabouts import Whereabouts, error_radius_m

CONFIG = PositionConfig()


def epoch(mono_s: float = 0.0, **changes: object) -> GnssEpoch:
    values: dict[str, object] = {
        "mono_s": mono_s,
        "utc": None,
        "fix": FixKind.FIX_3D,
        "lat_deg": 35.4,
        "lon_deg": 116.6,
        "speed_mps": 5.0,
        "course_deg": 90.0,
        "hdop": 1.0,
    }
    return GnssEpoch(**(values | changes))  # type: ignore[arg-type]


def reported(epochs: list[GnssEpoch]) -> list[float]:
    """The stamps of those that are reported, each asked for as it comes."""
    where, schedule = Whereabouts(["main"], CONFIG.lost_after_s), PositionSchedule(CONFIG)
    told = []
    for one in epochs:
        where.note("main", one)
        position = where.at(one.mono_s)
        if position is not None and schedule.due(position, one.mono_s):
            told.append(one.mono_s)
    return told


def test_a_patrolling_unit_reports_every_five_seconds() -> None:
    assert reported([epoch(float(s)) for s in range(16)]) == [0.0, 5.0, 10.0, 15.0]


def test_a_parked_unit_reports_every_thirty() -> None:
    parked = [epoch(float(s), speed_mps=0.1, course_deg=s * 40 % 360) for s in range(61)]
    assert reported(parked) == [0.0, 30.0, 60.0]


def test_setting_off_is_told_at_once() -> None:
    epochs = [epoch(float(s), speed_mps=0.0 if s < 7 else 4.0) for s in range(10)]
    assert reported(epochs) == [0.0, 7.0]


def test_a_turn_is_told_at_once_also_through_north() -> None:
    epochs = [epoch(float(s), course_deg=355.0 if s < 2 else 11.0) for s in range(4)]
    assert reported(epochs) == [0.0, 2.0]


def test_nothing_is_known_before_the_first_fix() -> None:
    where = Whereabouts(["main"], 5.0)
    where.note("main", epoch(fix=FixKind.NONE, lat_deg=None, lon_deg=None))
    assert where.at(1.0) is None


def test_a_lost_fix_becomes_last_known_with_a_growing_error() -> None:
    where = Whereabouts(["main"], 5.0)
    where.note("main", epoch(0.0))
    fresh, old, older = where.at(4.0), where.at(6.0), where.at(60.0)

    assert fresh is not None
    assert old is not None
    assert older is not None
    assert (fresh.source, old.source, older.source) == ("gnss", "last_known", "last_known")
    assert fresh.error_m < old.error_m < older.error_m


def test_losing_the_fix_and_finding_it_again_are_told_at_once() -> None:
    where, schedule = Whereabouts(["main"], 5.0), PositionSchedule(CONFIG)
    told = []
    for tenth in range(200):
        now = tenth / 10
        if now < 1.0 or now > 15.0:
            where.note("main", epoch(now))
        position = where.at(now)
        assert position is not None
        if schedule.due(position, now):
            told.append((now, position.source))
    lost = next(now for now, source in told if source == "last_known")
    assert lost == pytest.approx(5.9, abs=0.2)
    back = next(now for now, source in told if now > lost and source == "gnss")
    assert back == pytest.approx(15.3, abs=0.05)  # the first two are looked at, not believed


def test_a_second_receiver_speaks_when_the_first_is_silent_and_gives_way_without_haste() -> None:
    where = Whereabouts(["roof", "spare"], 5.0)
    where.note("roof", epoch(0.0, lat_deg=1.0))
    assert not where.note("spare", epoch(1.0, lat_deg=2.0))
    assert where.note("spare", epoch(4.0, lat_deg=2.0))
    assert where.in_charge == "spare"
    for second in range(5, 15):
        assert not where.note("roof", epoch(float(second), lat_deg=1.0)), second
        assert where.note("spare", epoch(second + 0.1, lat_deg=2.0))
    assert where.note("roof", epoch(15.0, lat_deg=1.0))
    assert where.handed is not None
    assert (where.handed.to, where.handed.before) == ("roof", "spare")


def test_at_the_start_the_preferred_receiver_speaks_at_once() -> None:
    where = Whereabouts(["roof", "spare"], 5.0)
    assert where.note("spare", epoch(0.0, lat_deg=2.0))
    assert where.note("roof", epoch(0.1, lat_deg=1.0))
    assert where.in_charge == "roof"
    assert where.handed is None


def test_receivers_that_come_and_go_do_not_flap() -> None:
    where, dice, changes = Whereabouts(["roof", "spare"], 5.0), random.Random(1), []
    for tick in range(6000):  # ten minutes: the roof one has a fix now and then
        now = tick / 10
        if dice.random() < 0.05:
            where.note("roof", epoch(now, hdop=dice.uniform(0.6, 6.0)))
        where.note("spare", epoch(now))
        if not changes or changes[-1] != where.in_charge:
            changes.append(where.in_charge)
    assert len(changes) < 60  # one of them may take over every 10 s


def test_the_far_more_accurate_receiver_speaks_and_a_doubtful_one_does_not() -> None:
    where = Whereabouts(["roof", "spare"], 5.0)
    for second in range(30):
        where.note("roof", epoch(float(second)))
        where.note("spare", epoch(second + 0.1, fix=FixKind.RTK_FIXED))
    assert where.in_charge == "spare"
    for second in range(30, 60):
        where.note("roof", epoch(float(second)))
        where.note("spare", epoch(second + 0.1, fix=FixKind.RTK_FIXED), doubt=10.0)
    assert where.in_charge == "roof"


def test_the_first_fixes_after_a_gap_must_agree() -> None:
    where = Whereabouts(["main"], 5.0)
    assert where.note("main", epoch(0.0))
    assert not where.note("main", epoch(60.0, lat_deg=35.402))
    assert not where.note("main", epoch(61.0, lat_deg=35.410))  # a reflection
    assert not where.note("main", epoch(62.0, lat_deg=35.402))
    assert not where.note("main", epoch(63.0, lat_deg=35.40205))
    position = where.at(63.0)
    assert position is not None
    assert position.source == "last_known"
    assert where.note("main", epoch(64.0, lat_deg=35.4021))


def test_the_error_radius_is_the_receivers_own_where_it_tells() -> None:
    assert error_radius_m(epoch(error_m=0.7)) == 0.7
    assert error_radius_m(epoch(hdop=2.0)) == pytest.approx(6.0)
    assert error_radius_m(epoch(fix=FixKind.RTK_FIXED)) < 0.1
    assert error_radius_m(epoch(hdop=None)) > error_radius_m(epoch())
