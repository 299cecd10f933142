"""`patrol-edge run`: the main job, until it is told to stop."""

import argparse
import os
import sys
from pathlib import Path

from edge.cli.console import DONE, FAILED, USAGE, CommandError

DEFAULT_CONFIG = Path("/etc/patrol-edge/unit.yaml")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="run this unit until SIGTERM or Ctrl-C",
        description="Run this unit: read its sensors, look at its pictures, tell the hub. "
        "Devices, broker and hub may be missing and come later; only a wrong configuration "
        "ends the start (exit code 2).",
    )
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, help=f"the unit file ({DEFAULT_CONFIG})"
    )
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0 after an orderly stop, 1 when an essential worker died. Raises CommandError."""
    from config.loading import load
    from edge.running import core_dumps, log
    from edge.running.state_files import close_to_others, set_umask
    from edge.running.supervisor import block_stop_signals, wait_for_stop_signal

    # Before any thread starts, so that all inherit it, also those that numpy starts on import: a
    # signal to the process goes to any thread that does not block it, and would end us at once.
    block_stop_signals()
    from edge.app import App
    from edge.running.state_lock import StateInUseError, lock_state
    from telemetry.link.transport import TransportConfigError

    set_umask()
    core_dumps.forbid()  # before the first secret is read
    loaded = load(args.config)
    try:
        lock_state(loaded.settings.state_dir)
    except StateInUseError as error:
        cure = "stop it (systemctl stop patrol-edge), or give this one a state_dir of its own"
        raise CommandError(str(error), cure) from error
    log.set_up(loaded.settings.logging)
    log.starting(loaded)
    close_to_others(loaded.settings.state_dir)
    try:
        app = App(loaded)
    except TransportConfigError as error:
        problem, _, cure = str(error).partition("; ")
        raise CommandError(problem, cure, USAGE) from error
    app.start()
    code = app.watch(wait_for_stop_signal)
    log.stopping(app.parts.outbox.pending())
    left = app.stop()
    log.stopped(code, app.parts.outbox.pending())
    if left:
        # A thread that hangs in native code would keep the interpreter from ending.
        sys.stderr.flush()
        os._exit(code)
    return DONE if code == 0 else FAILED
