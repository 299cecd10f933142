"""The `patrol-edge` command line: finds the command, runs it, turns errors into exit codes."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed

from config.errors import ConfigError
from config.language import tell
from edge.cli import config_command, fleet, run, version
from edge.cli.body import devices, doctor, firmware, gnss, simulate
from edge.cli.console import (
    DONE,
    FAILED,
    USAGE,
    CommandError,
    complain,
    drop_results,
    finish,
    note,
    open_what_is_closed,
)
from edge.cli.flash import bundle, ca, factory_reset, flash, provision, slots, trust, usb
from edge.cli.hub import conformance, hub
from edge.cli.parser import Parser
from edge.cli.unit import act, audio, control, duty, journal, keys, move, outbox, search, sos, task
from edge.cli.vision import camera, detect, models, plates, redact, replay, track, zones
from edge.cli.vision import eval as evaluate

# A line each, so that two commands can come at the same time.
GROUPS = (
    run,
    task,
    duty,
    sos,
    act,
    hub,
    control,
    move,
    keys,
    journal,
    fleet,
    conformance,
    outbox,
    config_command,
    devices,
    doctor,
    models,
    camera,
    gnss,
    audio,
    detect,
    plates,
    search,
    track,
    redact,
    zones,
    replay,
    simulate,
    evaluate,
    firmware,
    ca,
    provision,
    factory_reset,
    flash,
    slots,
    usb,
    bundle,
    trust,
    version,
)


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="patrol-edge", description="The runtime on a patrol unit, and its tools.")
    told = f"patrol-edge {installed('patrol-edge')}"
    parser.add_argument("--version", action="version", version=told, help="print it, and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 done, 1 the work failed, 2 wrong usage or configuration."""
    open_what_is_closed()
    args = build_parser().parse_args(argv)
    try:
        return _done(args)
    except ConfigError as error:
        note(error.localized())
        return USAGE
    except CommandError as error:
        complain(error)
        return error.exit_code
    except BrokenPipeError:
        drop_results()  # the reader (head, less) has what it wanted
        return DONE
    except PermissionError as error:  # what no command has told in words of its own
        complain(
            CommandError(
                tell("{file} may not be opened by this user", file=error.filename),
                tell("run as its owner"),
            )
        )
        return FAILED
    except KeyboardInterrupt:
        note("interrupted")
        return FAILED


def _done(args: argparse.Namespace) -> int:
    code = int(args.handler(args))
    finish()
    return code


if __name__ == "__main__":
    sys.exit(main())
