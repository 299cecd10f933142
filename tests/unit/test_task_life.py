"""Both machines: total, and what they forbid stays forbidden, whatever is tried in which order."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config.operations import TasksConfig
from edge.tasks import duty, life, moves
from edge.tasks.page import Page
from edge.tasks.soundness import is_sound
from telemetry.commands.handling import OrderRefusedError
from telemetry.contract.tasks import NEXT_STATES, TaskCancel, TaskUpdate
from telemetry.contract.uuid7 import uuid7
from tests.duty_desk import World


def answered(machine: Any, *question: str) -> str:
    """The new state, or the reason why there is none."""
    try:
        return str(machine(*question))
    except life.IllegalStepError as error:
        return str(error)


def test_every_state_answers_every_act() -> None:
    for state, act in itertools.product(life.STATES, life.ACTS):
        answer = answered(life.after, state, act)
        assert answer in life.STATES or answer.startswith(("a task that is", "the task is over"))


def test_the_contract_tells_hubs_the_same_machine() -> None:
    assert {state: set(steps.values()) for state, steps in life.STEPS.items()} == NEXT_STATES


def test_what_is_over_stays_over() -> None:
    assert {"closed", "handed_over", "refused", "cancelled"} == life.ENDS
    for state, act in itertools.product(life.ENDS, life.ACTS):
        with pytest.raises(life.IllegalStepError, match="the task is over"):
            life.after(state, act)


def test_every_state_can_be_reached_and_left() -> None:
    reached, new = {"assigned"}, {"assigned"}
    while new:
        new = {life.STEPS[s][a] for s in reached for a in life.STEPS[s]} - reached  # type: ignore[index]
        reached |= new
    assert reached == set(life.STATES)


def test_an_illegal_step_is_told_with_what_is_possible() -> None:
    with pytest.raises(life.IllegalStepError) as told:
        life.after("assigned", "close")
    assert str(told.value) == (
        "a task that is assigned cannot be closed; it can be acknowledged, refused, cancelled"
    )


def test_every_duty_answers_every_wish() -> None:
    for now, wanted in itertools.product(duty.DUTIES, duty.DUTIES):
        answer = answered(duty.set_by_hand, now, wanted)
        by_hand = now not in duty.WITH_TASK and wanted not in duty.WITH_TASK
        assert (answer == wanted) <= by_hand
        assert answer == wanted or " " in answer
    for now, state in itertools.product(duty.DUTIES, life.STATES):
        answer = answered(duty.with_task, now, state)
        off = now in ("off_duty", "out_of_service")
        assert (answer in duty.WITH_TASK) == (not off and state not in life.ENDS)


class Unit(RuleBasedStateMachine):
    """Whatever hub, crew, clock, crash and reboot do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self._folder.name), TasksConfig(acknowledge_within_s=30))
        self.known: list[str] = []

    def teardown(self) -> None:
        self._folder.cleanup()

    def attempt(self, move: Any) -> None:
        before, told = self.world.desk.book, len(self.world.outbox.told)
        try:
            self.world.desk.do(move)
        except (OrderRefusedError, life.IllegalStepError):
            assert self.world.desk.book is before, "what is refused changes nothing"
            assert len(self.world.outbox.told) == told, "and tells nothing"

    @rule(priority=st.integers(0, 4), ack=st.booleans())
    def assign(self, priority: int, ack: bool) -> None:
        order = self.world.order(priority=priority)
        self.known.append(order.task)
        config = TasksConfig(automatic_acknowledge=ack)
        self.attempt(lambda page: moves.assign(page, config, order, uuid7(page.now.utc)))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), what=st.sampled_from(life.ACTS))
    def act(self, data: Any, what: life.Act) -> None:
        task = data.draw(st.sampled_from([None, *self.known]))
        self.attempt(lambda page: moves.act(page, task, what))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), answer=st.sampled_from(["accepted", "declined"]))
    def answer(self, data: Any, answer: Any) -> None:
        order = TaskUpdate(task=data.draw(st.sampled_from(self.known)), handover=answer)
        self.attempt(lambda page: moves.update(page, self.world.config, order, order.task))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), priority=st.integers(0, 4))
    def prefer(self, data: Any, priority: int) -> None:
        order = TaskUpdate(task=data.draw(st.sampled_from(self.known)), priority=priority)
        self.attempt(lambda page: moves.update(page, self.world.config, order, order.task))

    @rule()
    def offer(self) -> None:
        self.attempt(lambda page: moves.offer(page, self.world.config, None, "car-08"))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        order = TaskCancel(task=data.draw(st.sampled_from(self.known)))
        self.attempt(lambda page: moves.cancel(page, order, order.task))

    @rule(wanted=st.sampled_from(duty.DUTIES))
    def set_duty(self, wanted: Any) -> None:
        self.attempt(lambda page: Page.set_duty(page, wanted, "local"))

    @rule(seconds=st.integers(1, 300))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds, 30)

    @rule()
    def crash(self) -> None:
        self.world.restart()

    @rule()
    def reboot(self) -> None:
        self.world.reboot()

    @invariant()
    def duty_is_that_of_the_task(self) -> None:
        book = self.world.desk.book
        if book.current is not None:
            assert book.duty == duty.OF_TASK[book.current.state]
        else:
            assert book.duty not in duty.WITH_TASK

    @invariant()
    def the_book_is_sound(self) -> None:
        assert is_sound(self.world.desk.book)
        assert self.world.desk.memory.lost is None

    @invariant()
    def more_urgent_tasks_lie_on_top(self) -> None:
        priorities = [task.priority for task in self.world.desk.book.tasks]
        assert priorities == sorted(priorities, reverse=True)

    @invariant()
    def the_hub_can_follow_every_step(self) -> None:
        """Each task's events are a legal way through the machine, each step told once."""
        first: dict[str, Any] = {}
        for id_, draft in self.world.outbox.told:
            first.setdefault(id_, draft.data)
        states: dict[str, str] = {}
        duty_now = "on_patrol"
        for event in first.values():
            if event.TYPE == "patrol.event.duty.v1":
                assert event.previous == duty_now
                duty_now = event.duty
            elif event.kind == "transition":
                assert states.get(event.task) == event.previous
                if event.previous is not None:
                    assert event.state in life.STEPS[event.previous].values()
                states[event.task] = event.state
        book = self.world.desk.book
        assert duty_now == book.duty
        for task in (*book.tasks, *book.ended):
            assert states[task.id] == task.state

    @invariant()
    def times_are_in_order(self) -> None:
        for task in (*self.world.desk.book.tasks, *self.world.desk.book.ended):
            stamps = (task.received, task.acknowledged, task.moving, task.arrived, task.cleared)
            known = [stamp.utc for stamp in stamps if stamp is not None]
            assert known == sorted(known)


Unit.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestUnit = Unit.TestCase
