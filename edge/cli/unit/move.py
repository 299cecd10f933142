"""`patrol-edge move`: what carries the unit, from the spot: hold, home, stop, release."""

import argparse
import json
from typing import Any

from edge.cli.console import DONE, say
from edge.cli.unit.asking import add_unit_options, ask_unit

ORDERS = (
    ("status", "what carries the unit, its missions, and whether a stop is on"),
    ("hold", "stay where it is; a mission under way is paused"),
    ("home", "return to where it started"),
    ("stop", "emergency stop of all that moves; stays on until it is released"),
    ("release", "end the emergency stop, after a look around"),
)
OBEYED = {
    "hold": "holds its place",
    "home": "returns",
    "stop": "has stopped; `patrol-edge move release` ends it",
}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "move",
        help="hold, bring home or stop what carries the unit; release a stop",
        description="For somebody beside the unit. The hub has the same orders, but the last.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, told in ORDERS:
        part = parts.add_parser(name, help=told, description=told[0].upper() + told[1:] + ".")
        add_unit_options(part)
        part.set_defaults(handler=move, part=name)


def move(args: argparse.Namespace) -> int:
    told = ask_unit(args, f"move.{args.part}", cure="patrol-edge move status says how it is")
    if args.json:
        say(json.dumps(told))
    elif args.part == "status":
        _say_status(told)
    elif args.part == "release":
        say("released: whatever carries the unit takes orders again")
    else:
        say(f"{', '.join(told['carriers'])} {OBEYED[args.part]}")
    return DONE


def _say_status(told: dict[str, Any]) -> None:
    if told["stopped_by"]:
        say(f"STOPPED by {told['stopped_by']}; `patrol-edge move release` ends it")
    for each in told["carriers"]:
        state = each["mode"] or "?" if each["there"] else "not there"
        armed = {True: ", motors on", False: ", motors off", None: ""}[each["armed"]]
        say(f"{each['name']} ({each['kind']}): {state}{armed}")
    for each in told["missions"]:
        at = "" if each["item"] is None else f", at {each['item'] + 1} of {each['items']}"
        say(f"mission {each['mission']} of {each['carrier']}: {each['state']}{at}")
