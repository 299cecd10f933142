"""The life-cycle of a task, as a pure and total machine: a step is legal, or refused with a reason.

assigned → acknowledged → en_route → arrived → handling → closed
                                                        | handed_over | refused | cancelled
"""

from typing import Literal, get_args

from telemetry.contract.tasks import TaskState

Act = Literal[
    "acknowledge",
    "set_out",
    "arrive",
    "leave",  # away again before the work was begun: the arrival does not count
    "handle",
    "close",
    "hand_over",  # the other unit has accepted
    "refuse",
    "cancel",  # by the hub
]
STATES: tuple[TaskState, ...] = get_args(TaskState)
ACTS: tuple[Act, ...] = get_args(Act)

_ON_THE_WAY: dict[Act, TaskState] = {
    "hand_over": "handed_over",
    "refuse": "refused",
    "cancel": "cancelled",
}
_THERE: dict[Act, TaskState] = {
    "close": "closed",
    "hand_over": "handed_over",
    "cancel": "cancelled",
}
# Once there, a unit cannot refuse any more: it closes the task, or hands it over. Whoever is there
# already when the order comes arrives without setting out.
STEPS: dict[TaskState, dict[Act, TaskState]] = {
    "assigned": {"acknowledge": "acknowledged", "refuse": "refused", "cancel": "cancelled"},
    "acknowledged": {"set_out": "en_route", "arrive": "arrived", **_ON_THE_WAY},
    "en_route": {"arrive": "arrived", **_ON_THE_WAY},
    "arrived": {"handle": "handling", "leave": "en_route", **_THERE},
    "handling": _THERE,
    "closed": {},
    "handed_over": {},
    "refused": {},
    "cancelled": {},
}
ENDS: frozenset[TaskState] = frozenset(state for state in STATES if not STEPS[state])

IN_WORDS: dict[Act, str] = {
    "acknowledge": "acknowledged",
    "set_out": "set out for",
    "arrive": "arrived at",
    "leave": "left again",
    "handle": "handled",
    "close": "closed",
    "hand_over": "handed over",
    "refuse": "refused",
    "cancel": "cancelled",
}


class IllegalStepError(Exception):
    """The task, or the unit's duty, cannot take this step. The text says why, and what it can."""


def after(state: TaskState, act: Act) -> TaskState:
    """The state that the act leads to. Raises IllegalStepError."""
    step = STEPS[state].get(act)
    if step is None:
        raise IllegalStepError(_why_not(state, act))
    return step


def _why_not(state: TaskState, act: Act) -> str:
    if state in ENDS:
        return f"the task is over: {state.replace('_', ' ')}"
    now, wanted = state.replace("_", " "), IN_WORDS[act]
    possible = ", ".join(IN_WORDS[one] for one in STEPS[state])
    return f"a task that is {now} cannot be {wanted}; it can be {possible}"
