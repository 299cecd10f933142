"""The `patrol-edge` command line: finds the command, runs it, turns errors into exit codes."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.metadata import version as installed

from config.errors import ConfigError
from config.language import tell
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
from edge.cli.parser import Parser

# Each command's module, a line each, so that two commands can come at the same time. Only that of
# the command that is run is loaded: all of them take a second on a small computer.
COMMANDS = {
    "run": "edge.cli.run",
    "task": "edge.cli.unit.task",
    "duty": "edge.cli.unit.duty",
    "sos": "edge.cli.unit.sos",
    "act": "edge.cli.unit.act",
    "hub": "edge.cli.hub.hub",
    "control": "edge.cli.unit.control",
    "move": "edge.cli.unit.move",
    "keys": "edge.cli.unit.keys",
    "journal": "edge.cli.unit.journal",
    "fleet": "edge.cli.fleet",
    "conformance": "edge.cli.hub.conformance",
    "outbox": "edge.cli.unit.outbox",
    "config": "edge.cli.config_command",
    "devices": "edge.cli.body.devices",
    "doctor": "edge.cli.body.doctor",
    "models": "edge.cli.vision.models",
    "camera": "edge.cli.vision.camera",
    "gnss": "edge.cli.body.gnss",
    "audio": "edge.cli.unit.audio",
    "detect": "edge.cli.vision.detect",
    "plates": "edge.cli.vision.plates",
    "search": "edge.cli.unit.search",
    "track": "edge.cli.vision.track",
    "redact": "edge.cli.vision.redact",
    "zones": "edge.cli.vision.zones",
    "replay": "edge.cli.vision.replay",
    "simulate": "edge.cli.body.simulate",
    "eval": "edge.cli.vision.eval",
    "firmware": "edge.cli.body.firmware",
    "ca": "edge.cli.flash.ca",
    "provision": "edge.cli.flash.provision",
    "factory-reset": "edge.cli.flash.factory_reset",
    "flash": "edge.cli.flash.flash",
    "slots": "edge.cli.flash.slots",
    "usb": "edge.cli.flash.usb",
    "bundle": "edge.cli.flash.bundle",
    "trust": "edge.cli.flash.trust",
    "version": "edge.cli.version",
}


def build_parser(names: Iterable[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """The parser of these commands."""
    parser = Parser(prog="patrol-edge", description="The runtime on a patrol unit, and its tools.")
    told = f"patrol-edge {installed('patrol-edge')}"
    parser.add_argument("--version", action="version", version=told, help="print it, and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        import_module(COMMANDS[name]).register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 done, 1 the work failed, 2 wrong usage or configuration."""
    open_what_is_closed()
    args = _parsed(sys.argv[1:] if argv is None else argv)
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
                tell("run it with sudo, or as its owner"),
            )
        )
        return FAILED
    except KeyboardInterrupt:
        note("interrupted")
        return FAILED


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    # What is no command, --help and nothing at all need them all, to name them.
    names = argv[:1] if argv and argv[0] in COMMANDS else COMMANDS
    return build_parser(names).parse_args(argv)


def _done(args: argparse.Namespace) -> int:
    code = int(args.handler(args))
    finish()
    return code


if __name__ == "__main__":
    sys.exit(main())
