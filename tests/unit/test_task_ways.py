"""Synthetic drives: arriving, driving past, leaving, the time of arrival, and off the route."""

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.operations import TasksConfig
from drivers.gnss.route import Route, moved
from edge.tasks import moves, pace
from edge.tasks.life import STATES
from edge.tasks.record import Pace
from edge.tasks.route import OffRoute, RouteMatch
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.envelope import Sender, body_of
from telemetry.contract.tasks import TaskUpdate
from telemetry.contract.uuid7 import uuid7
from tests.duty_desk import TOWN, Noise, World, way, wire_place, wire_route

KMH = 1 / 3.6


def dispatched(world: World, place: tuple[float, float], **changes: Any) -> None:
    order = world.order(place=wire_place(place), **changes)
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))
    world.desk.do(lambda page: moves.act(page, None, "acknowledge"))


def driven(
    world: World,
    places: list[tuple[float, float]],
    speeds: list[tuple[float, float]],
    noise: Noise | None = None,
    *,
    speed_known: bool = True,
) -> float:
    """Drive at 1 Hz with a receiver's errors. Returns the monotonic second of the start."""
    began_s = world.clock.mono_s()
    noise = noise or Noise(3.0)
    for _, place, speed_mps in way(places, speeds):
        world.be_at(noise.of(place), speed_mps if speed_known else None)
        world.clock.advance(1.0)
    return began_s


def state(world: World) -> str:
    task = world.desk.book.current
    return task.state if task else "none"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("speed_known", [True, False])
def test_arriving_is_stamped_within_five_seconds(
    tmp_path: Path, seed: int, speed_known: bool
) -> None:
    world = World(tmp_path)
    goal = moved(TOWN, 800, 0)
    dispatched(world, goal)
    began_s = driven(
        world,
        [TOWN, goal],
        [(10, 0), (98, 8.0), (8, 2.0), (40, 0)],
        Noise(3.0, seed),
        speed_known=speed_known,
    )
    task = world.desk.book.current
    assert task is not None
    assert task.arrived is not None
    assert task.moving is not None
    assert task.state == "arrived"
    truth_s = began_s + 10 + 98 + 8  # it stands, 0 m from the place
    assert task.arrived.mono_s == pytest.approx(truth_s, abs=5.0)
    assert task.moving.mono_s == pytest.approx(began_s + 10, abs=3.0)
    told = [(event.previous, event.state) for event in world.outbox.tasks]
    assert told == [
        (None, "assigned"),
        ("assigned", "acknowledged"),
        ("acknowledged", "en_route"),
        ("en_route", "arrived"),
    ]
    assert [event.duty for event in world.outbox.duties] == ["dispatched", "en_route", "on_scene"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("speed_known", [True, False])
def test_driving_past_at_30_kmh_is_no_arrival(tmp_path: Path, seed: int, speed_known: bool) -> None:
    world = World(tmp_path)
    goal = moved(TOWN, 500, 5)
    dispatched(world, goal)
    driven(
        world,
        [TOWN, moved(TOWN, 1000, 0)],
        [(120, 30 * KMH)],
        Noise(5.0, seed),
        speed_known=speed_known,
    )
    assert state(world) == "en_route"


def test_a_halt_shorter_than_the_dwell_is_no_arrival(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, moved(TOWN, 400, 0))
    driven(world, [TOWN, moved(TOWN, 800, 0)], [(50, 8), (8, 0), (30, 8)])
    assert state(world) == "en_route"


def test_a_position_worse_than_the_place_is_no_arrival(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, TOWN)
    for _ in range(60):
        world.be_at(TOWN, 0.0, error_m=80.0)
        world.clock.advance(1.0)
    assert state(world) == "acknowledged"


def test_a_lost_fix_neither_arrives_nor_leaves(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, TOWN)
    world.be_at(TOWN, 0.0)
    for _ in range(60):
        world.clock.advance(1.0)
        world.be_at(TOWN, 0.0, source="last_known")
    assert state(world) == "acknowledged"


def test_who_leaves_again_is_under_way_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    goal = moved(TOWN, 200, 0)
    dispatched(world, goal)
    driven(world, [TOWN, goal], [(25, 8), (30, 0)])
    assert state(world) == "arrived"
    driven(world, [goal, TOWN], [(25, 8)])
    task = world.desk.book.current
    assert task is not None
    assert (task.state, task.arrived) == ("en_route", None)


def test_the_crew_may_say_it_is_there_where_no_satellite_sees_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, moved(TOWN, 5000, 0))
    world.desk.do(lambda page: moves.act(page, None, "set_out"))
    world.desk.do(lambda page: moves.act(page, None, "arrive"))
    world.desk.do(lambda page: moves.act(page, None, "handle"))
    world.desk.do(lambda page: moves.act(page, None, "close", disposition="settled"))
    last = world.outbox.tasks[-1]
    assert (last.state, last.disposition) == ("closed", "settled")
    assert last.times.cleared is not None
    assert world.desk.book.duty == "on_patrol"


