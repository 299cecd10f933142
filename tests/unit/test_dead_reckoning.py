"""Dead reckoning: the error is within what is told, sensors are learned, lies are not believed."""

import math
import random
import statistics
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.samples import FixKind, GnssEpoch, Odometry
from edge.positioning.dead_reckoning import DeadReckoning
from edge.positioning.facts import Fix
from edge.positioning.motion_filter import MotionFilter, spread_of
from edge.positioning.whereabouts import UnitPosition, Whereabouts
from tests.drives import TRACKS, Drive, Faults, Moment, Sensors, any_faults, made_up, recorded


@dataclass(frozen=True)
class Look:
    since_s: float  # the fix was lost
    off_m: float
    position: UnitPosition


def driven(drive: Drive, faults: Faults, seed: int, dark: tuple[float, float]) -> list[Look]:
    """What is told, once a second, while there is no fix from `dark` on, for so long."""
    where, looks = Whereabouts(["main"], 5.0), []
    begin_s, end_s = dark[0], dark[0] + dark[1]
    for moment, odometry, epoch in Sensors(drive, faults, seed).told():
        where.note_odometry("car", odometry)
        if moment.mono_s >= end_s:
            break
        if epoch is not None and moment.mono_s < begin_s:
            where.note("main", epoch)
        if moment.mono_s >= begin_s + 4 and abs(moment.mono_s % 1) < 0.05:
            looks.append(look(where, drive, moment, begin_s))
    return looks


def look(where: Whereabouts, drive: Drive, moment: Moment, begin_s: float) -> Look:
    position = where.at(moment.mono_s)
    assert position is not None
    east_m, north_m = drive.frame.to_metres(position.lat_deg, position.lon_deg)
    off_m = math.hypot(east_m - moment.east_m, north_m - moment.north_m)
    return Look(moment.mono_s - begin_s, off_m, position)


def test_without_a_fix_the_place_is_within_what_is_told_and_that_is_not_absurd() -> None:
    dice, looks, ends = random.Random(5), [], []
    for number in range(12):
        drive = recorded(TRACKS / "car_visnjan.csv") if number % 3 == 0 else made_up(number, 700)
        last_s = (30.0, 60.0, 120.0, 300.0)[number % 4]
        begin_s = dice.uniform(200, min(drive.duration_s, 700) - last_s - 5)
        found = driven(drive, any_faults(dice), number, (begin_s, last_s))
        assert {each.position.source for each in found} == {"dead_reckoning"}
        looks += found
        ends.append(found[-1])
    within = statistics.mean(each.off_m <= each.position.error_95_m for each in looks)
    assert within >= 0.95
    assert statistics.median(each.off_m for each in ends) > 0
    radius_m = statistics.median(each.position.error_95_m for each in ends)
    assert radius_m < 12 * statistics.median(each.off_m for each in ends)


def test_the_error_grows_while_it_moves_and_not_while_it_stands() -> None:
    reckoning = DeadReckoning()
    going_east(reckoning, 0, 300)
    errors = []
    for tick in range(3000, 4200):
        speed_mps = 5.0 if tick < 3600 else 0.0
        reckoning.note_odometry(Odometry(mono_s=tick / 10, speed_mps=speed_mps, yaw_rate_dps=0.5))
        reckoned = reckoning.at(tick / 10)
        assert reckoned is not None
        errors.append(reckoned.error_95_m)
    assert errors[10] < errors[300] < errors[599]
    assert 0.8 * errors[620] < errors[-1] < 1.01 * errors[620]  # the gyro's bias is seen better


def going_east(reckoning: DeadReckoning, begin_s: int, end_s: int, scale: float = 1.0) -> None:
    """At 5 m/s along the equator; the gyro has a bias of 0.5 degrees per second."""
    for tick in range(begin_s * 10, end_s * 10):
        mono_s = tick / 10
        reckoning.note_odometry(Odometry(mono_s=mono_s, speed_mps=5.0 / scale, yaw_rate_dps=0.5))
        if tick % 10 == 0:
            reckoning.note_fix(fix(mono_s, 5.0 * mono_s))


