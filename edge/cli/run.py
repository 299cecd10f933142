"""`patrol-edge run`: the main job, until it is told to stop."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.console import DONE, FAILED, USAGE, CommandError

if TYPE_CHECKING:
    from edge.app import App
    from edge.flashing.trial.first_steps import Begun

DEFAULT_CONFIG = Path("/etc/patrol-edge/unit.yaml")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="run this unit until SIGTERM or Ctrl-C",
        description="Run this unit: read its sensors, look at its pictures, tell the hub. "
        "Devices, broker and hub may be missing and come later; a configuration that is wrong "
        "is used as far as it goes, in safe mode, and told to the hub. Only one that does not "
        "even say which unit this is ends the start (exit code 2).",
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})"
    )
    parser.add_argument(
        "--safe", action="store_true", help="position, health and commands only: safe mode"
    )
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0 after an orderly stop, 1 when an essential worker died. Raises CommandError."""
    from edge.flashing.trial.first_steps import begin
    from edge.running import core_dumps
    from edge.running.state_files import close_to_others, set_umask
    from edge.running.state_lock import StateInUseError
    from edge.running.supervisor import block_stop_signals

    # Before any thread starts, so that all inherit it, also those that numpy starts on import: a
    # signal to the process goes to any thread that does not block it, and would end us at once.
    block_stop_signals()
    set_umask()
    core_dumps.forbid()  # before the first secret is read
    _check_identity(args.config)
    try:
        begun = begin(args.config, safe=args.safe)
    except StateInUseError as error:
        cure = "stop it (systemctl stop patrol-edge), or give this one a state_dir of its own"
        raise CommandError(str(error), cure) from error
    close_to_others(begun.loaded.settings.state_dir)
    app = _app(begun)
    code, following = _worked(app, begun)
    if code == 0 and app.anew.asked:
        begun.start_anew(following)
    return DONE if code == 0 else FAILED


def _check_identity(unit_file: Path) -> None:
    """A copy of a unit's disk is no unit, not even in safe mode. Raises CommandError."""
    from edge.booting.state_folder import state_folder
    from edge.provisioning.errors import ProvisioningError
    from edge.provisioning.guard import check_start
    from edge.provisioning.identity import Places

    try:
        check_start(Places(unit_file.absolute(), state_folder(unit_file)))
    except ProvisioningError as error:
        raise CommandError(error.text, error.cure, USAGE) from error


def _app(begun: "Begun") -> "App":
    """Raises CommandError; what was flashed and cannot even be built is taken back first."""
    from edge.app import App
    from telemetry.link.transport import TransportConfigError

    try:
        return App(begun.loaded, start=begun.start)
    except Exception as error:
        begun.take_back(error)
        if not isinstance(error, TransportConfigError):
            raise
        problem, _, cure = str(error).partition("; ")
        raise CommandError(problem, cure, USAGE) from error


def _worked(app: "App", begun: "Begun") -> tuple[int, list[str] | None]:
    """Until it is told to stop. Returns 0, or 1 when an essential worker died; and what to execute
    then, if that is known."""
    from edge.running import log
    from edge.running.supervisor import wait_for_stop_signal

    app.start()
    code = app.watch(wait_for_stop_signal)
    following = begun.next_command() if code == 0 and app.anew.asked else None
    log.stopping(app.parts.outbox.pending())
    left = app.stop()
    log.stopped(code, app.parts.outbox.pending())
    if code == 0 and following is None:
        begun.note_end()
    if left and not app.anew.asked:
        # A thread that hangs in native code would keep the interpreter from ending.
        sys.stderr.flush()
        os._exit(code)
    return code, following
