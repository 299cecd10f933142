"""Kill a unit in the middle of its tasks, again and again, and look whether all still agree."""

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.tasks.life import STEPS
from telemetry.outbox.look import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    kills: int
    promised: int  # steps that were answered
    steps: int  # told by events, each once
    repeats: int  # of exactly the same event
    lost: int  # answered, and not among the events
    broken: list[str]  # what does not fit together


def kill_again_and_again(folder: Path, kills: int, *, naive: bool = False, seed: int = 1) -> Found:
    """A new process each time, over what the one before left behind."""
    chance, promised = random.Random(seed), []
    command = [sys.executable, "-m", "tests.dispatched_process", str(folder)]
    for _ in range(kills):
        with subprocess.Popen(
            [*command, "naive"] if naive else command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # it lives
            time.sleep(chance.uniform(0.0, 0.15))
            process.kill()
            promised += [first, *process.stdout.readlines()]
    answered = {tuple(line.split()) for line in promised if line.endswith("\n")}
    return _compared(folder, kills, answered)


def until_it_breaks(folder: Path, attempts: int, kills: int) -> Found | None:
    """The same with a desk that saves first and tells then, from anew each time, until its state
    and its events disagree. None if they never did."""
    for attempt in range(attempts):
        home = folder / str(attempt)
        found = kill_again_and_again(home, kills, naive=True, seed=attempt)
        if found.broken or found.lost:
            return found
    return None


def _compared(folder: Path, kills: int, answered: set[tuple[str, ...]]) -> Found:
    events, damaged = _events(folder)
    broken = [f"{damaged} messages in the queue cannot be read"] if damaged else []
    first: dict[str, dict[str, Any]] = {}
    for event in events:
        if _but_run(first.setdefault(event["id"], event)) != _but_run(event):
            broken.append(f"{event['id']} was told in two ways")
    told: set[tuple[str, ...]] = set()
    states: dict[str, str] = {}
    for event in first.values():
        if event["data"].get("kind") == "transition":
            broken += _misfits(event["data"], states)
            told.add((event["data"]["task"], event["data"]["state"]))
    book = _book(folder)
    for task in (*book["tasks"], *book["ended"]):
        if states.get(task["id"]) != task["state"]:
            broken.append(f"the file says {task['state']}, the events {states.get(task['id'])}")
    return Found(
        kills=kills,
        promised=len(answered),
        steps=len(told),
        repeats=len(events) - len(first),
        lost=len(answered - told),
        broken=broken,
    )


def _misfits(step: dict[str, Any], states: dict[str, str]) -> list[str]:
    """What is wrong with this step after those before."""
    before, claimed = states.get(step["task"]), step.get("previous")
    states[step["task"]] = step["state"]
    if before != claimed:
        return [f"a step from {claimed} where the one before led to {before}"]
    if claimed is not None and step["state"] not in STEPS[claimed].values():
        return [f"no task goes from {claimed} to {step['state']}"]
    return []


def _events(folder: Path) -> tuple[list[dict[str, Any]], int]:
    """All that was or will be told: nothing was sent, so the outbox has it, or the file still.

    And how many messages in the outbox are damaged.
    """
    with Look.open(folder / "outbox.db") as look:
        rows = [row.message() for row in sorted(look.waiting(), key=lambda row: row.sequence)]
    stored = [row for row in rows if row is not None]
    known = {event["id"] for event in stored}
    untold = [event for event in _book(folder)["untold"] if event["id"] not in known]
    return stored + untold, len(rows) - len(stored)


def _book(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "orders.json").read_text())
    return found


def _but_run(event: dict[str, Any]) -> dict[str, Any]:
    """The run that told it is all that may differ."""
    return {name: value for name, value in event.items() if name != "bootid"}