# --- the time of arrival ---

BLOCK = [TOWN, moved(TOWN, 600, 0), moved(TOWN, 600, 500), moved(TOWN, 1500, 500)]
BLOCK_M = 600 + 500 + 900


def eta_errors(world: World, places: list[Any], speeds: list[Any], route: bool) -> Any:
    """The shares by which ETA and remaining way were wrong, at each progress after a minute."""
    dispatched(world, places[-1], route=wire_route(places) if route else ())
    began_s = driven(world, places, speeds)
    task = world.desk.book.current
    assert task is not None
    assert task.arrived is not None
    there_s = task.arrived.mono_s - began_s
    length_m = Route(tuple(places), loop=False).length_m
    gone = dict.fromkeys(range(10_000), 0.0)
    for second, (_, _, speed_mps) in enumerate(way(places, speeds)):
        gone[second + 1] = gone[second] + speed_mps
    etas, ways = [], []
    for _, draft in world.outbox.told:
        if getattr(draft.data, "kind", "") == "progress":
            at_s = (draft.time - world.now(began_s).utc).total_seconds()
            left_s, left_m = there_s - at_s, length_m - gone[round(at_s)]
            if left_s > 20 and at_s > 20:
                etas.append(abs(draft.data.eta_s - left_s) / left_s)
                ways.append(abs(draft.data.remaining_m - left_m) / left_m)
    return etas, ways


@pytest.mark.parametrize("speed_mps", [5.0, 8.0, 11.0])
def test_the_time_of_arrival_is_right_to_a_fifth(tmp_path: Path, speed_mps: float) -> None:
    world = World(tmp_path)
    speeds = [(BLOCK_M / speed_mps, speed_mps), (30, 0.0)]
    etas, ways = eta_errors(world, BLOCK, speeds, route=True)
    assert max(etas) < 0.20
    assert max(ways) < 0.05
    assert len(etas) > 8


def test_it_is_right_through_traffic_lights_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    speeds = [*[(25, 10.0), (12, 0.0)] * 8, (30, 0.0)]
    etas, ways = eta_errors(world, BLOCK, speeds, route=True)
    # A single light near the end is a large share of what is left: in the mean, not at each moment.
    assert sum(etas) / len(etas) < 0.20
    assert max(ways) < 0.05


def test_a_detour_stands_for_the_route_where_none_is_given(tmp_path: Path) -> None:
    world = World(tmp_path)
    etas, _ = eta_errors(world, BLOCK, [(BLOCK_M / 8, 8.0), (30, 0.0)], route=False)
    # The beeline shrinks unevenly around corners; in the mean it is a fifth.
    assert sum(etas) / len(etas) < 0.35


def test_what_was_learned_on_one_way_is_known_on_the_next(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, BLOCK[-1], route=wire_route(BLOCK))
    driven(world, BLOCK, [(BLOCK_M / 14, 14.0), (30, 0)])
    world.desk.do(lambda page: moves.act(page, None, "close"))
    world.restart()
    world.be_at(TOWN, 0.0)
    dispatched(world, BLOCK[-1], route=wire_route(BLOCK))
    eta_s = world.outbox.tasks[-1].eta_s
    assert eta_s == pytest.approx(BLOCK_M / 14, rel=0.2)