def fix(mono_s: float, east_m: float, north_m: float = 0.0) -> Fix:
    return Fix(
        mono_s=mono_s,
        lat_deg=north_m / 110_574.3,
        lon_deg=10 + east_m / 111_319.5,
        error_m=2.0,
        speed_mps=5.0,
        course_deg=90.0,
    )


def test_scale_and_bias_are_learned_from_the_fixes() -> None:
    reckoning = DeadReckoning()
    going_east(reckoning, 0, 400, scale=1.04)
    learned = reckoning.learned()
    assert learned is not None
    assert learned.scale == pytest.approx(1.04, abs=3 * learned.scale_error)
    assert learned.scale_error < 0.01
    assert learned.bias_dps == pytest.approx(0.5, abs=3 * learned.bias_error_dps)
    assert learned.bias_error_dps < 0.1


def test_a_fix_elsewhere_is_not_believed_until_it_stays_there() -> None:
    reckoning = DeadReckoning()
    going_east(reckoning, 0, 100)
    reckoning.note_odometry(Odometry(mono_s=100.0, speed_mps=5.0, yaw_rate_dps=0.5))
    assert not reckoning.note_fix(fix(100.0, 500.0, north_m=800.0))
    believed = []
    for tick in range(1001, 1100):
        mono_s = tick / 10
        reckoning.note_odometry(Odometry(mono_s=mono_s, speed_mps=5.0, yaw_rate_dps=0.5))
        if tick % 10 == 0:
            believed.append(reckoning.note_fix(fix(mono_s, 5.0 * mono_s, north_m=800.0)))
    assert believed[:3] == [False] * 3
    assert believed[-1]


def test_a_gap_in_the_odometry_ends_dead_reckoning() -> None:
    reckoning = DeadReckoning()
    going_east(reckoning, 0, 60)
    assert reckoning.at(60.0) is not None
    silent, longer = reckoning.at(63.0), reckoning.at(70.0)
    assert silent is not None
    assert longer is not None
    assert longer.error_95_m > silent.error_95_m > 10
    reckoning.note_odometry(Odometry(mono_s=90.0, speed_mps=5.0, yaw_rate_dps=0.5))
    assert reckoning.at(90.0) is None


def test_without_a_gyro_the_error_grows_fast() -> None:
    def reckoned_m(yaw_rate_dps: float | None) -> float:
        reckoning = DeadReckoning()
        for tick in range(1000):
            mono_s = tick / 10
            reckoning.note_odometry(
                Odometry(mono_s=mono_s, speed_mps=5.0, yaw_rate_dps=yaw_rate_dps)
            )
            if tick % 10 == 0 and tick < 800:
                reckoning.note_fix(fix(mono_s, 5.0 * mono_s))
        reckoned = reckoning.at(99.9)
        return math.inf if reckoned is None else reckoned.error_95_m

    assert reckoned_m(None) > 3 * reckoned_m(0.0)


def test_an_odometer_and_a_compass_will_do() -> None:
    reckoning = DeadReckoning()
    for tick in range(1000):
        mono_s = tick / 10
        heading_deg = 90.0 if tick < 850 else 0.0
        reckoning.note_odometry(
            Odometry(mono_s=mono_s, way_m=5.0 * mono_s, heading_deg=heading_deg)
        )
        if tick % 10 == 0 and tick < 800:
            reckoning.note_fix(fix(mono_s, 5.0 * mono_s))
    reckoned = reckoning.at(99.9)
    assert reckoned is not None
    assert reckoned.heading_deg == pytest.approx(0.0, abs=5) or reckoned.heading_deg > 355
    assert (reckoned.lat_deg * 110_574.3) == pytest.approx(75, abs=8)


