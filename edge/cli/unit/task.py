"""`patrol-edge task`: what the unit is told to do, and what its crew says of it."""

import argparse
import json
from typing import Any

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import add_command, add_part
from edge.cli.unit.asking import add_unit_options, ask_unit, metres, seconds

LIST_FIRST = "`patrol-edge task list` shows them all"
TOLD = {
    "acknowledge": ("ack", "the crew has the order and takes it"),
    "refuse": ("refuse", "the unit will not do it; before it is there"),
    "set_out": ("enroute", "on the way; the unit sees it by itself where it has a position"),
    "arrive": ("arrive", "there; the unit sees it by itself where it has a position"),
    "handle": ("handle", "the work has begun"),
    "close": ("close", "done"),
}
STEPS = ("acknowledged", "moving", "arrived", "cleared")

HELP = """\
A task goes: assigned, acknowledged, en route, arrived, handling, and then closed, handed over,
refused or cancelled. The unit notices by itself that it moves and that it is there; where it
cannot (a garage, a closed sky), say so. Without TASK a command is about the task worked on; TASK
is its id, or enough of the id's end to tell it from the others.

  patrol-edge task ack
  patrol-edge task close --disposition settled
  patrol-edge task handover --to car-08
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "task", "show the unit's tasks; acknowledge, close, hand over", HELP
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_unit_options(add_part(parts, "list", show_list, "all tasks, open ones first"))
    _about_one(add_part(parts, "show", show_one, "everything about one task"))
    for act, (name, told) in TOLD.items():
        acting = add_part(parts, name, do_act, told)
        acting.set_defaults(act=act)
        _about_one(acting)
        if act == "close":
            acting.add_argument(
                "--disposition", required=True, metavar="CODE", help="how: settled, transferred, …"
            )
        if act in ("close", "refuse"):
            acting.add_argument("--reason", default="", metavar="TEXT", help="in a few words")
    offering = add_part(parts, "handover", do_offer, "offer it to another unit, which must accept")
    offering.add_argument("--to", required=True, metavar="UNIT", help="the other unit's id")
    _about_one(offering)


def _about_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", metavar="TASK", help="default: the one worked on")
    add_unit_options(parser)


# --- looking ---------------------------------------------------------------------------------


def show_list(args: argparse.Namespace) -> int:
    told = ask_unit(args, "task.list")
    if args.json:
        say(json.dumps(told))
        return DONE
    for number, task in enumerate(told["open"]):
        say(f"{'waiting' if number else 'at work'}  {line_of(task)}")
    for task in told["ended"]:
        say(f"ended    {line_of(task)}")
    if not told["open"]:
        note("no open task")
    return DONE


def show_one(args: argparse.Namespace) -> int:
    task = _found(args)
    if args.json:
        say(json.dumps(task))
        return DONE
    for line in lines_of(task):
        say(line)
    return DONE


def _found(args: argparse.Namespace) -> dict[str, Any]:
    """The task that is meant. Raises CommandError."""
    told = ask_unit(args, "task.list")
    every = [*told["open"], *told["ended"]]
    if args.task is None:
        if not told["open"]:
            raise CommandError("the unit has no task", LIST_FIRST)
        return dict(told["open"][0])
    fitting = [task for task in every if task["task"].endswith(args.task.lower())]
    if len(fitting) != 1:
        what = "no task's id ends" if not fitting else f"{len(fitting)} tasks' ids end"
        raise CommandError(f"{what} with {args.task}", LIST_FIRST, USAGE)
    return dict(fitting[0])


def line_of(task: dict[str, Any]) -> str:
    title = task["title"] or task["kind"]
    words = [f"{task['task']}  {title}, priority {task['priority']}: {_words(task['state'])}"]
    words += outlook_of(task)
    if "handover_to" in task:
        words.append(
            f"{'handed' if task['state'] == 'handed_over' else 'offered'} to {task['handover_to']}"
        )
    words += [task[name] for name in ("disposition", "reason") if task.get(name)]
    words += ["off the route"] if task["off_route"] else []
    return ", ".join(words)


def outlook_of(task: dict[str, Any]) -> list[str]:
    """How far, and how long it will take."""
    words = [f"{metres(task['remaining_m'])} to go"] if "remaining_m" in task else []
    if "eta_s" in task:
        words.append(f"there in {seconds(task['eta_s'])}")
    elif task.get("motion") == "blocked":
        words.append("blocked")
    return words


def lines_of(task: dict[str, Any]) -> list[str]:
    place = task["place"]
    lines = [
        line_of(task),
        f"  place      {place['lat_deg']:.6f} {place['lon_deg']:.6f}, "
        f"within {metres(task['radius_m'])}",
        f"  received   {task['times']['received']}",
    ]
    times = task["times"]
    for step in STEPS:
        if step in times:
            after = times.get(f"{step}_after_s")
            later = f", after {seconds(after)}" if after is not None else ""
            lines.append(f"  {step:<10} {times[step]}{later}")
    for due in task["deadlines"]:
        late = "  OVERDUE" if due["overdue"] else ""
        lines.append(f"  {_words(due['state'])} is due by {due['at']}{late}")
    return lines


def _words(state: str) -> str:
    return state.replace("_", " ")


# --- acting ----------------------------------------------------------------------------------


def do_act(args: argparse.Namespace) -> int:
    wanted = {"act": args.act} | _which(args)
    for name in ("disposition", "reason"):
        if getattr(args, name, None):
            wanted[name] = getattr(args, name)
    return _tell(args, ask_unit(args, "task.act", wanted, LIST_FIRST))


def do_offer(args: argparse.Namespace) -> int:
    answer = ask_unit(args, "task.offer", {"to": args.to} | _which(args), LIST_FIRST)
    if not args.json:
        note(
            f"offered to {answer['offered_to']}: this unit keeps it until that one accepts, within "
            f"{seconds(answer['within_s'])}"
        )
    return _tell(args, answer)


def _which(args: argparse.Namespace) -> dict[str, str]:
    return {} if args.task is None else {"task": str(_found(args)["task"])}


def _tell(args: argparse.Namespace, answer: dict[str, Any]) -> int:
    if args.json:
        say(json.dumps(answer))
    else:
        say(", ".join([f"{answer['task']}: {_words(answer['state'])}", *outlook_of(answer)]))
    return DONE
