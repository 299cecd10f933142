"""Lives: the same from the same seed, at the rates that they claim, valid for a hub."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from drivers.gnss.guard import distance_m
from edge.fleet.agenda import Activity, Agenda
from edge.fleet.life import Life
from edge.fleet.plan import FleetPlan, Pace, unit_names
from edge.fleet.streets import grid
from telemetry.contract.envelope import Draft, Sender, body_of, read_up, seal
from telemetry.contract.events import SosEvent
from telemetry.contract.tasks import TaskEvent
from telemetry.contract.unit import Position
from telemetry.contract.up_message import UpMessage
from telemetry.contract.uuid7 import uuid7

BEGUN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
Told = list[tuple[float, int, UpMessage]]


def live(plan: FleetPlan, seconds: float) -> Told:
    """Everything that the units tell: when, which unit, what."""
    agenda, streets, told = Agenda(), grid(plan.center), Told()

    def teller(number: int) -> Life:
        return Life(
            plan, number, streets, agenda, BEGUN,
            lambda data: told.append((agenda.now_s, number, data)),
        )  # fmt: skip

    for number in range(plan.units):
        teller(number).start()
    agenda.run_until(seconds)
    return told


def shape(told: Told) -> list[object]:
    """Without the ids, which are fresh in every run."""
    drop = {"episode", "task"}
    return [(at_s, unit, data.TYPE, data.model_dump(exclude=drop)) for at_s, unit, data in told]


def test_the_same_seed_gives_the_same_lives() -> None:
    plan = FleetPlan(units=5, rate=3)

    first, second = live(plan, 600), live(plan, 600)
    assert len(first) > 500
    assert shape(first) == shape(second)


def test_another_seed_gives_other_lives() -> None:
    assert shape(live(FleetPlan(units=2), 60)) != shape(live(FleetPlan(units=2, seed=2), 60))


def test_a_unit_lives_the_same_in_a_smaller_fleet() -> None:
    def of_the_first(told: Told) -> list[object]:
        return shape([each for each in told if each[1] == 0])

    assert of_the_first(live(FleetPlan(units=1), 300)) == of_the_first(
        live(FleetPlan(units=9), 300)
    )


def test_the_rates_are_those_of_the_product() -> None:
    told = live(FleetPlan(units=50), 3600)
    counts = Counter(data.TYPE for _, _, data in told)

    assert counts["patrol.health.v1"] / 50 == pytest.approx(120, abs=1)  # every 30 s
    # Every 5 s on patrol, 1 s on the way to a task, 30 s standing, and in turns.
    assert 600 < counts["patrol.position.v1"] / 50 < 1100
    assert 0.25 < len(told) / 50 / 3600 < 0.40


def test_a_rate_of_four_is_four_times_the_messages_and_no_other_speed() -> None:
    slow, fast = live(FleetPlan(units=20), 900), live(FleetPlan(units=20, rate=4), 900)

    assert 3.3 < len(fast) / len(slow) < 4.5  # turns are told once, whatever the rate
    assert speeds(fast) == speeds(slow) == {0.0, 1.2, 8.0, 10.0}


def speeds(told: Told) -> set[float | None]:
    return {data.speed_mps for _, _, data in told if isinstance(data, Position)}


def test_places_follow_from_speeds() -> None:
    told = live(FleetPlan(units=9, rate=2), 900)
    tracks: dict[int, list[tuple[float, Position]]] = {}
    for at_s, unit, data in told:
        if isinstance(data, Position):
            tracks.setdefault(unit, []).append((at_s, data))
    for track in tracks.values():
        for (from_s, a), (until_s, b) in pairwise(track):
            way_m = distance_m((a.lat_deg, a.lon_deg), (b.lat_deg, b.lon_deg))
            speed_mps = max(a.speed_mps or 0, b.speed_mps or 0)
            assert way_m <= speed_mps * (until_s - from_s) * 1.02 + 12  # the receiver's error


def test_everything_told_is_valid_for_a_hub() -> None:
    pace = Pace(sighting_s=20, task_s=200, sos_s=300)
    told = live(FleetPlan(units=6, pace=pace), 3600)
    sender = Sender(unit="fleet-001", boot_id=uuid7(BEGUN))

    for number, (at_s, _, data) in enumerate(told, 1):
        when = BEGUN + timedelta(seconds=at_s)
        body = body_of(sender, Draft.of(data, when, "ntp"), uuid7(when))
        received = read_up(seal(body, number, historical=False, sent=when))
        assert received.data is not None
        assert received.data.model_dump_json() == data.model_dump_json()  # times are cut to ms
    kinds = {data.TYPE for _, _, data in told}
    assert len(kinds) >= 7, kinds


def test_tasks_go_through_their_states_in_order_and_calls_carry_their_track() -> None:
    told = live(FleetPlan(units=4, pace=Pace(task_s=100, sos_s=500)), 7200)

    tasks: dict[str, list[TaskEvent]] = {}
    for _, _, data in told:
        if isinstance(data, TaskEvent):
            tasks.setdefault(data.task, []).append(data)
    assert len(tasks) > 4
    order = ["assigned", "acknowledged", "en_route", "arrived", "handling", "closed"]
    for steps in tasks.values():
        assert [step.state for step in steps] == order[: len(steps)]
        assert all(b.previous == a.state for a, b in pairwise(steps))
    calls = [data for _, _, data in told if isinstance(data, SosEvent) and data.phase == "new"]
    assert calls
    assert all(point.time <= call.begun for call in calls for point in call.track)
    assert any(call.track for call in calls)


def test_positions_come_faster_when_dispatched() -> None:
    told = live(FleetPlan(units=1, pace=Pace(task_s=30, sighting_s=1e6)), 1200)
    states = [(at_s, data.state) for at_s, _, data in told if isinstance(data, TaskEvent)]
    begun_s = next(at_s for at_s, state in states if state == "en_route")
    ended_s = next(at_s for at_s, state in states if state == "arrived")
    times = [at_s for at_s, _, data in told if isinstance(data, Position)]
    on_the_way = [at_s for at_s in times if begun_s < at_s < ended_s]

    assert len(on_the_way) >= (ended_s - begun_s) * 0.9


def test_an_agenda_is_in_order_and_says_when_it_is_too_much() -> None:
    agenda, seen = Agenda(), list[tuple[float, str]]()

    def every(name: str, period_s: float) -> Activity:
        while True:
            seen.append((agenda.now_s, name))
            yield period_s

    agenda.add(every("a", 2.0))
    agenda.add(every("b", 3.0), after_s=1.0)
    assert agenda.run_until(6.0) == 6
    assert seen == [(0, "a"), (1, "b"), (2, "a"), (4, "b"), (4, "a"), (6, "a")]
    assert agenda.next_s == 7.0
    assert agenda.run_until(100.0, at_most=3) == 3
    assert agenda.now_s < 100.0  # it is behind


def test_names_sort_as_their_numbers_do() -> None:
    names = unit_names(FleetPlan(units=1200, prefix="car"))

    assert names == sorted(names)
    assert (names[0], names[-1]) == ("car-0001", "car-1200")
