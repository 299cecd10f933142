"""Whatever comes: every rule, any tracks, any order of cameras; and zones in the picture."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.place.placed import Scene, Unplaced
from perception.place.pose import UnitPose
from perception.rules.engine import Engine
from perception.rules.factory import build_rules
from perception.rules.rule import Alert, News
from perception.zones.zones import Zone, ZoneError
from tests.rules.acting import Actor, Noise, play, stand, walk
from tests.rules.scenes import SIZE, scene, square, track, zone
from tests.rules.scripts import RULE

ZONES = (
    square("yard", 20.0),
    square("stop", 4.0, kind="exclusion", east_m=6.0),
    zone("road", [(-30, -5), (30, -5), (30, 5), (-30, 5)], kind="carriageway"),
    zone("zebra", [(10, -6), (15, -6), (15, 6), (10, 6)], kind="crossing"),
    zone("lane", [(-30, 6), (30, 6), (30, 10), (-30, 10)], kind="lane", direction_deg=90.0),
    zone("wire", [(0, -10), (0, 10)], kind="line"),
)
RULES: dict[str, dict[str, Any]] = {
    "a": {"kind": "intrusion", "zones": ["yard", "road"], "cool_down_s": 0},
    "b": {"kind": "tripwire", "zones": ["wire"], "cool_down_s": 0},
    "c": {"kind": "loitering", "zones": ["yard"], "dwell_s": 5, "cool_down_s": 3},
    "d": {"kind": "carriageway", "zones": ["road", "lane"], "wandering_s": 5},
    "e": {"kind": "wrong_way", "zones": ["lane"], "labels": ["car", "person"]},
    "f": {"kind": "fast", "zones": ["yard", "lane"]},
    "g": {"kind": "count", "zones": ["wire"]},
}
LABELS = ("person", "car", "bicycle")
OBJECT = st.tuples(
    st.integers(1, 5), st.sampled_from(LABELS), st.floats(-35, 35), st.floats(-12, 12),
    st.sampled_from((0.0, 0.3, 2.0, 50.0)), st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
    st.booleans(),
)  # fmt: skip
STEP = st.tuples(
    st.floats(-20.0, 30.0), st.sampled_from(("front", "rear")), st.lists(OBJECT, max_size=6),
    st.sampled_from((None, None, None, Unplaced.NO_HEADING)),
)  # fmt: skip


def engine(zones: Sequence[Zone] = ZONES, rules: Any = None) -> Engine:
    configs = {name: RULE.validate_python(each) for name, each in (rules or RULES).items()}
    return Engine(build_rules(configs, zones), zones)


def sound(alerts: Sequence[Alert]) -> bool:
    """Each episode is new, update..., end, of one rule."""
    for _, group in itertools.groupby(sorted(alerts, key=_number), key=_number):
        steps = list(group)
        phases = [each.phase for each in steps]
        assert (phases[0], phases[-1]) == ("new", "end")
        assert set(phases[1:-1]) <= {"update"}
        assert len({each.name for each in steps}) == 1
        assert [each.reason is not None for each in steps] == [p == "end" for p in phases]
    return True


def _number(alert: Alert) -> int:
    return alert.episode


@settings(max_examples=40, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_no_scenes_make_an_end_without_a_new_or_a_new_without_an_end(steps: list[Any]) -> None:
    ours, t, news = engine(), 1000.0, list[News]()
    for step_s, camera, objects, unplaced in steps:
        t += step_s  # also backwards
        tracks = [
            replace(track(n, x, y, t, label=label, error_m=error, velocity_mps=v, camera=camera),
                    seen=seen)
            for n, label, x, y, error, v, seen in objects
        ]  # fmt: skip
        news += ours.see(scene(t, tracks, camera=camera, unplaced=unplaced))
    news += ours.end("front", "camera_lost", t)
    news += ours.end("rear", "shutdown", t)

    assert sound([each for each in news if isinstance(each, Alert)])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_cameras_and_repeats_of_pictures_do_not_matter(seed: int) -> None:
    def told(order: int, *, doubled: bool) -> list[tuple[str, str, float]]:
        ours, news = engine(), list[News]()
        actors = [Actor(number=1, way=walk([(-20, 0), (20, 0)], 1.2)),
                  Actor(number=2, way=stand((-5, 3), 30)),
                  Actor(number=3, way=walk([(28, 8), (-28, 8)], 6.0), label="car")]  # fmt: skip
        for one in play(actors, Noise(), seed):
            pair = [one, _as_seen_by("rear", one)]
            for each in pair[::order] * (2 if doubled else 1):
                news += ours.see(each)
        news += ours.end(None, "shutdown", 1e6)
        alerts = [each for each in news if isinstance(each, Alert)]
        assert sound(alerts)
        return sorted((a.name, a.zone or "", round(a.begun_mono_s, 3))
                      for a in alerts if a.phase == "new")  # fmt: skip

    expected = told(1, doubled=False)
    assert {name for name, _, _ in expected} >= {"a", "b", "d", "e"}
    assert told(-1, doubled=False) == expected
    assert told(1, doubled=True) == expected


def _as_seen_by(camera: str, one: Scene) -> Scene:
    tracks = [replace(t, camera=camera, track_id=t.track_id + 500) for t in one.tracks]
    return replace(one, camera=camera, tracks=tuple(tracks))


def test_the_same_scenes_give_the_same_news() -> None:
    def told() -> list[str]:
        ours = engine()
        actors = [Actor(number=1, way=walk([(-20, 0), (20, 0)], 1.2))]
        news = [each for one in play(actors, Noise(), 4) for each in ours.see(one)]
        return [repr(each) for each in news]

    assert told() == told()
    assert told()


# --- zones in the picture ---

DOOR = Zone(name="door", kind="area", camera="front",
            points=np.array([(0.4, 0.5), (0.6, 0.5), (0.6, 1.0), (0.4, 1.0)]))  # fmt: skip
SILL = Zone(name="sill", kind="line", camera="front", points=np.array([(0.5, 1.0), (0.5, 0.0)]))
PICTURE_RULES = {
    "in": {"kind": "intrusion", "zones": ["door"]},
    "over": {"kind": "tripwire", "zones": ["sill"]},
    "stays": {"kind": "loitering", "zones": ["door"], "dwell_s": 10},
}


def walker(t: float, share: float, *, parked: bool, camera: str = "front") -> Scene:
    """Somebody whose feet are at this share of the picture's width, at 0.8 of its height."""
    x, foot = share * SIZE[0], 0.8 * SIZE[1]
    person = replace(
        track(1, 0.0, 0.0, t, camera=camera, box=(x - 20, foot - 120, x + 20, foot)), point=None,
        unplaced=Unplaced.NO_HEADING, velocity_mps=None, velocity_covariance=None,
    )  # fmt: skip
    unplaced = Unplaced.NO_HEADING
    return scene(t, [person], frame=None, unplaced=unplaced, parked=parked, camera=camera)