def test_an_emergency_has_a_pace_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    for mode, speed_mps in (("routine", 6.0), ("emergency", 14.0)):
        world.desk.book = world.desk.book.in_mode(mode)
        dispatched(world, BLOCK[-1], route=wire_route(BLOCK))
        driven(world, BLOCK, [(BLOCK_M / speed_mps, speed_mps), (30, 0)])
        world.desk.do(lambda page: moves.act(page, None, "close"))
    world.be_at(TOWN, 0.0)
    assert world.journey.pace().speed_mps == pytest.approx(14, rel=0.15)
    world.desk.book = world.desk.book.in_mode("special")
    world.be_at(TOWN, 0.0)
    assert world.journey.pace().speed_mps == pytest.approx(6, rel=0.15), "as in routine"


@pytest.mark.parametrize(
    ("kmh", "metres"),
    [(20, (333, 1000, 1667)), (30, (500, 1500, 2500))],
)
def test_the_rings_are_those_of_the_police(kmh: float, metres: tuple[int, ...]) -> None:
    known = Pace(speed_mps=kmh * KMH, seconds=300)
    for ring, limit_m in zip(("1", "3", "5"), metres, strict=True):
        assert pace.ring_of(pace.eta_s(limit_m - 1, known, "moving")) == ring
        assert pace.ring_of(pace.eta_s(limit_m + 1, known, "moving")) != ring
    assert pace.ring_of(None) is None


def test_a_blocked_unit_tells_no_time_of_arrival_and_learns_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, BLOCK[-1], route=wire_route(BLOCK))
    driven(world, BLOCK, [(60, 8.0), (62, 0.0)])
    learned = world.journey.pace().speed_mps
    driven(world, [moved(TOWN, 480, 0)], [(300, 0.0)])
    signs = world.desk.signs(world.desk.book.current)  # type: ignore[arg-type]
    assert (signs.motion, signs.eta_s, signs.ring) == ("blocked", None, None)
    assert signs.remaining_m == pytest.approx(BLOCK_M - 480, rel=0.05)
    assert world.journey.pace().speed_mps == learned
    driven(world, [moved(TOWN, 480, 0), moved(TOWN, 600, 0)], [(5, 8.0)])
    assert world.desk.signs(world.desk.book.current).eta_s is not None  # type: ignore[arg-type]


def test_without_a_position_nothing_is_guessed(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, BLOCK[-1])
    first = world.outbox.tasks[0]
    assert (first.pose, first.eta_s, first.remaining_m, first.ring) == (None, None, None, None)


# --- along a route ---


def test_a_street_driven_out_and_back_is_followed_in_order() -> None:
    end = moved(TOWN, 1000, 0)
    match = RouteMatch((TOWN, end, TOWN), 50.0, None)
    noise = Noise(4.0)
    for second, place, _ in way([TOWN, end, TOWN], [(200, 10.0)]):
        match.see(noise.of(place), 4.0, float(second))
        left_m = match.left_m()
        assert left_m is not None
        assert left_m == pytest.approx(2000 - second * 10, abs=40), second


def test_who_turns_round_has_a_longer_way_again() -> None:
    end = moved(TOWN, 1000, 0)
    match = RouteMatch((TOWN, end), 50.0, None)
    out = [place for _, place, _ in way([TOWN, end], [(60, 10.0)])]
    for second, place in enumerate([*out, *reversed(out)]):
        match.see(place, 3.0, float(second))
    assert match.left_m() == pytest.approx(1000, abs=30)


def test_a_short_cut_is_taken_as_one() -> None:
    loop = [TOWN, moved(TOWN, 800, 0), moved(TOWN, 800, 400), moved(TOWN, 0, 400)]
    match = RouteMatch(tuple(loop), 50.0, None)
    there = moved(TOWN, 400, 400)
    across = [moved(TOWN, 0, 0), moved(TOWN, 400, 0), there, loop[-1]]
    for second, place, _ in way(across, [(110, 8.0)]):
        match.see(place, 3.0, float(second))
    assert match.left_m() == pytest.approx(400 - (110 * 8 - 800), abs=25)


