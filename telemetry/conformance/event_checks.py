"""Episodes: new, updates, end. Tasks: the steps of their life, each with its times."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from telemetry.conformance.finding import Finding, check, judged
from telemetry.conformance.transcript import Seen, Transcript, moment_of
from telemetry.contract.tasks import NEXT_STATES

# What stays in an episode. The track of a call for help is where the unit was, and is told again.
FIXED = {
    "patrol.event.detection.v1": ("label", "camera", "track", "first_seen"),
    "patrol.event.alert.v1": ("rule", "name", "begun"),
    "patrol.event.search.v1": ("search", "label", "camera", "track"),
    "patrol.event.sos.v1": ("cause", "begun"),
}
EPISODES = tuple(FIXED)
NO_EPISODE = "no episode was seen: needs a detection, or a call for help"
NO_TASK = "no task was seen: needs --tasks and a key, or a task that is dispatched meanwhile"
TIME_OF_STATE = {
    "assigned": "received",
    "acknowledged": "acknowledged",
    "arrived": "arrived",
    "closed": "cleared",
    "handed_over": "cleared",
    "cancelled": "cleared",
}


def _grouped(t: Transcript, types: tuple[str, ...], key: str) -> dict[str, list[Seen]]:
    """By episode or task, each in the order of its sequence."""
    found: dict[str, list[Seen]] = {}
    for _, m in sorted(t.first_of.items()):
        if m.type in types and m.word(key):
            found.setdefault(m.word(key), []).append(m)
    return found


def _episodes(t: Transcript) -> dict[str, list[Seen]]:
    return _grouped(t, EPISODES, "episode")


def _begun(m: Seen) -> datetime | None:
    return moment_of(m.word("first_seen") or m.word("begun"))


@check("HC-060")
def begins_with_new(t: Transcript) -> Finding:
    """Of those that began after the unit was first heard."""
    heard = min((m.sent for m in t.stored if m.sent), default=None)
    bad, looked_at = [], 0
    for steps in _episodes(t).values():
        begun = _begun(steps[0])
        if begun is None or heard is None or begun < heard:
            continue
        looked_at += 1
        if steps[0].word("phase") != "new":
            bad.append(f"{steps[0]} begins an episode with {steps[0].word('phase')}")
    return judged(bad, looked_at, "episodes begun with new", NO_EPISODE)


@check("HC-061")
def one_new_one_end(t: Transcript) -> Finding:
    bad = []
    for name, steps in _episodes(t).items():
        phases = [m.word("phase") for m in steps]
        if phases.count("new") > 1 or "new" in phases[1:]:
            bad.append(f"episode {name} has a new after its beginning")
        if "end" in phases[:-1]:
            bad.append(f"episode {name} goes on after its end")
    return judged(bad, len(_episodes(t)), "episodes with one beginning and one end", NO_EPISODE)


@check("HC-062")
def stays_itself(t: Transcript) -> Finding:
    bad = [
        f"{m}: {key} has changed within its episode"
        for steps in _episodes(t).values()
        for m in steps[1:]
        for key in FIXED[str(m.type)]
        if m.data.get(key) != steps[0].data.get(key)
    ]
    return judged(bad, len(_episodes(t)), "episodes that stay themselves", NO_EPISODE)


@check("HC-063")
def sos_track(t: Transcript) -> Finding:
    """60 s before the call, oldest first."""
    calls = [m for m in t.of("patrol.event.sos.v1") if m.word("phase") == "new"]
    bad = []
    for m in calls:
        points = m.data.get("track")
        listed = points if isinstance(points, list) else []
        found = [moment_of(str(p.get("time"))) for p in listed if isinstance(p, dict)]
        times = [moment for moment in found if moment is not None]
        if times != sorted(times):
            bad.append(f"{m}: its track is not in order")
        if times and (times[-1] - times[0]).total_seconds() > 90:
            bad.append(f"{m}: its track is longer than the last minute")
    return judged(bad, len(calls), "calls for help with their track", "nobody called for help")


@check("HC-065")
def waits_for_a_human(t: Transcript) -> Finding:
    alerts = t.of("patrol.event.alert.v1")
    bad = [f"{m}: its review is not pending" for m in alerts if m.word("review") != "pending"]
    return judged(bad, len(alerts), "alerts that wait for a human", "no rule raised an alert")


# --- tasks ---


def _tasks(t: Transcript) -> dict[str, list[Seen]]:
    return _grouped(t, ("patrol.event.task.v1",), "task")


def _steps(t: Transcript) -> Iterator[tuple[Seen | None, Seen]]:
    """Each transition, with the one before it."""
    for events in _tasks(t).values():
        before: Seen | None = None
        for m in events:
            if m.word("kind") == "transition":
                yield before, m
                before = m


def _next(state: str) -> frozenset[str]:
    return frozenset(str(to) for at, tos in NEXT_STATES.items() if at == state for to in tos)


@check("HC-070")
def legal(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for _, m in _steps(t):
        state, previous = m.word("state"), m.word("previous")
        looked_at += 1
        if not previous and state != "assigned":
            bad.append(f"{m}: a task begins as {state}")
        elif previous and state not in _next(previous):
            bad.append(f"{m}: {previous} → {state} is no step of a task")
    return judged(bad, looked_at, "steps of tasks, all legal", NO_TASK)


@check("HC-071")
def follows(t: Transcript) -> Finding:
    pairs = [(a, b) for a, b in _steps(t) if a is not None]
    bad = [
        f"{b}: leaves {b.word('previous')}, but the task was {a.word('state')}"
        for a, b in pairs
        if a.word("state") != b.word("previous")
    ]
    return judged(bad, len(pairs), "steps that follow the one before", NO_TASK)


def _times(m: Seen) -> dict[str, Any]:
    value = m.data.get("times")
    return value if isinstance(value, dict) else {}


@check("HC-072")
def has_its_time(t: Transcript) -> Finding:
    bad, looked_at = [], 0
    for _, m in _steps(t):
        key = TIME_OF_STATE.get(m.word("state"))
        looked_at += 1
        if key is not None and moment_of(str(_times(m).get(key))) is None:
            bad.append(f"{m}: is {m.word('state')}, without the time {key}")
    return judged(bad, looked_at, "steps with their time", NO_TASK)


@check("HC-073")
def times_stay(t: Transcript) -> Finding:
    """T0 and T1 are written once; T2 and T3 may be taken back by leaving again."""
    bad, looked_at = [], 0
    for events in _tasks(t).values():
        for a, b in pairwise(events):
            looked_at += 1
            bad += [
                f"{b}: {key} has changed"
                for key in ("received", "acknowledged")
                if key in _times(a) and _times(a)[key] != _times(b).get(key)
            ]
    return judged(bad, looked_at, "task events that keep their times", NO_TASK)


@check("HC-074")
def due(t: Transcript) -> Finding:
    events = [m for each in _tasks(t).values() for m in each]
    told = [m for m in events if m.word("kind") in ("reminder", "overdue")]
    bad = [f"{m}: without step and deadline" for m in told
           if not {"step", "deadline"} <= m.data.keys()]  # fmt: skip
    return judged(bad, len(told), "reminders of deadlines", "no deadline came near")


@check("HC-075")
def task_command(t: Transcript) -> Finding:
    """The kit assigned a task, and cancelled it."""
    bad, looked_at = [], 0
    for note in t.noted("task"):
        task, command = note.detail.get("task"), note.detail.get("command")
        steps = [m for m in _tasks(t).get(str(task), []) if m.word("kind") == "transition"]
        looked_at += 1
        states = [m.word("state") for m in steps]
        if "assigned" not in states:
            bad.append("a task that was accepted has no event `assigned`")
        elif steps[0].word("command") != command:
            bad.append("the event `assigned` does not name its command")
        elif "cancelled" not in states:
            bad.append("a task whose cancelling was accepted has no event `cancelled`")
    lacking = "needs --tasks and a key, and a unit that takes tasks"
    return judged(bad, looked_at, "tasks assigned and cancelled", lacking)
