"""`patrol-edge duty`: what the unit is on, and how that is changed on the spot."""

import argparse
import json

from edge.cli.console import DONE, say
from edge.cli.parser import add_command
from edge.cli.unit.asking import add_unit_options, ask_unit

BY_HAND = ("on_patrol", "standby", "returning", "off_duty", "out_of_service")

HELP = """\
With a task, the duty is that of the task (dispatched, en_route, on_scene, handling) and is not set
by hand. Without one, the crew or the hub says what the unit is on.

  patrol-edge duty
  patrol-edge duty set standby
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "duty", "show or set what the unit is on: on patrol, standby, off duty", HELP
    )
    add_unit_options(parser)
    parser.set_defaults(handler=show)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND")
    setting = parts.add_parser("set", help="set it", description="Set what the unit is on.")
    setting.add_argument("duty", choices=BY_HAND, help=", ".join(BY_HAND))
    add_unit_options(setting, again=True)
    setting.set_defaults(handler=set_duty)


def show(args: argparse.Namespace) -> int:
    told = ask_unit(args, "duty.show")
    if args.json:
        say(json.dumps(told))
        return DONE
    say(f"{told['duty'].replace('_', ' ')}, mode {told['mode']}")
    if "task" in told:
        say(f"task {told['task']}: {told['task_state'].replace('_', ' ')}")
    if "sos" in told:
        say(f"CALL FOR HELP since {told['sos_begun']}; `patrol-edge sos cancel` ends it")
    return DONE


def set_duty(args: argparse.Namespace) -> int:
    told = ask_unit(args, "duty.set", {"duty": args.duty}, "`patrol-edge duty` shows what it is on")
    if args.json:
        say(json.dumps(told))
    elif told["duty"] == told["previous"]:
        say(f"{told['duty'].replace('_', ' ')} already")
    else:
        say(f"{told['duty'].replace('_', ' ')}, was {told['previous'].replace('_', ' ')}")
    return DONE
