"""Crowds: density with hidden people, levels in time, several cameras, and the message."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.reporting.alert_messages import crowd_event
from perception.place.placed import Scene
from perception.rules.crowds.crowd_course import Course, level_of_service
from perception.rules.crowds.crowd_ground import revealed
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert
from perception.zones.zones import Zone
from tests.rules.crowd_scenes import CAMERAS, DRONE, Camera, crowd, picture
from tests.rules.scenes import square
from tests.rules.scripts import RULE

ZONE = square("sq", 60.0)
ALWAYS = [{"per_m2": 0.01 * n, "sustained_s": 0.0} for n in (1, 2, 3, 4)]


def engine(*zones: Zone, **rule: Any) -> Engine:
    whole = {"kind": "crowd", "zones": ["sq"], "clear_after_s": 3.0} | rule
    return Engine(
        build_rules({"ours": RULE.validate_python(whole)}, zones or (ZONE,)), zones or (ZONE,)
    )


def told(camera: Camera, per_m2: float, seed: int) -> Alert:
    """What is told of a crowd after four seconds."""
    people, random = crowd(per_m2, camera.ground, seed), np.random.default_rng(seed)
    unit = engine(levels=ALWAYS, update_every_s=1)
    news = [n for k in range(9) for n in unit.see(picture(people, camera, k * 0.5, random))]
    assert isinstance(news[-1], Alert)
    return news[-1]


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("per_m2", [0.3, 0.6, 1.0, 1.4])
def test_density_is_right_within_a_fifth_or_is_said_to_be_saturated(
    name: str, per_m2: float
) -> None:
    for seed in (1, 2):
        facts = told(CAMERAS[name], per_m2, seed).facts

        assert facts["saturated"] or abs(float(facts["density_per_m2"]) / per_m2 - 1) <= 0.2, facts
        assert not (facts["saturated"] and name == "drone")


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("per_m2", [1.8, 2.5, 3.5])
def test_a_crowd_that_hides_itself_is_saturated_and_one_level_worse(
    name: str, per_m2: float
) -> None:
    for seed in (1, 2):
        alert = told(CAMERAS[name], per_m2, seed)

        assert alert.facts["saturated"], alert.facts
        assert (alert.facts["wanted"], alert.facts["level"]) == ("drone_view", "red")
        assert alert.confidence < 0.85


def course_of(density: Callable[[float], float], seconds: float) -> list[tuple[float, Alert]]:
    """Alerts of a drone's view over people who come and go."""
    unit, random, told_ = engine(update_every_s=5), np.random.default_rng(1), []
    people = crowd(1.4, DRONE.ground, 1)
    for mono_s in np.arange(0, seconds, 1.0).tolist():
        there = people[: round(density(mono_s) * 196)]
        told_ += [(mono_s, n) for n in unit.see(picture(there, DRONE, mono_s, random))]
    return [(mono_s, each) for mono_s, each in told_ if isinstance(each, Alert)]


def test_it_is_told_within_a_minute_once_and_ends_when_people_go() -> None:
    alerts = course_of(lambda s: 1.2 if 20 <= s < 110 else 0.5, 150.0)

    (begun_s, first), (ended_s, last) = alerts[0], alerts[-1]
    assert (first.phase, first.severity, first.facts["level"]) == ("new", 4, "notice")
    assert 50 <= begun_s - 20 <= 60
    assert first.begun_mono_s == pytest.approx(20, abs=3)
    assert (last.phase, last.reason) == ("end", "cleared")
    assert ended_s - 110 <= 60
    assert {each.episode for _, each in alerts} == {first.episode}


def test_a_density_that_trembles_at_its_limit_or_passes_in_time_is_not_told_often() -> None:
    assert course_of(lambda s: 1.3 if 20 <= s < 60 else 0.5, 90.0) == []
    trembling = course_of(lambda s: 1.12 if int(s / 20) % 2 == 0 else 0.92, 180.0)
    assert [each.phase for _, each in trembling if each.phase != "update"] in ([], ["new"])


@pytest.mark.parametrize("step_s", [600.0, -600.0])
def test_what_a_crowd_was_before_the_camera_was_away_says_nothing_of_now(step_s: float) -> None:
    """Neither how long it had lasted, nor which level it had reached."""
    unit, random = engine(), np.random.default_rng(1)
    people = crowd(1.4, DRONE.ground, 1)

    def look(seconds: float, since_s: float, per_m2: float) -> list[Any]:
        there = people[: round(per_m2 * 196)]
        stamps = np.arange(since_s, since_s + seconds, 1.0).tolist()
        return [n for t in stamps for n in unit.see(picture(there, DRONE, t, random))]

    assert look(40.0, 1000.0, 1.3) == []
    unit.end("front", "camera_lost", 1040.0)
    begun_s = 1040.0 + step_s
    assert look(40.0, begun_s, 1.3) == [], "it has been there for 40 s, as far as anybody saw"
    assert [each.phase for each in look(30.0, begun_s + 40.0, 1.3)][:1] == ["new"]
    unit.end("front", "camera_lost", begun_s + 70.0)
    assert look(20.0, begun_s + 70.0 + step_s, 0.9) == [], "a lower density never was a crowd"


