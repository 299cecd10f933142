"""What all simulated devices have in common: orders, and an end by Ctrl-C, SIGTERM or a time."""

import argparse
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge.cli.console import DONE, note
from edge.cli.parser import number_in


class Closable(Protocol):
    def close(self) -> object: ...


def add_control(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--control", type=Path, metavar="PATH", help="take orders on this Unix socket, too"
    )


def add_duration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--duration", type=number_in(0, 1e9), metavar="S", help="end after so many seconds"
    )


def ends_s(args: argparse.Namespace) -> float:
    """When it ends by itself (monotonic); SIGTERM ends it like Ctrl-C, so that links go, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return time.monotonic() + (float("inf") if args.duration is None else args.duration)


def played(name: str, play: Callable[[], None], *things: Closable) -> int:
    """Say what is there, let it work until its end or Ctrl-C, and put everything away."""
    note(name)
    try:
        play()
    except KeyboardInterrupt:
        note("stopped")
    finally:
        for thing in things:
            thing.close()
    return DONE