def test_before_the_heading_is_known_nothing_is_reckoned() -> None:
    reckoning = DeadReckoning()
    reckoning.note_odometry(Odometry(mono_s=0.0, speed_mps=0.0, yaw_rate_dps=0.0))
    reckoning.note_fix(replace(fix(0.0, 0.0), speed_mps=0.0, course_deg=None))
    reckoning.note_odometry(Odometry(mono_s=1.0, speed_mps=5.0, yaw_rate_dps=0.0))
    assert reckoning.at(1.0) is None


def test_who_needs_a_pose_hears_of_it_while_there_is_no_fix() -> None:
    heard: list[GnssEpoch] = []
    where = Whereabouts(["main"], 5.0, heard.append)
    for tick in range(900):
        mono_s = tick / 10
        where.note_odometry("car", Odometry(mono_s=mono_s, speed_mps=5.0, yaw_rate_dps=0.0))
        if tick % 10 == 0 and tick <= 600:
            where.note("main", epoch(mono_s))
    assert {each.fix for each in heard} == {FixKind.ESTIMATED}
    assert 62 < heard[0].mono_s < 63
    assert 3 * (90 - 62.5) <= len(heard) <= 5 * (90 - 62.5)
    assert all(each.error_m is not None and each.heading_deg is not None for each in heard)


def epoch(mono_s: float) -> GnssEpoch:
    told = fix(mono_s, 5.0 * mono_s)
    return GnssEpoch(
        mono_s=mono_s, utc=None, fix=FixKind.FIX_3D, lat_deg=told.lat_deg, lon_deg=told.lon_deg,
        speed_mps=5.0, course_deg=90.0, hdop=0.8,
    )  # fmt: skip


def test_the_circle_holds_95_of_100() -> None:
    draw = np.random.default_rng(1)
    for small_m, turn in ((1.0, 0.0), (0.3, 0.7), (0.02, 1.2)):
        axes = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        covariance = axes @ np.diag([1.0, small_m**2]) @ axes.T
        points = draw.multivariate_normal([0.0, 0.0], covariance, 200_000)
        within = (np.hypot(*points.T) <= spread_of(covariance).error_95_m).mean()
        assert within == pytest.approx(0.95, abs=0.003)


number = st.floats(-1e9, 1e9, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 5),
            st.one_of(st.none(), st.floats(-60, 60)),
            st.one_of(st.none(), st.floats(-400, 400)),
            st.one_of(st.none(), st.floats(0, 360)),
            st.booleans(),
            st.floats(-3000, 3000),
        ),
        max_size=60,
    )
)
def test_whatever_is_told_the_answer_is_a_place_with_an_error_or_none(
    steps: list[tuple[float, float | None, float | None, float | None, bool, float]],
) -> None:
    reckoning, mono_s = DeadReckoning(), 0.0
    for dt_s, speed_mps, yaw_dps, heading_deg, has_fix, off_m in steps:
        mono_s += dt_s
        reckoning.note_odometry(
            Odometry(
                mono_s=mono_s, speed_mps=speed_mps, yaw_rate_dps=yaw_dps, heading_deg=heading_deg
            )
        )
        if has_fix:
            reckoning.note_fix(fix(mono_s, off_m, off_m / 2))
        reckoned = reckoning.at(mono_s)
        if reckoned is not None:
            values = (reckoned.lat_deg, reckoned.lon_deg, reckoned.error_m, reckoned.error_95_m)
            assert all(map(math.isfinite, values))
            assert reckoned.error_95_m > 0
            assert 0 <= reckoned.heading_deg < 360


def test_the_covariance_stays_one() -> None:
    state = MotionFilter(2.0, 0.03)
    state.set_heading(0.3, 0.1)
    dice = random.Random(3)
    for _ in range(20_000):
        state.advance(0.1, dice.uniform(-2, 20), dice.gauss(0, 0.2), 0.0)
        if dice.random() < 0.1:
            state.see_place(state.state[0] + dice.gauss(0, 3), state.state[1], 15.0)
            state.see_heading(state.state[2] + dice.gauss(0, 0.02), 0.03)
    assert np.linalg.eigvalsh(state.covariance).min() > 0
    assert np.allclose(state.covariance, state.covariance.T)
