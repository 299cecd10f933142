"""`patrol-edge flash --receive`: the unit's end of a line, started by whoever flashes over it."""

import argparse
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version as installed
from pathlib import Path

from edge.cli.console import DONE, FAILED
from edge.cli.flash.flash_options import SPOOL
from edge.flashing.lines.own_line import OwnLine, raw_terminal
from edge.flashing.lines.receiving import NotTakenError, Offered, Receiver, json_lines
from edge.flashing.lines.sending import LineLostError
from edge.local.control import by_whom
from edge.running.anew import interpreter


def receive(args: argparse.Namespace) -> int:
    """Take a bundle from stdin, flash it, and tell the other end. Raises ConfigError."""
    from drivers.clock import SystemClock
    from edge.flashing.as_service import become_service
    from edge.flashing.unit import unit_of

    unit = unit_of(args.config, args.state_dir)
    args.by = by_whom()  # whoever began it
    become_service(unit.state_dir)
    folder = unit.folder / SPOOL
    with raw_terminal():
        receiver = Receiver(OwnLine(), folder, SystemClock(), installed("patrol-edge"))
        try:
            path, offered = receiver.receive()
        except (LineLostError, NotTakenError):
            return FAILED
        try:
            code = _flashed(receiver, path, offered, args)
        finally:
            path.unlink(missing_ok=True)
        receiver.end({"ok": code == DONE, "exit_code": code})
        return code


def _flashed(receiver: Receiver, path: Path, offered: Offered, args: argparse.Namespace) -> int:
    """In a process of its own, whose lines go to the other end."""
    with subprocess.Popen(  # noqa: S603 - our own program, and no shell
        [*interpreter(), "-m", "edge.cli.start", "flash", str(path), *_options(offered, args)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            with suppress(LineLostError):  # the flash goes on; nobody hears of it here
                receiver.step(json_lines(line.rstrip()))
    return process.returncode


def _options(offered: Offered, args: argparse.Namespace) -> list[str]:
    options = ["--json", "--config", str(args.config)]
    options += ["--way", "serial" if sys.stdin.isatty() else "ssh", "--by", args.by]
    if args.state_dir is not None:
        options += ["--state-dir", str(args.state_dir)]
    if offered.wait_s is not None:
        options += ["--wait", str(offered.wait_s)] if offered.wait_s else ["--no-wait"]
    return [*options, "--force"] if offered.force else options