def test_two_cameras_on_one_place_count_nobody_twice() -> None:
    people, random = crowd(0.8, DRONE.ground, 3), np.random.default_rng(3)
    other = Camera(eye=(4.0, 10.0, 28.0), ground=(-7.0, -7.0, 10.0, 7.0), name="rear")
    unit = engine(levels=ALWAYS, update_every_s=1)
    news: list[Any] = []
    for k in range(12):
        news += unit.see(picture(people, DRONE, k * 0.5, random))
        news += unit.see(picture(people, other, k * 0.5 + 0.1, random))

    facts = news[-1].facts
    assert facts["area_m2"] == pytest.approx(17 * 14, rel=0.01)
    assert facts["count"] == pytest.approx(len(people), rel=0.1)


def test_too_little_ground_tells_nothing_and_says_so() -> None:
    narrow = Camera(eye=(0.0, -10.0, 30.0), ground=(0.0, 0.0, 2.0, 3.0))
    unit = engine(levels=ALWAYS)
    people = crowd(2.0, narrow.ground, 1)

    assert unit.see(picture(people, narrow, 0.0, np.random.default_rng(1))) == []
    assert [each.why for each in unit.blind()] == ["too_little_ground"]
    bare = replace(picture(people, DRONE, 1.0, np.random.default_rng(1)), footprint=None)
    assert unit.see(bare) == []
    assert [each.why for each in unit.blind()] == ["no_footprint"]


def test_excluded_ground_and_who_stands_there_do_not_count() -> None:
    zones = (ZONE, square("queue", 10.0, kind="exclusion"))
    queue, random = crowd(1.5, (-4.0, -4.0, 4.0, 4.0), 2), np.random.default_rng(2)
    unit = engine(*zones, levels=[{"per_m2": 0.12 * n, "sustained_s": 0} for n in (1, 2, 3, 4)])
    scenes: list[Scene] = [picture(queue, DRONE, k * 0.5, random) for k in range(9)]

    assert [n for each in scenes for n in unit.see(each)] == []


@given(
    seen=st.integers(0, 60),
    height=st.floats(0.5, 120),
    far=st.floats(1, 80),
    seed=st.integers(0, 9),
)
@settings(max_examples=40, deadline=None)
def test_nobody_is_ever_counted_away(seen: int, height: float, far: float, seed: int) -> None:
    ground = shapely.box(-5, far, 5, far + 8)
    points = np.random.default_rng(seed).uniform((-5, far), (5, far + 8), (seen, 2))
    count, _ = revealed(points, np.ones(seen), ground, (0.0, 0.0, height))

    assert seen <= count <= max(seen, 9.01 * ground.area)


def test_the_trend_comes_with_its_error_and_letters_are_fruins() -> None:
    course, random = (
        Course(RULE.validate_python({"kind": "crowd", "zones": ["sq"]}).levels, 0.8, 60.0, 30.0),
        np.random.default_rng(1),
    )
    for s in range(120):
        course.add(0.5 + 0.6 * s / 60 + random.normal(0, 0.05), float(s))

    trend = course.trend()
    assert trend is not None
    assert abs(trend[0] - 0.6) < 3 * trend[1] + 0.02
    assert [level_of_service(d) for d in (0.1, 0.4, 0.5, 1.0, 2.0, 3.0)] == list("ABCDEF")


def test_a_crowd_goes_out_as_its_own_message_with_its_numbers() -> None:
    alert = told(CAMERAS["mast"], 2.0, 1)
    begun = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)

    event = crowd_event(
        alert, "019cc1b0-11f0-7abc-8def-0123456789ab", (begun, begun + timedelta(seconds=9)),
        (None, "no_fix"),
    )  # fmt: skip

    assert event.TYPE == "patrol.event.crowd.v1"
    assert (event.gb28181.alarm_type, event.saturated, event.wanted) == (10, True, "drone_view")
    assert len(event.footprint) >= 4
    assert event.facts == {}
    assert event.place_missing == "not_a_place"


def test_a_saturated_crowd_wants_a_view_from_above_and_nobody_else_does() -> None:
    alert = told(CAMERAS["mast"], 2.0, 1)
    begun = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
    facts = {name: fact for name, fact in alert.facts.items() if name != "wanted"}

    with pytest.raises(ValidationError, match="from above"):
        crowd_event(
            replace(alert, facts=facts), "019cc1b0-11f0-7abc-8def-0123456789ab", (begun, begun),
            (None, "no_fix"),
        )  # fmt: skip


def test_levels_that_do_not_rise_are_refused() -> None:
    levels = [{"per_m2": d, "sustained_s": 1.0} for d in (1.0, 2.0, 2.0, 3.0)]

    with pytest.raises(ValidationError, match="denser"):
        RULE.validate_python({"kind": "crowd", "zones": ["sq"], "levels": levels})
