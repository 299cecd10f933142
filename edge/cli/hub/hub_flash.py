"""`patrol-edge hub flash`: one bundle to one unit, or to many."""

import argparse
from pathlib import Path

from edge.cli.console import USAGE, CommandError
from edge.cli.hub.rollout_options import add_rollout_options, line_of, roll_out, units_in
from edge.cli.parser import add_command

DESCRIPTION = """\
Gives each unit the order to fetch the bundle and flash it, and follows it to the end: the unit
checks it, tries it, keeps it or goes back by itself. With several units the first is the canary;
the rest follow when it has stayed well for a while, and none after one that failed.

  patrol-edge hub flash car-07 harbour-12.peb --key hub-1.key
  patrol-edge hub flash car-07,car-08,car-09 harbour-12.peb --key hub-1.key --state harbour-12

Exit code 0: all units have it; 1: one has not; 2: wrong usage."""


def register(errands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(errands, "flash", "flash a bundle onto units, canaries first", DESCRIPTION)
    parser.add_argument("units", metavar="UNIT[,UNIT…]", help="their ids")
    parser.add_argument("bundle", type=Path, metavar="FILE", help="a signed bundle, NAME.peb")
    add_rollout_options(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    units = units_in(args.units)
    if not args.bundle.is_file():
        raise CommandError(f"there is no {args.bundle}", "give a bundle, NAME.peb", USAGE)
    return roll_out(args, line_of(args), dict.fromkeys(units, args.bundle))
