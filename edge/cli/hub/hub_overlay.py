"""`patrol-edge hub overlay`: change single values of units, as a signed overlay."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from edge.cli.console import DONE, USAGE, CommandError, note, say
from edge.cli.hub.pairs import object_of
from edge.cli.hub.rollout_options import add_rollout_options, line_of, roll_out, units_in
from edge.cli.hub.signing import signer_of
from edge.cli.parser import add_command, number_in

if TYPE_CHECKING:
    from telemetry.contract.flash import Flashed
    from telemetry.contract.unit import State
    from telemetry.hub.following import Line

DAYS = 365.0
DESCRIPTION = """\
Reads from the broker what the unit has, makes its next overlay (all that the last one changed, and
these values laid over it), signs it, and gives it to the unit. Only what the base allows can be
changed (`overlay_keys`). Each overlay that is made here is kept in --folder: the next one is made
from it.

  patrol-edge hub overlay car-07 position.patrol_every_s=2 --sign config.key --key hub-1.key
  patrol-edge hub overlay car-07 --drop position.patrol_every_s --sign config.key --key hub-1.key
  patrol-edge hub overlay car-07 --show

Exit code 0: the unit has it (or with --only-make, it is made); 1: not; 2: wrong usage."""


def register(errands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        errands, "overlay", "change single values of a unit's configuration", DESCRIPTION
    )
    add = parser.add_argument
    add("units", metavar="UNIT[,UNIT…]", help="their ids")
    add("pairs", nargs="*", metavar="KEY=VALUE", help="what shall be, with dots into sections")
    add("--drop", action="append", default=[], metavar="KEY", help="back to what the base says")
    add("--again", action="store_true", help="the same values, onto the base that is in use now")
    add("--show", action="store_true", help="only what the last overlay says")
    add("--sign", type=Path, metavar="FILE", help="the private key that signs overlays, PEM")
    add("--sign-kid", metavar="ID", help="what the units' list of keys calls it")
    add("--only-make", action="store_true", help="make and sign it, do not send it")
    add("--folder", type=Path, metavar="DIR", help="where overlays are kept; default: in your home")
    add("--previous", type=Path, metavar="FILE", help="the last overlay, if it is not in there")
    add("--anew", action="store_true", help="forget what the last overlay changed")
    add("--base", type=Path, metavar="FILE", help="the base's bundle, to see what it allows")
    add("--days", type=number_in(1, 3650), default=DAYS, metavar="N",
        help=f"how long it may be flashed; default {DAYS:g}")  # fmt: skip
    add("--note", default="", help="why; stands in the bundle")
    add_rollout_options(parser)
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from edge.bundles.refusal import BundleError
    from edge.rollout.overlays import OverlayError

    units, values = units_in(args.units), object_of(args.pairs)
    if not (values or args.drop or args.show or args.again):
        raise CommandError("nothing to change", "KEY=VALUE, --drop KEY, --again, or --show", USAGE)
    line = line_of(args)
    try:
        if args.show:
            return _show(args, line, units)
        files = {unit: _made(args, line, unit, values) for unit in units}
    except OverlayError as error:
        raise CommandError(str(error), error.cure) from error
    except BundleError as error:
        raise CommandError(str(error), error.cure or "give the file as it was made") from error
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}", "see --folder") from error
    return DONE if args.only_make else roll_out(args, line, files)


def _folder(args: argparse.Namespace) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return args.folder or Path(home) / "patrol-edge/overlays"


def _flashed(line: "Line", unit: str) -> "Flashed":
    """What the unit has. Raises CommandError."""
    from telemetry.hub.client import ErrandError
    from telemetry.hub.following import state_of

    try:
        state = state_of(line, unit, _at_rest)  # it may be just about to say that it is
    except ErrandError as error:
        raise CommandError(str(error), "check --broker, and the broker's access rules") from error
    if state is None:
        raise CommandError(f"no state of {unit} lies at the broker", "check the unit, and --root")
    if state.flashed is None:
        raise CommandError(f"{unit} does not say what was flashed onto it", "flash its runtime")
    if state.flashed.trial is not None:
        told = f"{state.flashed.trial.name} is on trial on {unit} just now"
        raise CommandError(told, "wait until it has ended: `patrol-edge hub` shows it")
    return state.flashed


def _at_rest(state: "State") -> bool:
    return state.flashed is None or state.flashed.trial is None


def _made(args: argparse.Namespace, line: "Line", unit: str, values: dict[str, Any]) -> Path:
    from edge.rollout.overlays import Edit, make_overlay, values_of

    signer = signer_of(args.sign, args.sign_kid)
    if signer is None:
        raise CommandError("an overlay is signed", "give the key with --sign", USAGE)
    edit = Edit(
        values=values,
        dropped=tuple(args.drop),
        anew=args.anew,
        previous=args.previous,
        base=args.base,
    )
    flashed = _flashed(line, unit)
    wanted = values_of(edit, unit, flashed, _folder(args))
    path = make_overlay(
        unit, flashed, wanted, (signer.key, signer.kid), line.clock.utc(), _folder(args),
        days=args.days, note=args.note,
    )  # fmt: skip
    if args.only_make or not args.json:
        (say if args.only_make else note)(f"{unit}: {path}")
    return path


def _show(args: argparse.Namespace, line: "Line", units: list[str]) -> int:
    from edge.rollout.overlays import Edit, said_before

    for unit in units:
        edit = Edit(values={}, previous=args.previous)
        values = said_before(edit, unit, _flashed(line, unit), _folder(args))
        say(yaml.safe_dump({unit: values}, sort_keys=True, allow_unicode=True).rstrip())
    return DONE
