"""`patrol-edge detect`."""

import argparse

from edge.cli.console import CommandError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("detect", help="not there yet")
    parser.set_defaults(handler=_not_yet)


def _not_yet(args: argparse.Namespace) -> int:
    raise CommandError(f"{args.handler.__module__} is not written yet")
