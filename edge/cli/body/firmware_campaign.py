"""`patrol-edge firmware campaign`: many boards from one file."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.body.firmware_bench import (
    Bar,
    Bench,
    add_bench_options,
    add_wait_options,
    board_at,
    in_words,
)
from edge.cli.body.firmware_flash import wish_of
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.parser import Parts, add_part

if TYPE_CHECKING:
    from edge.firmware.campaign import Campaign, Done, Run, State, Step
    from edge.firmware.flasher import Outcome

HELP = """\
Flash what the file lists: canaries first, then the others in their order once the canaries have run
for a while. What is done stands in FILE.state.json, so that the same command goes on after a break.

  name: lamps-1-4
  on_failure: stop            # or: go_on
  watch_canaries_s: 60
  boards:
    - {board: lamp_front, package: lamp-1.4.0.pefw, canary: true}
    - {board: lamp_rear, package: lamp-1.4.0.pefw}
    - {board: spare, port: /dev/serial/by-id/usb-Spare-if00, package: lamp-1.4.0.pefw}
"""


def register(parts: Parts) -> None:
    parser = add_part(parts, "campaign", run, "flash many boards from one file", HELP)
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="which boards, with which packages (YAML)")
    add("--dry-run", action="store_true", help="check each board and package, change nothing")
    add("--allow-downgrade", metavar="REASON", help="take older ones, too; goes into the ledger")
    parser.set_defaults(no_confirm=False)
    add_bench_options(parser)
    add_wait_options(parser)


def run(args: argparse.Namespace) -> int:
    from edge.firmware.campaign import CampaignError, State, read_campaign, report

    try:
        campaign = read_campaign(args.file)
        state = State(None) if args.dry_run else State.beside(args.file)
        going = _run(args, campaign, state)
        done = []
        for each in going.go():
            done.append(each)
            if not args.json:
                say(row(each))
    except CampaignError as error:
        raise CommandError(str(error), error.cure, USAGE) from error
    told = report(campaign, done, going.stopped)
    if args.json:
        say(json.dumps(told))
    else:
        well = sum(each.well for each in done)
        note(f"{well} of {len(done)} boards are well" + _why(going.stopped))
    return DONE if told["well"] else FAILED


def _why(stopped: str) -> str:
    return f"; stopped: {stopped}" if stopped else ""


def row(done: "Done") -> str:
    """One line of the table."""
    came = f"{done.before or '?'} → {done.after}" if done.after else ""
    took = f"{done.took_s:.0f} s" if done.took_s is not None else ""
    return f"{done.board:16} {done.end:10} {came:20} {took:>7}  {done.text}".rstrip()


def _run(args: argparse.Namespace, campaign: "Campaign", state: "State") -> "Run":
    from datetime import UTC, datetime

    from edge.firmware.campaign import Run

    benches = _benches(args, campaign)
    folder = args.file.absolute().parent

    def flash(step: "Step") -> "Outcome":
        bench, name = benches(step)
        package = bench.package(folder / step.package)
        with bench.borrowed(name) as loan, Bar(step.board, loan, quiet=args.json) as bar:
            flasher = bench.flasher()
            return flasher.flash(step.board, bench.boards[name], package, wish_of(args), bar)

    def still_well(step: "Step") -> bool:
        bench, name = benches(step)
        try:
            with bench.borrowed(name), in_words():
                found = bench.flasher().look(step.board, bench.boards[name])
        except CommandError:
            return False
        return any(each.active and each.confirmed for each in found.images)

    return Run(campaign, state, folder, flash, still_well, lambda: datetime.now(UTC), time.sleep)


def _benches(
    args: argparse.Namespace, campaign: "Campaign"
) -> "Callable[[Step], tuple[Bench, str]]":
    """Where each board is: in the unit file, or on a port of its own. Raises CommandError."""
    in_unit = any(step.port is None for step in campaign.boards)
    bench = Bench.of(args) if in_unit else None

    def of(step: "Step") -> tuple[Bench, str]:
        if step.port is None and bench is not None:
            return bench, bench.one(step.board)
        board = board_at(step.port or "", args.baud)
        own = argparse.Namespace(**vars(args) | {"port": step.port})
        return replace(Bench.of(own), boards={step.board: board}), step.board

    for step in campaign.boards:
        of(step)  # a wrong name stops before the first board
    return of
