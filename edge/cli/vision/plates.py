"""`patrol-edge plates`: lists of plates that are looked for, hits that wait, and the reader."""

import argparse
from pathlib import Path
from typing import get_args

from edge.cli.parser import add_command, add_part, number_in
from edge.cli.unit.asking import add_unit_options
from telemetry.contract.plates import Verdict

DESCRIPTION = """\
Reads number plates to find those of a list that a hub has sent. Off by default (plates.enabled);
needs its reader: pip install 'patrol-edge[plates]'. Plates on no list are not kept and not told.
A hit is a suggestion: nothing follows from it until a human has looked (review).

  on the hub     patrol-edge plates sign stolen.csv --list stolen --version 7 --days 2 \\
                     --basis "case 1180" --key hub-1.key --unit car-07 -o stolen.plates
  on the unit    patrol-edge plates import stolen.plates
                 patrol-edge plates status
                 patrol-edge plates review 0412 correct"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands,
        "plates",
        "number plates: lists to look for, hits to review, the reader on pictures",
        DESCRIPTION,
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    reading = add_part(parts, "read", _read, "what the reader makes of pictures of vehicles")
    reading.add_argument(
        "paths", nargs="+", type=Path, metavar="IMAGE", help="or a folder, a video"
    )
    reading.add_argument("--threads", type=int, choices=range(1, 9), default=1, metavar="N")
    reading.add_argument("--json", action="store_true", help="one JSON object per picture")
    importing = add_part(parts, "import", _import, "install a signed list from a file")
    importing.add_argument("file", type=Path, metavar="FILE", help="what `plates sign` made")
    add_unit_options(importing)
    status = add_part(parts, "status", _status, "which lists there are, and which hits wait")
    add_unit_options(status)
    review = add_part(parts, "review", _review, "say of a hit what a human sees")
    review.add_argument("episode", metavar="EPISODE", help="its last characters will do")
    review.add_argument("verdict", choices=get_args(Verdict))
    review.add_argument("--reason", default="", metavar="TEXT")
    add_unit_options(review)
    _add_sign(add_part(parts, "sign", _sign, "on the hub: make a signed list for a stick"))


def _add_sign(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("file", type=Path, metavar="CSV", help="lines of ENTRY,PLATE")
    add("--list", required=True, metavar="NAME", help="the list's name")
    add("--version", required=True, type=int, metavar="N", help="higher than the one before")
    add(
        "--days",
        required=True,
        type=number_in(0.01, 3660),
        metavar="N",
        help="then the unit deletes it",
    )
    add("--basis", required=True, metavar="TEXT", help="the legal basis, e.g. a case number")
    add("--priority", type=int, choices=range(5), default=1)
    add("--unit", action="append", required=True, metavar="UNIT", help="may be repeated; * is any")
    add("--key", required=True, type=Path, metavar="FILE", help="the hub's private key")
    add(
        "-o", "--output", "--out", dest="out", required=True, type=Path, metavar="FILE",
        help="what goes onto the stick",
    )  # fmt: skip


def _read(args: argparse.Namespace) -> int:
    from edge.cli.vision.plates_read import read

    return read(args)


def _import(args: argparse.Namespace) -> int:
    from edge.cli.unit.plate_lists import install

    return install(args)


def _status(args: argparse.Namespace) -> int:
    from edge.cli.unit.plate_lists import status

    return status(args)


def _review(args: argparse.Namespace) -> int:
    from edge.cli.unit.plate_lists import review

    return review(args)


def _sign(args: argparse.Namespace) -> int:
    from edge.cli.unit.plate_signing import sign

    return sign(args)
