"""`patrol-edge control`: take control of the unit on the spot, give it back, see who has it."""

import argparse
import json
from typing import Any

from edge.cli.console import DONE, note, say
from edge.cli.unit.asking import add_unit_options, ask_unit

SEEN = {"hub": "the hub commands this unit", "local": "somebody on the spot commands this unit"}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "control",
        help="take control of this unit on the spot, and give it back",
        description="While somebody on the spot has control, commands of the hub are refused, "
        "but for ping, rebirth and the end of a call for help. It stays so over restarts.",
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, told in (
        ("take", "the hub's commands are refused from now on"),
        ("return", "the hub commands again"),
        ("status", "who commands, and how it went so far"),
        ("trust-clock", "the clock is right, though it shows less than before"),
    ):
        part = parts.add_parser(name, help=told, description=told[0].upper() + told[1:] + ".")
        add_unit_options(part)
        if name in ("take", "return"):
            part.add_argument("--reason", default="", metavar="TEXT", help="for the journal")
        part.set_defaults(handler=trust_clock if name == "trust-clock" else ask_for, part=name)


def ask_for(args: argparse.Namespace) -> int:
    wanted = {"reason": args.reason} if "reason" in args else None
    told = ask_unit(args, f"control.{args.part}", wanted)
    if args.json:
        say(json.dumps(told))
        return DONE
    say(SEEN[told["commander"]] + _since(told))
    if args.part == "status":
        say(f"commands: {told['commands']}, {told['accepted']} accepted since the start")
        for code, count in sorted(told["refused"].items()):
            say(f"  refused {count}: {code}")
        say(f"journal: {told['journal']['n']} records, {told['journal']['hash'][:16]}…")
    elif args.part == "take":
        note("`patrol-edge control return` gives it back")
    return DONE


def _since(told: dict[str, Any]) -> str:
    return f", since {told['since']} by {told['by']}" if told["by"] else ""


def trust_clock(args: argparse.Namespace) -> int:
    told = ask_unit(args, "control.trust-clock", cure="give the unit a time server, or set it")
    say(json.dumps(told) if args.json else f"this is the time from now on: {told['time']}")
    return DONE
