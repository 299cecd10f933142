"""`patrol-edge factory-reset`: wipe what is this unit's, and say what was wiped and what stays."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from config.language import localized, said, tell
from edge.cli.console import DONE, FAILED, USAGE, CommandError, note, say
from edge.cli.flash.ca import told_in_words
from edge.cli.flash.provision_places import places_of
from edge.cli.parser import add_command
from edge.cli.unit.asking import add_unit_options

if TYPE_CHECKING:
    from edge.provisioning.identity import Places

HELP = """\
Wipes keys, certificates, passwords, the queue, the journal, pictures, plates, tasks, what was
flashed, and the unit's name. The highest serials of bundles stay, so that nothing old can be
flashed afterwards. Asks twice; without a terminal it wants --yes and the unit's name.

  sudo patrol-edge factory-reset --export /media/stick
  sudo patrol-edge factory-reset --yes --unit-id dog-07 --stop
"""
SERVICE = "patrol-edge"
STOP_S = 60.0


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "factory-reset", "wipe keys, messages and personal data of this unit", HELP
    )
    add_unit_options(parser)
    parser.add_argument("--export", type=Path, metavar="DIR", help="copy the journal there first")
    parser.add_argument("--stop", action="store_true", help="stop the service first")
    parser.add_argument("--yes", action="store_true", help="do not ask; needs --unit-id")
    parser.add_argument("--unit-id", metavar="ID", help="the unit that is meant")
    parser.add_argument(
        "--if-asked", type=Path, metavar="FILE",
        help="only if this file holds the unit's name (a button's, a service's); it goes as well",
    )  # fmt: skip
    parser.set_defaults(handler=factory_reset)


def factory_reset(args: argparse.Namespace) -> int:
    from drivers.clock import SystemClock
    from edge.provisioning.reset import name_here, reset, room_on_flash

    places = places_of(args)
    name = name_here(places)
    if args.if_asked is not None and not _is_asked(args.if_asked, name):
        return DONE
    with told_in_words(places.state):
        if args.if_asked is None:
            _agreed(args, places, name)
        if args.stop:
            _stop()
        told: Callable[[str], None] = (
            (lambda _: None) if args.json else lambda text: note(f"  {localized(text)}")
        )
        done = reset(places, SystemClock(), args.export, told)
        if args.if_asked is not None:
            args.if_asked.unlink(missing_ok=True)
    if args.json:
        say(done.text())
        return DONE
    say(localized(tell("{unit} is no unit any more", unit=name)))
    for stays in done.stays:
        note(localized(tell("stays: {name}", name=stays)))
    note(localized(room_on_flash(places)))
    note(localized(tell("withdraw its certificate, too: patrol-edge ca revoke DIR {unit}",
                        unit=name)))  # fmt: skip
    return DONE


def _agreed(args: argparse.Namespace, places: "Places", name: str) -> None:
    """Raises CommandError where it is not."""
    from edge.cli.flash.provision_dialogue import Dialogue
    from edge.provisioning.reset import plan

    if args.yes:
        if args.unit_id != name:
            told = tell("--unit-id is not the name of the unit here, {unit}", unit=name)
            raise CommandError(told, tell("say which unit is meant"), USAGE)
        return
    if not sys.stdin.isatty():
        told = tell("nobody is there to ask")
        raise CommandError(told, tell("give --yes --unit-id {unit}", unit=name), USAGE)
    note(localized(tell("This wipes {unit}, for good:", unit=name)))
    for kind, count in plan(places).items():
        note(localized(tell("  {kind}: {count} files", kind=kind, count=count)))
    if args.export is None and (places.state / "journal").exists():
        note(localized(tell("  the journal is lost; to keep it: --export DIR")))
    dialogue = Dialogue()
    if not dialogue.agree(tell("Wipe it?"), default=False):
        raise CommandError(tell("nothing was wiped"))

    def same(text: str) -> str:
        if text.strip() not in (name, ""):
            raise ValueError(tell("that is not its name; Enter alone gives up"))
        return text.strip()

    if dialogue.ask(tell("Once more: write its name, {unit}", unit=name), same) != name:
        raise CommandError(tell("nothing was wiped"))


def _is_asked(path: Path, name: str) -> bool:
    """Raises CommandError for a file that others could have written."""
    from config.secrets import SecretFileError, SecretMissingError, read_kept

    try:
        content = read_kept(path, "intact", 256)
    except SecretMissingError:
        return False
    except SecretFileError as error:
        raise CommandError(said(error), tell("nothing was wiped")) from error
    if content.decode("ascii", "replace").strip() != name:
        told = tell("{path} does not hold the name of the unit here, {unit}",
                    path=str(path), unit=name)  # fmt: skip
        raise CommandError(told, tell("nothing was wiped"), USAGE)
    return True


def _stop() -> None:
    """Raises CommandError."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise CommandError(tell("there is no systemd here to stop it by"),
                           tell("end the unit, and leave --stop away"))  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - no shell, nothing of it from outside
            [systemctl, "stop", SERVICE],
            capture_output=True,
            text=True,
            timeout=STOP_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(tell("the unit does not stop"), exit_code=FAILED) from error
    if done.returncode != 0:
        told = tell("the unit cannot be stopped: {why}", why=done.stderr.strip()[:200])
        raise CommandError(told, exit_code=FAILED)
