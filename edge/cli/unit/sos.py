"""`patrol-edge sos`: call for help from the unit, or end the call."""

import argparse
import json

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import add_command
from edge.cli.unit.asking import add_unit_options, ask_unit

HELP = """\
Call for help. It is the first message out of the unit, with where it was in the last 60 seconds,
and is told again every few seconds until it is ended here or by the hub. It survives a restart.

  patrol-edge sos
  patrol-edge sos --cause collision --text "rear-ended, two injured"
  patrol-edge sos cancel
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "sos", "call for help, or end the call", HELP)
    parser.add_argument(
        "--cause",
        choices=("button", "operator", "fall", "collision"),
        default="operator",
        help="what set it off (operator)",
    )
    parser.add_argument("--text", default="", help="in a few words")
    add_unit_options(parser)
    parser.set_defaults(handler=call)
    parts = parser.add_subparsers(title="commands", metavar="COMMAND")
    ending = parts.add_parser("cancel", help="end the call", description="End the call for help.")
    ending.add_argument("--reason", default="", metavar="TEXT", help="in a few words")
    add_unit_options(ending, again=True)
    ending.set_defaults(handler=cancel)


def call(args: argparse.Namespace) -> int:
    try:
        told = ask_unit(args, "sos.call", {"cause": args.cause, "text": args.text})
    except CommandError as error:  # whoever needs help must not wait for it in vain
        if error.exit_code == USAGE:
            raise
        cure = f"use the radio; then: {error.cure}" if error.cure else "use the radio"
        raise CommandError(f"do not count on help, {error}", cure, error.exit_code) from error
    if args.json:
        say(json.dumps(told))
    else:
        say(f"calling for help since {told['begun']}  {told['episode']}")
        note("`patrol-edge sos cancel` ends it")
    return DONE


def cancel(args: argparse.Namespace) -> int:
    told = ask_unit(
        args, "sos.cancel", {"reason": args.reason}, "`patrol-edge duty` shows whether one stands"
    )
    say(json.dumps(told) if args.json else f"the call is ended  {told['episode']}")
    return DONE
