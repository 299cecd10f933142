"""The engine and the life of episodes, with the rule that says least: intrusion."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from config.rules import RuleConfig
from perception.place.frame import LocalFrame
from perception.place.placed import Scene, Unplaced
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from perception.zones.zones import Zone, ZoneError
from tests.rules.scenes import FRAME, scene, square, track

RULE = TypeAdapter(RuleConfig)


def engine(*zones: Zone, **options: Any) -> Engine:
    config = {"kind": "intrusion", "zones": ["yard"], **options}
    known = zones or (square(),)
    return Engine(build_rules({"fence": RULE.validate_python(config)}, known), known)


def run(ours: Engine, scenes: list[Scene]) -> list[Alert]:
    return [news for each in scenes for news in ours.see(each) if isinstance(news, Alert)]


def standing(until_s: float, east_m: float = 0.0, from_s: float = 0.0) -> list[Scene]:
    times = np.arange(from_s, until_s, 0.2)
    return [scene(float(t), [track(1, east_m, 0.0, float(t))]) for t in times]


def phases(alerts: list[Alert]) -> list[str]:
    return [alert.phase for alert in alerts]


def test_who_stands_in_a_zone_is_told_once_after_the_minimum_duration() -> None:
    alerts = run(engine(), standing(5.0))

    assert phases(alerts) == ["new"]
    first = alerts[0]
    assert (first.rule, first.name, first.zone, first.label) == (
        "intrusion", "fence", "yard", "person",
    )  # fmt: skip
    assert first.begun_mono_s == 0.0
    assert first.last_mono_s == pytest.approx(1.0)
    assert first.place is not None
    assert first.severity == 2
    assert first.confidence > 0.9


def test_who_leaves_ends_it_after_clear_after() -> None:
    ours = engine()
    alerts = run(ours, standing(5.0) + standing(12.0, east_m=20.0, from_s=5.0))

    assert phases(alerts) == ["new", "end"]
    assert alerts[1].reason == "cleared"
    assert alerts[1].last_mono_s == pytest.approx(4.8)  # when it was last seen to hold


def test_who_is_not_seen_any_more_is_lost() -> None:
    empty = [scene(float(t)) for t in np.arange(5.0, 12.0, 0.2)]

    alerts = run(engine(), standing(5.0) + empty)

    assert phases(alerts) == ["new", "end"]
    assert alerts[1].reason == "lost"


def test_updates_come_at_their_interval() -> None:
    alerts = run(engine(update_every_s=10.0), standing(36.0))

    assert phases(alerts) == ["new", "update", "update", "update"]
    assert {alert.episode for alert in alerts} == {1}


def test_who_passes_through_too_quickly_is_not_told() -> None:
    assert run(engine(), standing(0.9) + standing(3.0, east_m=20.0, from_s=0.9)) == []


def test_a_dip_does_not_end_an_episode_and_a_return_is_not_told_within_the_cool_down() -> None:
    ours = engine(cool_down_s=30.0)
    out = standing(6.0, 20.0, 5.0)
    back = standing(10.0, 0.0, 6.0)
    gone = standing(15.0, 20.0, 10.0)
    again = standing(20.0, 0.0, 15.0)

    alerts = run(ours, standing(5.0) + out + back + gone + again)

    assert phases(alerts) == ["new", "update", "end"]
    later = standing(60.0, 20.0, 20.0) + standing(65.0, 0.0, 60.0)
    assert phases(run(ours, later)) == ["new"]


def test_each_person_is_an_episode_of_its_own() -> None:
    scenes = [
        scene(float(t), [track(1, 0.0, 0.0, float(t)), track(2, 3.0, 3.0, float(t))])
        for t in np.arange(0.0, 4.0, 0.2)
    ]

    alerts = run(engine(), scenes)

    assert [(alert.episode, alert.tracks) for alert in alerts] == [(1, (1,)), (2, (2,))]


@pytest.mark.parametrize("reason", ["camera_lost", "shutdown"])
def test_an_end_of_the_camera_ends_what_is_open(reason: Any) -> None:
    ours = engine()
    run(ours, standing(5.0))

    ends = [each for each in ours.end("front", reason, 5.0) if isinstance(each, Alert)]

    assert [(alert.phase, alert.reason) for alert in ends] == [("end", reason)]
    assert ours.end("front", reason, 6.0) == []


def test_a_predicted_position_proves_nothing() -> None:
    guessed = [
        scene(float(t), [track(1, 0.0, 0.0, float(t), seen=False)])
        for t in np.arange(0.0, 5.0, 0.2)
    ]

    assert run(engine(), guessed) == []


def test_a_position_with_a_large_error_is_not_inside() -> None:
    vague = [
        scene(float(t), [track(1, 0.0, 0.0, float(t), error_m=8.0)])
        for t in np.arange(0.0, 5.0, 0.2)
    ]

    assert run(engine(), vague) == []


def test_a_slip_of_the_tracker_does_not_begin_another_episode() -> None:
    slips = [
        scene(float(t), [track(1 + int(t), 0.0, 0.0, float(t))]) for t in np.arange(0.0, 9.0, 0.2)
    ]

    (alert,) = run(engine(), slips)

    assert alert.tracks == (1, 2)


def test_what_two_cameras_see_is_one_episode_in_whatever_order_and_ends_with_the_last() -> None:
    for first, second in (("front", "left"), ("left", "front")):
        ours = engine()
        scenes = [
            scene(float(t), [track(n, 0.0, 0.0, float(t), camera=camera)], camera=camera)
            for t in np.arange(0.0, 4.0, 0.2)
            for n, camera in ((1, first), (2, second))
        ]
        assert phases(run(ours, scenes)) == ["new"]
        assert ours.end(first, "camera_lost", 4.0) == []
        assert len(ours.end(second, "camera_lost", 4.0)) == 1


def test_outside_its_hours_a_rule_is_silent_and_ends_what_was_open() -> None:
    ours = engine(active=["22:00-06:00"])
    night = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
    alerts = [
        news
        for each in standing(8.0)
        for news in ours.see(each, utc=night if each.mono_s < 4 else night + timedelta(hours=12))
        if isinstance(news, Alert)
    ]

    assert [(alert.phase, alert.reason) for alert in alerts] == [
        ("new", None), ("end", "off_hours"),
    ]  # fmt: skip


def test_a_rule_that_cannot_work_says_why() -> None:
    ours = engine()

    ours.see(scene(1.0, frame=None, unplaced=Unplaced.NO_HEADING))

    (blind,) = ours.blind()
    assert (blind.name, blind.camera, blind.why, blind.since_mono_s) == (
        "fence", "front", "no_heading", 1.0,
    )  # fmt: skip
    ours.see(scene(2.0))
    assert ours.blind() == ()


def test_a_zone_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ZoneError, match="there is no zone yard") as caught:
        engine(square("quay"))

    assert "quay" in caught.value.cure


def test_positions_in_another_frame_are_moved_into_ours() -> None:
    ours, other = engine(), LocalFrame.at(35.41, 116.62)
    ours.see(scene(0.0))
    alerts = []
    for t in np.arange(1.0, 4.0, 0.2):
        here = other.to_metres(*FRAME.to_degrees(0.0, 0.0))
        alerts += run(ours, [scene(float(t), [track(1, *here, float(t))], frame=other)])

    assert phases(alerts) == ["new"]
    assert alerts[0].frame == FRAME
    assert alerts[0].place is not None
    assert abs(alerts[0].place.east_m) < 0.01


@pytest.mark.parametrize("jump_s", [-1000.0, 1e6])
def test_a_leap_of_the_stamps_ends_what_is_open_and_work_goes_on(jump_s: float) -> None:
    ours = engine()
    alerts = run(ours, standing(5.0) + standing(5.0 + jump_s + 5.0, from_s=5.0 + jump_s))

    assert phases(alerts) == ["new", "end", "new"]
    assert alerts[1].reason == "time_jump"
    assert ours.refused["time_jump"] == 1


def test_late_and_doubled_pictures_are_counted_and_left_out() -> None:
    ours = engine()
    scenes = standing(5.0)

    alerts = run(ours, [*scenes[:10], scenes[3], scenes[9], *scenes[10:]])

    assert phases(alerts) == ["new"]
    assert ours.refused["stamp_not_later"] == 2


def test_a_position_that_is_no_number_is_counted_and_left_out() -> None:
    ours = engine()
    good = standing(5.0)
    bad = [scene(each.mono_s, [*each.tracks, track(2, float("nan"), 0.0, 0.0)]) for each in good]

    assert phases(run(ours, bad)) == ["new"]
    assert ours.refused["track_not_a_number"] == len(good)


# --- whatever comes ---

PLACES = st.sampled_from((0.0, 4.9, 5.1, 20.0))
STEP = st.tuples(
    st.floats(0.01, 3.0),
    st.lists(st.tuples(st.integers(1, 4), PLACES, st.booleans()), max_size=5),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=60), st.sampled_from((0.0, 5.0)))
def test_every_new_has_exactly_one_end_and_no_end_comes_without_a_new(
    steps: list[Any], cool_down_s: float
) -> None:
    ours = engine(cool_down_s=cool_down_s, min_duration_s=0.5, clear_after_s=1.0, gap_s=2.0)
    t, alerts = 0.0, []
    for step_s, objects in steps:
        t += step_s
        tracks = [track(n, east_m, 0.0, t, seen=seen) for n, east_m, seen in objects]
        alerts += run(ours, [scene(t, tracks)])
    alerts += [each for each in ours.end("front", "shutdown", t) if isinstance(each, Alert)]

    for _, group in itertools.groupby(sorted(alerts, key=_number), key=_number):
        of_one = phases(list(group))
        assert of_one[0] == "new"
        assert of_one[-1] == "end"
        assert set(of_one[1:-1]) <= {"update"}
        assert len(of_one) >= 2
    assert all(alert.last_mono_s >= alert.begun_mono_s for alert in alerts)


def _number(alert: Alert) -> int:
    return alert.episode
