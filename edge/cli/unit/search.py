"""`patrol-edge search`: what this unit looks for, and how much of the area it has seen."""

import argparse
import json
from typing import Any

from edge.cli.console import DONE, note, say
from edge.cli.parser import add_command, add_part
from edge.cli.unit.asking import add_unit_options, ask_unit

DESCRIPTION = """\
A hub has a unit look for somebody or something by what can be seen: clothing colours, size, kind
and colour of a vehicle, in an area, for at most 24 hours (search.start, search.stop). No faces, and
nobody is identified. Off by default: search.enabled."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "search",
        "what this unit looks for, and what of the area it has seen",
        DESCRIPTION,
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_unit_options(add_part(parts, "status", status, "the searches that are under way"))


def status(args: argparse.Namespace) -> int:
    cure = "see that search.enabled is true in the unit's file"
    told = ask_unit(args, "search.status", cure=cure)
    if args.json:
        say(json.dumps(told, ensure_ascii=False))
        return DONE
    for each in told["searches"]:
        say(f"{each['search']}  {each['wanted']}")
        say(
            f"  until {each['expires_at']} ({each['legal_basis']}): {_seen(each)}, "
            f"{each['candidates']} candidates now, {each['looks']} pictures"
        )
    if any(each["paused"] for each in told["searches"]):
        note("paused: the unit saves its strength (the fault perception_degraded says why)")
    if not told["searches"]:
        say("nothing is looked for")
    return DONE


def _seen(search: dict[str, Any]) -> str:
    if not search["looks"]:
        return "nothing seen yet"
    if not search["placed"] and not search["searched"]:
        return "seen ground unknown"
    return f"{search['searched']:.1%} of the area seen"
