"""Words of the command line that more than one module of `patrol-edge flash` knows."""

import argparse

BAUD = 115_200
STDIN = "-"  # in place of a file
SPOOL = "spool"  # below the slots' folder: bundles that come from elsewhere


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is only for flashing another computer."""
    group = parser.add_argument_group("onto another computer")
    add = group.add_argument
    add("--to", metavar="[USER@]HOST|PORT", help="over SSH, or the serial console on this port")
    add("--user", metavar="NAME", help="who logs in at the serial console")
    add("--baud", type=int, default=BAUD, help=f"of the serial console ({BAUD})")
