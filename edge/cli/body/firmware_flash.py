"""`patrol-edge firmware flash`: one package to one board, or to all that it is for."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.firmware_bench import (
    Bar,
    Bench,
    add_bench_options,
    add_wait_options,
    in_words,
    told_by,
)
from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.parser import Parts, add_part

if TYPE_CHECKING:
    from edge.firmware.flasher import Outcome, Wish
    from edge.firmware.package import Package

HELP = """\
Check the package, take the board from the unit, send the image, compare its hash, start it on
trial, see that it answers, and confirm it. A pulled cable is waited for; the same command again
goes on where the board still was, or starts anew.

  patrol-edge firmware flash lamp-1.4.0.pefw --dry-run
  patrol-edge firmware flash lamp-1.4.0.pefw lamp --when-idle
"""


def register(parts: Parts) -> None:
    parser = add_part(parts, "flash", flash, "give a board a new firmware", HELP)
    add = parser.add_argument
    add("package", type=Path, metavar="PACKAGE", help="a signed package, NAME.pefw")
    add("board", nargs="?", metavar="BOARD", help="default: the only one of the package's model")
    add("--dry-run", action="store_true", help="check everything, change nothing")
    add("--no-confirm", action="store_true", help="leave it on trial; `firmware confirm` keeps it")
    add("--allow-downgrade", metavar="REASON", help="take an older one, too; goes into the ledger")
    add_bench_options(parser)
    add_wait_options(parser)


def flash(args: argparse.Namespace) -> int:
    bench = Bench.of(args)
    package = bench.package(args.package)
    name = bench.one(args.board or _only_one(bench, package))
    with bench.borrowed(name) as loan, in_words(), Bar(name, loan, quiet=args.json) as bar:
        outcome = bench.flasher().flash(name, bench.boards[name], package, wish_of(args), bar)
    if args.json:
        say(json.dumps(asdict(outcome)))
    else:
        say(f"{name}: {words_of(outcome)}")
        if outcome.end == "on_trial":
            note(f"it goes back at its next start, unless: patrol-edge firmware confirm {name}")
    return DONE


def _only_one(bench: Bench, package: "Package") -> str | None:
    """The board whose model in the unit file is the package's, if there is one such."""
    fitting = [
        name for name, config in bench.boards.items() if config.model == package.manifest.model
    ]
    return fitting[0] if len(fitting) == 1 else None


def wish_of(args: argparse.Namespace) -> "Wish":
    """Raises CommandError."""
    from edge.firmware.fitness import Downgrade
    from edge.firmware.flasher import Wish

    reason = args.allow_downgrade
    if reason is not None and not reason.strip():
        raise CommandError("--allow-downgrade: a reason is missing", "say why, in words", USAGE)
    return Wish(
        by=told_by(),
        confirm=not args.no_confirm,
        downgrade=Downgrade(reason.strip()) if reason is not None else None,
        dry_run=args.dry_run,
    )


def words_of(outcome: "Outcome") -> str:
    """One line for people."""
    if outcome.end == "would_flash":
        return f"would go from {outcome.before or '?'} to {outcome.after}; nothing was changed"
    if outcome.end == "unchanged":
        return f"runs {outcome.after} already, confirmed"
    told = "confirmed" if outcome.end == "confirmed" else "on trial"
    came = f"from {outcome.before} " if outcome.before else ""
    line = f"{came}to {outcome.after}, {told}, in {outcome.took_s:.0f} s"
    if outcome.sent_bytes < outcome.size_bytes:
        line += f"; {outcome.sent_bytes} of {outcome.size_bytes} bytes were still to be sent"
    if outcome.interruptions:
        line += f"; the line was lost {outcome.interruptions} times"
    return line
