"""What the unit is on, as a pure and total machine.

Without a task the crew or the hub says what it is on. With one, the task does: a unit that has set
out is `en_route` whatever anybody sets.
"""

from typing import get_args

from edge.tasks.life import ENDS, IllegalStepError
from telemetry.contract.tasks import TaskState
from telemetry.contract.up_message import Duty

DUTIES: tuple[Duty, ...] = get_args(Duty)

OF_TASK: dict[TaskState, Duty] = {
    "assigned": "dispatched",
    "acknowledged": "dispatched",
    "en_route": "en_route",
    "arrived": "on_scene",
    "handling": "handling",
}
WITH_TASK: frozenset[Duty] = frozenset(OF_TASK.values())

# What may be set by hand, from what. Whoever is off duty, or out of service, returns from nowhere.
BY_HAND: dict[Duty, frozenset[Duty]] = {
    "off_duty": frozenset({"on_patrol", "standby", "out_of_service"}),
    "out_of_service": frozenset({"on_patrol", "standby", "off_duty"}),
    "on_patrol": frozenset({"standby", "returning", "off_duty", "out_of_service"}),
    "standby": frozenset({"on_patrol", "returning", "off_duty", "out_of_service"}),
    "returning": frozenset({"on_patrol", "standby", "off_duty", "out_of_service"}),
}
AT_WORK: frozenset[Duty] = frozenset(DUTIES) - {"off_duty", "out_of_service"}  # may get a task


def set_by_hand(duty: Duty, wanted: Duty) -> Duty:
    """The duty that was asked for. Raises IllegalStepError."""
    if duty in WITH_TASK:
        raise IllegalStepError(
            f"the unit has a task ({_words(duty)}): close it, hand it over or refuse it first"
        )
    if wanted in WITH_TASK:
        raise IllegalStepError(f"{_words(wanted)} comes with a task and is not set by hand")
    if wanted != duty and wanted not in BY_HAND[duty]:
        raise IllegalStepError(f"a unit that is {_words(duty)} cannot be {_words(wanted)} at once")
    return wanted


def with_task(duty: Duty, state: TaskState) -> Duty:
    """The duty while the unit's task is in this state. Raises IllegalStepError."""
    if duty not in AT_WORK:
        raise IllegalStepError(f"the unit is {_words(duty)} and takes no task")
    if state in ENDS:
        raise IllegalStepError("a task that is over gives no duty")
    return OF_TASK[state]


def after_task(before: Duty) -> Duty:
    """The duty when the last task is over. `before`: what the unit was on when the first came.

    A unit that stands by has a post to go back to; a patrol goes on where it is.
    """
    return "returning" if before == "standby" else "on_patrol"


def _words(duty: Duty) -> str:
    return duty.replace("_", " ")