def picture_news(*, parked: bool, camera: str = "front") -> tuple[list[Alert], Engine]:
    ours = engine((DOOR, SILL), PICTURE_RULES)
    times = np.arange(0.0, 40.0, 0.2)
    shares = np.interp(times, [0, 10, 30, 40], [0.1, 0.55, 0.56, 0.9])
    news = [
        each
        for t, share in zip(times.tolist(), shares.tolist(), strict=True)
        for each in ours.see(walker(t, share, parked=parked, camera=camera))
    ]
    return [each for each in news if isinstance(each, Alert)], ours


def test_a_parked_unit_has_zones_in_the_picture_of_their_camera() -> None:
    alerts, ours = picture_news(parked=True)

    assert [each.name for each in alerts if each.phase == "new"] == ["in", "over", "stays"]
    first = alerts[0]
    assert first.place is None
    assert first.unplaced is Unplaced.NO_HEADING
    assert next(a for a in alerts if a.name == "over").facts["direction"] == "forward"
    assert ours.blind() == ()
    assert picture_news(parked=True, camera="rear")[0] == []


def test_a_moving_unit_refuses_them_and_says_so() -> None:
    alerts, ours = picture_news(parked=False)

    assert alerts == []
    assert {(each.name, each.why) for each in ours.blind()} == {
        ("in", "moving"), ("over", "moving"), ("stays", "moving"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["fast", "wrong_way"])
def test_what_needs_metres_refuses_zones_in_the_picture(kind: str) -> None:
    lane = Zone(name="lane", kind="lane", camera="front", points=DOOR.points, direction_deg=0.0)

    with pytest.raises(ZoneError, match="needs metres, and lane is drawn in a picture"):
        engine((lane,), {"x": {"kind": kind, "zones": ["lane"], "labels": ["car"]}})


# --- our own ---


@pytest.mark.parametrize(("north_m", "told"), [(5.0, False), (30.0, True)])
def test_our_own_are_no_business_of_a_rule(north_m: float, told: bool) -> None:
    from tests.rules.scenes import FRAME

    rules = {"x": {"kind": "carriageway", "zones": ["road"]}}
    ours, news = engine(ZONES, rules), list[News]()
    officer = FRAME.to_degrees(0.0, north_m)
    for t in np.arange(0.0, 12.0, 0.2):
        news += ours.see(scene(float(t), [track(1, 0.0, 0.0, float(t))]), own=[officer])

    assert bool(news) is told


# --- a unit that drives by ---


def drive_by(ours: Engine, begin_s: float, people: Sequence[tuple[float, float]]) -> list[Alert]:
    """Four seconds at 5 m/s; new track numbers on each pass."""
    told = []
    for t in np.arange(begin_s, begin_s + 4.0, 0.2).tolist():
        pose = UnitPose(mono_s=t, lat_deg=35.4, lon_deg=116.6, position_error_m=1.0,
                        heading_deg=0.0, speed_mps=5.0)  # fmt: skip
        tracks = [track(n + int(begin_s), x, y, t, error_m=0.7) for n, (x, y) in enumerate(people)]
        told += [n for n in ours.see(scene(t, tracks, pose=pose)) if isinstance(n, Alert)]
    return told


@pytest.mark.parametrize(
    ("pause_s", "people", "told"),
    [
        (120.0, [(1.0, 1.0)], 1),
        (30.0, [(1.0, 1.0)], 0),  # too soon
        (120.0, [(-8.0, 8.0)], 0),  # elsewhere
        (3000.0, [(1.0, 1.0)], 0),  # too long ago
        (120.0, [(1.0, 1.0), (4.0, 4.0), (-4.0, 4.0)], 0),  # too many
    ],
)
def test_who_stands_there_on_the_next_pass_is_told_where_it_is_asked_for(
    pause_s: float, people: list[tuple[float, float]], told: int
) -> None:
    rule = {"kind": "loitering", "zones": ["yard"], "dwell_s": 60, "reseen": True}
    ours = engine(ZONES, {"x": rule})

    assert drive_by(ours, 100.0, [(1.0, 1.0)]) == []
    alerts = drive_by(ours, 100.0 + pause_s, people)

    assert len(alerts) == told
    for alert in alerts:
        assert alert.facts["reseen"] is True
        assert alert.confidence <= 0.5
        assert alert.begun_mono_s == pytest.approx(100.0)


def test_without_being_asked_for_a_moving_unit_says_that_it_cannot_say() -> None:
    ours = engine(ZONES, {"x": {"kind": "loitering", "zones": ["yard"]}})

    assert drive_by(ours, 100.0, [(1.0, 1.0)]) == []
    assert [each.why for each in ours.blind()] == ["unit_moving"]


def test_who_wanders_on_the_road_becomes_the_most_severe() -> None:
    rules = {"x": {"kind": "carriageway", "zones": ["road"], "severity": 3, "wandering_s": 20}}
    ours, news = engine(ZONES, rules), list[News]()
    for t in np.arange(0.0, 30.0, 0.2):
        news += ours.see(scene(float(t), [track(1, float(np.sin(t)), 0.0, float(t))]))
    alerts = [each for each in news if isinstance(each, Alert)]

    assert [(each.phase, each.severity) for each in alerts[:1]] == [("new", 3)]
    worse = next(each for each in alerts if each.severity == 1)
    assert worse.phase == "update"
    assert worse.facts["vulnerable"] is True
    assert worse.last_mono_s == pytest.approx(20.0, abs=0.5)


def test_a_line_in_the_picture_is_crossed_by_nobody_when_the_unit_drives_on() -> None:
    """It is the line that has moved: the unit crept on for a few metres, and stands again."""
    line = Zone(name="gate", kind="line", camera="front", points=np.array([[0.5, 0.0], [0.5, 1.0]]))
    rules = {
        "wire": {"kind": "tripwire", "zones": ["gate"]},
        "flow": {"kind": "count", "zones": ["gate"]},
    }
    ours, news = engine([line], rules), list[News]()
    for step in range(60):
        t, x = 100.0 + step / 5, 300.0 if step < 20 else 900.0
        box = (x, 300.0, x + 40.0, 400.0)
        parked = not 20 <= step < 40
        news += ours.see(scene(t, [track(1, 0, 0, t, box=box)], parked=parked))
    news += ours.end(None, "shutdown", 120.0)

    assert [each for each in news if isinstance(each, Alert)] == []
    (count,) = [each for each in news if not isinstance(each, Alert)]
    assert (count.forward, count.backward) == ({}, {})


def test_a_camera_that_sees_no_ground_is_blind_for_zones_on_it() -> None:
    """As when its mount says that it looks up: nothing it sees will ever be placed."""
    ours = engine()
    up = replace(scene(100.0), eye=(0.0, 0.0, 2.0), footprint=None)

    assert ours.see(up) == []
    assert {each.why for each in ours.blind()} == {"no_footprint"}
