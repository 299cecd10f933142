"""`patrol-edge flash`: a bundle onto this unit, and what becomes of it."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from config.language import said, tell
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note
from edge.cli.flash.flash_options import STDIN, add_options
from edge.cli.parser import add_command, number_in
from edge.cli.run import DEFAULT_CONFIG

if TYPE_CHECKING:
    from edge.cli.flash.flash_view import View
    from edge.flashing.unit import Unit
    from edge.flashing.wish import Outcome

# As telemetry.contract.flash.Way, which is slow to import.
WAYS = ("hub", "usb", "serial", "ssh", "command_line")
HELP = """\
Check the bundle, put it onto this unit beside what is in use, try it, change over, and watch the
trial: the unit keeps it, or goes back by itself. What is refused has changed nothing.

  sudo patrol-edge flash north-12.peb
  patrol-edge flash north-12.peb --to dog-07.local       # from a laptop, over SSH
  patrol-edge flash north-12.peb --to /dev/ttyUSB0 --user anna     # its serial console

Exit code 0: it is kept (or begins with the next start); 1: refused, or taken back; 2: wrong
usage."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(commands, "flash", "put a signed bundle onto this unit", HELP)
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE.peb", help="the bundle; - for standard input")
    add("--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})")
    add("--state-dir", type=Path, metavar="DIR", help="instead of the unit file's state_dir")
    add("--force", action="store_true", help="even while a task is active; goes on record")
    add("--yes", action="store_true", help="ask nothing")
    add("--json", action="store_true", help="each step as one JSON object a line")
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument(
        "--wait", type=number_in(0, 3600), metavar="S",
        help="for the end of the trial (as long as it can take)",
    )  # fmt: skip
    waiting.add_argument("--no-wait", action="store_true", help="for its beginning only")
    add_options(parser)
    add("--receive", action="store_true", help=argparse.SUPPRESS)  # started by --to, at its end
    add("--by", metavar="NAME", help=argparse.SUPPRESS)  # who, where it came over a line
    add("--way", default="command_line", choices=WAYS, help=argparse.SUPPRESS)
    parser.set_defaults(handler=flash)


def flash(args: argparse.Namespace) -> int:
    """Raises CommandError, ConfigError."""
    from edge.cli.flash.flash_receive import receive
    from edge.cli.flash.flash_to import flash_to
    from edge.cli.flash.flash_view import view_of
    from edge.flashing.as_service import become_service
    from edge.flashing.unit import unit_of
    from edge.local.control import by_whom

    if args.to is not None:
        return flash_to(args)
    if args.receive:
        return receive(args)
    if args.file is None:
        raise CommandError(tell("which bundle?"), "patrol-edge flash FILE.peb", USAGE)
    unit = unit_of(args.config, args.state_dir)
    view = view_of(args, unit)
    with view.shown(), _opened(args.file) as source:
        args.by = args.by or by_whom()  # whoever began it
        become_service(unit.state_dir)
        outcome = _flashed(args, source, unit, view)
        if outcome is None:
            return FAILED
        if outcome.end != "on_trial" or args.no_wait:
            view.ended(outcome)
            return DONE
        return _followed(args, unit, outcome, view)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Raises CommandError."""
    if name == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = Path(name).open("rb")  # noqa: SIM115 - closed below; what it raises is told here
    except OSError as error:
        told = tell("{file} cannot be read: {why}", file=name, why=error.strerror or str(error))
        raise CommandError(told, tell("check the name"), USAGE) from error
    with source:
        yield source


def _flashed(
    args: argparse.Namespace, source: BinaryIO, unit: "Unit", view: "View"
) -> "Outcome | None":
    """None where it was refused, which was told."""
    from edge.bundles.refusal import BundleError
    from edge.cli.flash.flash_view import NotWantedError
    from edge.flashing.engine import flash as engine
    from edge.flashing.wish import Wish

    wish = Wish(by=args.by, way=args.way, force=args.force)
    try:
        return engine(source, unit, wish, view.step)
    except BundleError as refusal:
        view.refused(refusal)
    except NotWantedError:
        note(tell("nothing was changed"))
    except KeyboardInterrupt:
        note(state_left(unit))
    return None


def state_left(unit: "Unit") -> str:
    """What an interrupted flash has left."""
    from config.slots import SlotsError, read_slots

    try:
        trial = read_slots(unit.folder).trial
    except (OSError, SlotsError):
        trial = None
    if trial is None:
        return tell("interrupted: nothing was changed, the unit is what it was before")
    return tell("interrupted: {name} is on trial, and goes on: patrol-edge slots list",
                name=trial.content.name)  # fmt: skip


# --- the trial ---


def _followed(args: argparse.Namespace, unit: "Unit", outcome: "Outcome", view: "View") -> int:
    from config.slots import SlotsError
    from edge.flashing.following import SPARE_S, follow

    within_s = args.wait if args.wait is not None else (outcome.ends_within_s or 60.0) + SPARE_S
    try:
        ended = follow(unit.folder, outcome.bundle, within_s, view.on_trial)
    except KeyboardInterrupt:
        note(tell("the trial goes on without you: patrol-edge slots list"))
        return FAILED
    except (OSError, SlotsError) as error:
        told = tell("how the trial ended cannot be read: {why}", why=said(error))
        raise CommandError(told, "sudo patrol-edge slots list") from error
    view.ended(outcome, ended)
    return DONE if ended is not None and ended.outcome == "committed" else FAILED