@given(
    st.lists(
        st.tuples(st.floats(-89, 89), st.floats(-180, 180)), min_size=2, max_size=40, unique=True
    ),
    st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), max_size=20),
)
def test_no_route_and_no_fix_breaks_the_match(places: list[Any], fixes: list[Any]) -> None:
    match = RouteMatch(tuple(places), 50.0, None)
    for second, place in enumerate(fixes):
        match.see(place, 5.0, float(second))
        left_m = match.left_m()
        assert left_m is not None
        assert left_m >= -1e-6
        assert match.way_m is None or 0 <= match.way_m <= match.length_m + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_off_the_route_is_told_within_ten_seconds_and_once(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path)
    straight = [TOWN, moved(TOWN, 3000, 0)]
    dispatched(world, straight[-1], route=wire_route(straight))
    turn = moved(TOWN, 800, 0)
    away = [TOWN, turn, moved(turn, 0, 400), moved(turn, 300, 400), moved(turn, 300, 0)]
    back = [*away, moved(TOWN, 2000, 0)]
    began_s = driven(world, back, [(270, 8.0)], Noise(3.0, seed))
    told = [event for event in world.outbox.tasks if event.kind.endswith("_route")]
    assert [event.kind for event in told] == ["off_route", "back_on_route"]
    times = [
        (draft.time - world.now(began_s).utc).total_seconds()
        for _, draft in world.outbox.told
        if getattr(draft.data, "kind", "").endswith("_route")
    ]
    beyond_s = (800 + 50) / 8.0  # more than 50 m beside
    assert beyond_s + 4 < times[0] < beyond_s + 10
    returned_s = (800 + 400 + 300 + 400 - 50) / 8.0
    assert returned_s - 1 < times[1] < returned_s + 10
    assert told[0].off_route is True
    assert told[1].off_route is False


def test_noise_at_the_limit_does_not_flap() -> None:
    watch, noise, changes = OffRoute(50.0, 5.0), Noise(8.0), 0
    naive, was = 0, False
    for second in range(3600):
        north, _ = noise.of(TOWN)
        beside_m = 50.0 + (north - TOWN[0]) * 111_320
        changes += watch.see(beside_m, 8.0, float(second))
        naive += (beside_m > 50.0) != was
        was = beside_m > 50.0
    assert changes <= 12
    assert naive > 100, "and a plain limit would"


# --- duty that follows ---


