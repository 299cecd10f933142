"""`patrol-edge plates`: try the plate reader."""

import argparse
from pathlib import Path

from edge.cli.parser import add_part

DESCRIPTION = """\
Reads number plates of vehicles. Off by default (plates.enabled), and needs its reader:
pip install 'patrol-edge[plates]'."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "plates",
        help="read number plates in pictures",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    reading = add_part(parts, "read", _read, "what the reader makes of pictures of vehicles")
    reading.add_argument(
        "paths", nargs="+", type=Path, metavar="IMAGE", help="or a folder, a video"
    )
    reading.add_argument("--threads", type=int, choices=range(1, 9), default=1, metavar="N")
    reading.add_argument("--json", action="store_true", help="one JSON object per picture")


def _read(args: argparse.Namespace) -> int:
    from edge.cli.vision.plates_read import read

    return read(args)
