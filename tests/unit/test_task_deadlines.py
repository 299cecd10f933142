"""Deadlines: each once, at its time, whatever becomes of the clock, the process and the power."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.operations import TasksConfig
from edge.tasks import moves
from telemetry.contract.places import Place
from telemetry.contract.tasks import TaskCancel, TaskUpdate
from telemetry.contract.uuid7 import uuid7
from tests.duty_desk import World


def ordered(world: World, **changes: Any) -> str:
    order = world.order(**changes)
    world.desk.do(lambda page: moves.assign(page, world.config, order, uuid7(page.now.utc)))
    return order.task


def words(world: World) -> list[tuple[str, str, float]]:
    """(reminder or overdue, of which state, seconds after its deadline), as a hub has them."""
    first = dict(reversed(world.outbox.told))
    return [
        (draft.data.kind, draft.data.step, (draft.time - draft.data.deadline).total_seconds())
        for draft in reversed(first.values())
        if getattr(draft.data, "kind", "") in ("reminder", "overdue")
    ]


def test_a_reminder_before_and_overdue_at_the_deadline(tmp_path: Path) -> None:
    world = World(tmp_path)
    ordered(world, deadlines=[world.deadline("acknowledged", 100, 40)])
    world.wait(300)
    (first, _, early_s), (second, step, late_s) = words(world)
    assert (first, second, step) == ("reminder", "overdue", "acknowledged")
    assert -40 <= early_s <= -39
    assert 0 <= late_s <= 1


def test_what_was_done_in_time_is_not_overdue(tmp_path: Path) -> None:
    world = World(tmp_path)
    task = ordered(world, deadlines=[world.deadline("acknowledged", 30, 5)])
    world.wait(20)
    world.desk.do(lambda page: moves.act(page, task, "acknowledge"))
    world.wait(60)
    assert words(world) == []


def test_an_unanswered_order_is_overdue_by_the_unit_s_own_deadline(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(acknowledge_within_s=60))
    ordered(world)
    world.wait(200)
    assert [word[:2] for word in words(world)] == [
        ("reminder", "acknowledged"),
        ("overdue", "acknowledged"),
    ]


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 10 * 365 * 86_400.0, -10 * 365 * 86_400.0])
@pytest.mark.parametrize("quality", ["rtc", "ntp", "gnss", "none"])
def test_a_clock_that_is_set_moves_no_deadline(tmp_path: Path, jump_s: float, quality: str) -> None:
    world = World(tmp_path)
    began_s = world.clock.mono_s()
    ordered(world, deadlines=[world.deadline("acknowledged", 100, 0)])
    world.wait(20)
    world.quality = quality
    world.clock.jump_utc(jump_s)
    world.wait(70)
    assert words(world) == []
    world.restart()
    world.wait(9)
    assert words(world) == []
    world.wait(3)
    assert [word[0] for word in words(world)] == ["overdue"]
    assert world.clock.mono_s() - began_s < 103


def test_a_better_clock_corrects_a_deadline(tmp_path: Path) -> None:
    world = World(tmp_path, quality="rtc")
    world.clock.jump_utc(-40)  # the RTC is 40 s late
    truth = world.clock.utc() + timedelta(seconds=40 + 100)
    ordered(world, deadlines=[{"state": "acknowledged", "at": truth, "remind_before_s": 0}])
    world.wait(10)
    world.clock.jump_utc(40)
    world.quality = "gnss"
    world.wait(100)
    (word,) = words(world)
    assert 0 <= word[2] <= 1


def test_after_a_reboot_with_a_dead_rtc_nothing_is_overdue_until_the_time_is_known(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    ordered(world, deadlines=[world.deadline("acknowledged", 600, 0)])
    truth = world.clock.utc()
    world.clock.jump_utc((datetime(2030, 1, 1, tzinfo=UTC) - truth).total_seconds())
    world.quality = "rtc"
    world.reboot()
    world.wait(300)
    assert words(world) == []
    world.clock._utc = truth + timedelta(seconds=300)
    world.quality = "gnss"
    world.wait(299)
    assert words(world) == []
    world.wait(2)
    assert [word[0] for word in words(world)] == ["overdue"]


def test_a_deadline_that_passed_while_the_unit_was_off_is_told_at_the_start(tmp_path: Path) -> None:
    world = World(tmp_path)
    ordered(world, deadlines=[world.deadline("acknowledged", 60, 10)])
    world.clock.advance(500)
    world.reboot()
    world.wait(1)
    assert [word[0] for word in words(world)] == ["overdue"], "and no reminder any more"
    world.restart()
    world.wait(100)
    assert len(words(world)) == 1


def test_thirty_days_of_tasks_with_restarts(tmp_path: Path) -> None:
    """Every deadline once, none too early, none late, none twice."""
    world, due = World(tmp_path), 0
    for hour in range(0, 30 * 24, 4):
        in_s = 30 + hour * 7 % 900
        ordered(
            world, deadlines=[world.deadline("closed", in_s, 15), world.deadline("arrived", 9e5)]
        )
        due += 1
        half = in_s // 2
        world.wait(half, 5)
        world.restart() if hour % 12 else world.reboot()
        world.wait(in_s - half - 6, 1)
        world.wait(12, 0.5)
        world.desk.do(lambda page: moves.act(page, None, "refuse"))
        world.clock.advance(4 * 3600 - in_s - 6)
    told = [word for word in words(world) if word[:2] == ("overdue", "closed")]
    assert len(told) == due == 180
    assert all(0 <= late_s <= 1 for _, _, late_s in told)
    reminders = [word for word in words(world) if word[0] == "reminder" and word[1] == "closed"]
    assert len(reminders) == due


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["wait", "jump", "restart", "quality"]), st.integers(1, 40)),
        max_size=25,
    )
)
def test_whatever_happens_it_is_told_once_and_not_early(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    world = World(tmp_path_factory.mktemp("w"))
    ordered(world, deadlines=[world.deadline("acknowledged", 200, 0)])
    due_s = world.clock.mono_s() + 200
    for what, size in steps:
        if what == "wait":
            world.wait(size)
        elif what == "jump":
            world.clock.jump_utc((-1) ** size * size * 1000.0)
        elif what == "restart":
            world.restart()
        else:
            world.quality = ["none", "rtc", "gnss", "ntp"][size % 4]
        assert (len(words(world)) == 1) == (world.clock.mono_s() >= due_s)
    world.wait(max(0.0, due_s - world.clock.mono_s()) + 5)
    assert len(words(world)) == 1


def test_an_offer_that_nobody_accepts_ends(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(handover_within_s=30, automatic_acknowledge=True))
    task = ordered(world)
    world.desk.do(lambda page: moves.offer(page, world.config, None, "car-08"))
    world.restart()
    world.wait(29)
    assert world.outbox.tasks[-1].kind == "handover_offered"
    world.wait(2)
    last = world.outbox.tasks[-1]
    assert (last.kind, last.state, last.handover_to) == (
        "handover_expired",
        "acknowledged",
        "car-08",
    )
    answer = TaskUpdate(task=task, handover="accepted")
    with pytest.raises(moves.OrderRefusedError, match="offers the task to nobody"):
        world.desk.do(lambda page: moves.update(page, world.config, answer, task))


def test_only_both_sides_hand_a_task_over(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(automatic_acknowledge=True))
    task = ordered(world)
    world.desk.do(lambda page: moves.offer(page, world.config, None, "car-08"))
    declined = TaskUpdate(task=task, handover="declined")
    world.desk.do(lambda page: moves.update(page, world.config, declined, task))
    assert world.desk.book.current is not None
    assert world.desk.book.current.offer is None
    world.desk.do(lambda page: moves.offer(page, world.config, None, "car-09"))
    accepted = TaskUpdate(task=task, handover="accepted")
    world.desk.do(lambda page: moves.update(page, world.config, accepted, task))
    kinds = [(event.kind, event.state, event.handover_to) for event in world.outbox.tasks[2:]]
    assert kinds == [
        ("handover_offered", "acknowledged", "car-08"),
        ("handover_declined", "acknowledged", "car-08"),
        ("handover_offered", "acknowledged", "car-09"),
        ("transition", "handed_over", "car-09"),
    ]
    assert world.outbox.tasks[-1].times.cleared is not None
    assert world.desk.book.duty == "on_patrol"


@pytest.mark.parametrize("first", ["restart", "reboot", "none"])
@pytest.mark.parametrize("second", ["restart", "reboot", "none"])
def test_no_task_is_lost_when_units_restart_while_they_hand_it_over(
    tmp_path: Path, first: str, second: str
) -> None:
    config = TasksConfig(automatic_acknowledge=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    giver, taker = World(tmp_path / "a", config), World(tmp_path / "b", config)

    def open_at(world: World) -> bool:
        return any(one.id == order.task for one in world.desk.book.tasks)

    order = giver.order(handover_from="car-07")
    given = order.model_copy(update={"handover_from": None})
    giver.desk.do(lambda page: moves.assign(page, config, given, order.task))
    giver.desk.do(lambda page: moves.offer(page, config, None, "car-08"))
    for world, what in ((giver, first), (taker, second)):
        getattr(world, what, lambda: None)()
        world.wait(1)
    taker.desk.do(lambda page: moves.assign(page, config, order, order.task))
    for world, what in ((taker, second), (giver, first)):
        getattr(world, what, lambda: None)()
        world.wait(1)
        assert open_at(taker)
    accepted = TaskUpdate(task=order.task, handover="accepted")
    if first == "reboot":  # its offer is over: it keeps the task until the hub takes it back
        with pytest.raises(moves.OrderRefusedError, match="offers the task to nobody"):
            giver.desk.do(lambda page: moves.update(page, config, accepted, order.task))
        assert [e.kind for e in giver.outbox.tasks].count("handover_expired") == 1
        giver.desk.do(lambda page: moves.cancel(page, TaskCancel(task=order.task), order.task))
    else:
        giver.desk.do(lambda page: moves.update(page, config, accepted, order.task))
    assert (open_at(giver), open_at(taker)) == (False, True)


def test_an_order_that_was_carried_out_before_a_crash_is_answered_the_same(tmp_path: Path) -> None:
    world = World(tmp_path)
    order, first, last = world.order(), uuid7(world.clock.utc()), uuid7(world.clock.utc())
    cancel = TaskCancel(task=order.task, reason="false alarm")
    for _ in range(2):
        task = world.desk.do(lambda page: moves.assign(page, world.config, order, first))
        assert task.state == "assigned"
        world.restart()
    for _ in range(2):
        task = world.desk.do(lambda page: moves.cancel(page, cancel, last))
        assert task.state == "cancelled"
        world.restart()
    assert [event.state for event in world.outbox.tasks] == ["assigned", "cancelled"]
    with pytest.raises(moves.OrderRefusedError):
        world.desk.do(lambda page: moves.cancel(page, cancel, first))


def test_an_update_changes_what_it_gives_and_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(automatic_acknowledge=True))
    task = ordered(world, title="alarm", deadlines=[world.deadline("arrived", 600, 60)])
    before = world.desk.book.current
    assert before is not None
    order = TaskUpdate(task=task, title="false alarm?", radius_m=120)
    after = world.desk.do(lambda page: moves.update(page, world.config, order, task))
    assert (after.title, after.radius_m) == ("false alarm?", 120)
    assert after == replace(before, title=after.title, radius_m=120)
    world.restart()
    assert world.desk.book.current == after, "also over a restart"
    sooner = TaskUpdate(task=task, deadlines=(world.deadline("arrived", 10, 0),))
    world.desk.do(lambda page: moves.update(page, world.config, sooner, task))
    world.wait(12)
    assert [word[:2] for word in words(world)] == [("overdue", "arrived")]


def test_another_place_for_a_unit_that_was_there_sends_it_on(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(automatic_acknowledge=True))
    task = ordered(world)
    world.desk.do(lambda page: moves.act(page, None, "arrive"))
    order = TaskUpdate(task=task, place=Place(lat_deg=52.6, lon_deg=13.5))
    moved_on = world.desk.do(lambda page: moves.update(page, world.config, order, task))
    assert (moved_on.state, moved_on.arrived) == ("en_route", None)


def test_a_task_that_becomes_more_urgent_is_worked_on(tmp_path: Path) -> None:
    world = World(tmp_path, TasksConfig(automatic_acknowledge=True))
    first, second = ordered(world, priority=3), ordered(world, priority=1)
    assert world.desk.book.current is not None
    assert world.desk.book.current.id == second
    order = TaskUpdate(task=first, priority=0)
    world.desk.do(lambda page: moves.update(page, world.config, order, first))
    assert world.desk.book.current.id == first
    kinds = [(event.kind, event.task == first) for event in world.outbox.tasks[-2:]]
    assert kinds == [("suspended", False), ("resumed", True)]


def test_an_off_duty_unit_takes_no_task(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.desk.do(lambda page: page.set_duty("off_duty", "local"))
    with pytest.raises(moves.OrderRefusedError) as told:
        ordered(world)
    assert told.value.code == "wrong_state"
    assert world.desk.book.tasks == ()