def test_a_unit_that_stood_by_returns_to_its_post(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.be_at(TOWN, 0.0)
    world.desk.do(lambda page: page.set_duty("standby", "local"))
    goal = moved(TOWN, 300, 0)
    dispatched(world, goal)
    driven(world, [TOWN, goal], [(38, 8), (20, 0)])
    world.desk.do(lambda page: moves.act(page, None, "close"))
    assert world.desk.book.duty == "returning"
    driven(world, [goal, TOWN], [(38, 8), (20, 0)])
    assert [event.duty for event in world.outbox.duties] == [
        "standby",
        "dispatched",
        "en_route",
        "on_scene",
        "returning",
        "standby",
    ]


@pytest.mark.parametrize("place", [(-17.0, 180.0), (89.9999, 30.0), (-90.0, 0.0), (0.0, 0.0)])
def test_nobody_sets_out_by_standing_still_wherever_it_is(
    tmp_path: Path, place: tuple[float, float]
) -> None:
    world = World(tmp_path)
    dispatched(world, TOWN)
    for second in range(60):
        east_deg = 0.000_002 * (-1) ** second  # 20 cm: to and fro over the date line
        lon_deg = (place[1] + east_deg + 180) % 360 - 180
        world.be_at((place[0], lon_deg), None)
        world.clock.advance(1.0)
    assert state(world) == "acknowledged"


def test_it_comes_home_by_a_receiver_that_tells_no_speed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.be_at(TOWN, None)
    world.desk.do(lambda page: page.set_duty("standby", "local"))
    goal = moved(TOWN, 300, 0)
    dispatched(world, goal)
    driven(world, [TOWN, goal], [(38, 8), (20, 0)], speed_known=False)
    world.desk.do(lambda page: moves.act(page, None, "close"))
    driven(world, [goal, TOWN], [(38, 8), (30, 0)], speed_known=False)
    assert world.desk.book.duty == "standby"


def test_a_hub_cannot_pile_up_tasks_without_end(tmp_path: Path) -> None:
    world, told = World(tmp_path), []
    for _ in range(20):
        try:
            dispatched(world, TOWN, priority=0)
        except OrderRefusedError as error:
            told.append(error.code)
        else:
            task = world.desk.book.current
            assert task is not None
            later = TaskUpdate(task=task.id, priority=4)
            world.desk.do(lambda page, u=later: moves.update(page, world.config, u, "c"))
    assert told == ["busy"] * 4
    assert len(world.desk.book.tasks) == 16


def test_the_more_urgent_task_goes_first_and_the_other_is_not_forgotten(tmp_path: Path) -> None:
    world = World(tmp_path)
    dispatched(world, moved(TOWN, 3000, 0), priority=2)
    driven(world, [TOWN, moved(TOWN, 3000, 0)], [(20, 8)])
    first = world.desk.book.current
    assert first is not None
    dispatched(world, moved(TOWN, 0, 300), priority=0)
    assert [task.priority for task in world.desk.book.tasks] == [2, 0]
    assert world.desk.book.duty == "dispatched"
    world.desk.do(lambda page: moves.act(page, None, "refuse", reason="flat tyre"))
    assert world.desk.book.current == replace(first, way_m=world.desk.book.tasks[0].way_m)
    assert world.desk.book.duty == "en_route"
    kinds = [event.kind for event in world.outbox.tasks]
    assert kinds.count("suspended") == kinds.count("resumed") == 1


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(automatic_acknowledge=True))
    order = world.order()
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))
    content = json.loads((tmp_path / "orders.json").read_text())
    assert content["tasks"][0]["state"] == "acknowledged"


PLACES = st.builds(
    lambda lat, lon: {"lat_deg": lat, "lon_deg": lon},
    st.floats(-90, 90),
    st.floats(-180, 180),
)
DEADLINES = st.builds(
    lambda state, at, remind_s: {"state": state, "at": at, "remind_before_s": remind_s},
    st.sampled_from(STATES),
    st.datetimes(timezones=st.just(UTC)),
    st.floats(0, 1e12),
)


@settings(max_examples=150, deadline=None)
@given(
    place=PLACES,
    route=st.lists(PLACES, max_size=8),
    radius_m=st.none() | st.floats(0.001, 5000),
    due=st.lists(DEADLINES, max_size=8),
    fixes=st.lists(
        st.tuples(
            st.floats(-90, 90),
            st.floats(-180, 180),
            st.none() | st.floats(0, 1000),
            st.floats(0, 1e7),
            st.floats(0, 1e5),
        ),
        max_size=12,
    ),
)
def test_no_order_and_no_fix_stops_the_desk(
    tmp_path_factory: pytest.TempPathFactory,
    place: Any,
    route: Any,
    radius_m: float | None,
    due: Any,
    fixes: list[Any],
) -> None:
    world = World(tmp_path_factory.mktemp("w"), TasksConfig(automatic_acknowledge=True))
    order = world.order(place=place, route=route, radius_m=radius_m, deadlines=due)
    world.desk.do(lambda page: moves.assign(page, world.config, order, order.task))
    for lat, lon, speed_mps, error_m, wait_s in fixes:
        world.clock.advance(wait_s)
        world.be_at((lat, lon), speed_mps, error_m=error_m)
        for _, draft in world.outbox.told:
            body_of(Sender(unit="car-07", boot_id="b"), draft, order.task)
    world.restart()
    assert world.desk.memory.lost is None
    assert world.desk.book.find(order.task) is not None
